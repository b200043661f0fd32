/** A scheduler in this process, on a real database and with real commands; only the time of day and sessions are ours. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { pino } from 'pino'
import type { Handlers } from '../../../protocol/method.ts'
import { scheduler as contract, type RunState, type scheduler } from '../../../protocol/scheduler.ts'
import { parseInput } from '../../../protocol/validate.ts'
import { openHome } from '../../../services/runtime/home.ts'
import { createReleases } from '../../../services/runtime/releases.ts'
import type { SessionsDoor } from '../../../services/scheduler/claude.ts'
import type { TelegramDoor } from '../../../services/scheduler/deliveries.ts'
import { openScheduler } from '../../../services/scheduler/open.ts'
import type { At } from '../../../services/scheduler/points.ts'
import type { DeliveryRow, RunRow } from '../../../services/scheduler/rows.ts'
import { Settings } from '../../../services/scheduler/settings.ts'
import { atEnd, eventually, type Scope, tempDir } from '../../harness.ts'

/** 2026-01-05 is a Monday. */
export const MONDAY = Date.UTC(2026, 0, 5, 10, 0, 0)

export interface Rig {
  readonly home: string
  /** The time of day; a test sets it. */
  now: number
  readonly handlers: Handlers<typeof scheduler>
  readonly lines: string[]
  /** What was told: run_ended and job_disabled. */
  readonly told: { readonly topic: string; readonly payload: { readonly state?: RunState; readonly reason?: string } }[]
  /** Begins as the service does: ticks, and removes what is too old. */
  start(): void
  /** Looks at the ledger until nothing more is due at the present time. */
  tick(): void
  /** Sets the clock forward in steps of one second, with a tick at each. */
  pass(seconds: number): void
  create(fields: object): Promise<number>
  call<M extends keyof (typeof scheduler)['methods']>(method: M, input: object): ReturnType<Handlers<typeof scheduler>[M]>
  rows(job_id: number): RunRow[]
  states(job_id: number): string[]
  deliveries(): DeliveryRow[]
  query<R>(sql: string, ...values: unknown[]): R[]
  settled(run_id: string): Promise<RunRow>
  allSettled(job_id: number): Promise<RunRow[]>
  /** Closes as a service does at its end; what runs goes on. */
  close(): Promise<void>
}

export interface RigOptions {
  readonly home?: string
  readonly env?: Record<string, string>
  readonly now?: number
  readonly sessions?: Partial<SessionsDoor & TelegramDoor>
  readonly at?: At
}

const nobody = (name: string) => async (): Promise<never> => {
  throw new Error(`${name} was not expected`)
}

export const openRig = async (t: Scope, options: RigOptions = {}): Promise<Rig> => {
  const home = options.home ?? tempDir(t)
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const releases = createReleases(log)
  const told: Rig['told'] = []
  const sessions = {
    ...{ send: nobody('send'), events: nobody('events'), turn: nobody('turn'), interrupt: nobody('interrupt') },
    ...{ keep_token: nobody('keep_token'), deliver: nobody('deliver') },
    ...options.sessions,
  } as SessionsDoor & TelegramDoor
  const rig = { now: options.now ?? MONDAY }
  const opened = openScheduler({
    env: Settings.parse({ SWITCHBOARD_HOME: home, CRON_WEBHOOK_PRIVATE: 'on', ...options.env }),
    environment: { PATH: process.env.PATH, HOME: home, SECRET_TOKEN: 'must not be seen', ...options.env },
    home: openHome(home),
    log,
    sessions,
    publish: {
      run_ended: (payload) => void told.push({ topic: 'run_ended', payload }),
      job_disabled: (payload) => void told.push({ topic: 'job_disabled', payload }),
    },
    defer: (name, release) => releases.add(name, release),
    clock: { now: () => rig.now },
    ...(options.at === undefined ? {} : { at: options.at }),
  })
  const close = async (): Promise<void> => void (await releases.run(5_000))
  atEnd(t, close)
  const reader = new Database(join(home, 'db', 'scheduler.db'), { readonly: true })
  atEnd(t, () => void reader.close())
  const query = <R>(sql: string, ...values: unknown[]): R[] => reader.prepare(sql).all(...values) as R[]
  const call: Rig['call'] = (method, input) =>
    (opened.handlers[method] as (input: unknown, call: object) => never)(parseInput(contract.methods[method], input), {
      call_id: randomUUID(),
      signal: new AbortController().signal,
    })
  const rows = (job_id: number): RunRow[] => query('SELECT * FROM runs WHERE job_id = ? ORDER BY scheduled_at, id', job_id)
  const isOver = ({ state }: RunRow): boolean => state !== 'claimed' && state !== 'running'
  const made: Rig = Object.assign(rig, {
    home,
    handlers: opened.handlers,
    start: opened.start,
    lines,
    told,
    query,
    call,
    rows,
    close,
    tick: () => {
      while (opened.tick());
    },
    pass: (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        rig.now += 1_000
        made.tick()
      }
    },
    create: async (fields: object) => {
      const defaults = { name: 'job', cron_expression: '* * * * *', command: 'true', job_type: 'shell', enabled: true }
      const { id } = await call('create', { ...defaults, timezone: 'UTC', bot_id: 'default', ...fields })
      return id
    },
    states: (job_id: number) => rows(job_id).map(({ state }) => state),
    deliveries: () => query<DeliveryRow>('SELECT * FROM deliveries'),
    settled: async (run_id: string) =>
      await eventually(() => query<RunRow>('SELECT * FROM runs WHERE run_id = ?', run_id).find(isOver), { timeout_ms: 20_000 }),
    allSettled: async (job_id: number) =>
      await eventually(() => (rows(job_id).every(isOver) ? rows(job_id) : undefined), { timeout_ms: 30_000 }),
  })
  return made
}
