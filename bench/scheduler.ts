/** The scheduler with 10,000 jobs: a look at the ledger, the list, and how late what is due comes. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { pino } from 'pino'
import { createClient } from '../protocol/client.ts'
import { scheduler as contract } from '../protocol/scheduler.ts'
import { parseInput } from '../protocol/validate.ts'
import { openLink } from '../protocol/wire/link.ts'
import { openServer } from '../protocol/wire/server.ts'
import { openHome } from '../services/runtime/home.ts'
import { createReleases } from '../services/runtime/releases.ts'
import { openScheduler } from '../services/scheduler/open.ts'
import { Settings } from '../services/scheduler/settings.ts'
import type { Bench } from './bench.ts'
import { atMost, toRow } from './row.ts'
import type { Scope } from './scope.ts'
import { highest, quantile } from './statistics.ts'

const JOBS = 10_000
/** Looks at the ledger in one round, a second of its time each: ten minutes. */
const TICKS = 600
const LISTS = 20
/** How long a round waits for what comes due by itself: ten minutes in five rounds. */
const LIVE_MS = 120_000
/** Among the jobs that come due: those with a command of their own. */
const COMMANDS = 60
const ZONES = ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Shanghai', 'Australia/Lord_Howe']

const nobody = async (): Promise<never> => {
  throw new Error('no prompt is sent here')
}

/** A scheduler in this process. Prompts are never sent: their jobs may spend nothing, so that each moment is just its row. */
const open = (scope: Scope, now?: () => number) => {
  const home = openHome(join(scope.folder(), randomUUID().slice(0, 8)))
  const log = pino({ level: 'silent' })
  const releases = createReleases(log)
  /** Behind each measurement: one that ticks on would take its share of the next. */
  const close = async (): Promise<void> => void (await releases.run(5_000))
  scope.after(close)
  const opened = openScheduler({
    env: Settings.parse({ SWITCHBOARD_HOME: home.root }),
    environment: { PATH: process.env.PATH, HOME: home.root },
    home,
    log,
    sessions: { send: nobody, events: nobody, turn: nobody, interrupt: nobody, keep_token: nobody, deliver: nobody },
    publish: { run_ended: () => undefined, job_disabled: () => undefined },
    defer: (name, release) => releases.add(name, release),
    ...(now === undefined ? {} : { clock: { now } }),
  })
  const create = async (fields: object): Promise<void> => {
    const call = { call_id: randomUUID(), signal: new AbortController().signal }
    const input = { name: 'job', job_type: 'claude', command: 'hello', spend_limit_usd: 0, ...fields }
    await opened.handlers.create(parseInput(contract.methods.create, input) as never, call)
  }
  return { ...opened, home, create, close }
}

/** How long each look takes while a round of ten minutes passes in which every job comes due once an hour. */
const measureTicks = async (scope: Scope): Promise<{ ticks: number[]; lists: number[]; overWire: number[] }> => {
  let now = Date.UTC(2026, 9, 31, 12)
  const { create, tick, handlers, home, close } = open(scope, () => now)
  for (let job = 0; job < JOBS; job += 1)
    await create({ cron_expression: `${job % 60} ${(job * 7) % 60} * * * *`, timezone: ZONES[job % ZONES.length] })
  const ticks: number[] = []
  for (let second = 0; second < TICKS; second += 1) {
    now += 1_000
    for (let isMore = true; isMore; ) {
      const began = performance.now()
      isMore = tick()
      ticks.push(performance.now() - began)
    }
    // Others get their turn, as between real ticks.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const server = await openServer({ run_dir: home.run, service: 'scheduler', instance: 'bench', handlers })
  scope.after(() => server.close())
  const link = openLink({ run_dir: home.run, service: 'scheduler' })
  scope.after(() => link.close())
  const client = createClient('scheduler', link.call)
  const lists: number[] = []
  const overWire: number[] = []
  for (let list = 0; list < LISTS; list += 1) {
    const began = performance.now()
    await handlers.list({ bot_id: 'default', next_runs: 1 }, { call_id: 'bench', signal: new AbortController().signal })
    const between = performance.now()
    await client.list({}, { timeout_ms: 30_000 })
    lists.push(between - began)
    overWire.push(performance.now() - between)
  }
  await close()
  return { ticks, lists, overWire }
}

/** How late rows and commands are, in milliseconds, while every job comes due once a minute. */
const measureLateness = async (scope: Scope): Promise<{ claims: number[]; starts: number[] }> => {
  const { create, start, home, close } = open(scope)
  for (let job = 0; job < JOBS; job += 1)
    await create({ cron_expression: `${job % 60} * * * * *`, timezone: ZONES[job % ZONES.length] })
  for (let job = 0; job < COMMANDS; job += 1)
    await create({ job_type: 'shell', command: 'true', cron_expression: `${job % 60} * * * * *`, spend_limit_usd: null })
  const since = Date.now() + 5_000
  start()
  await sleep(LIVE_MS)
  await close()
  const db = new Database(join(home.db, 'scheduler.db'), { readonly: true })
  try {
    const late = (column: string): number[] =>
      db
        .prepare(
          `SELECT ${column} - scheduled_at AS ms FROM runs WHERE "trigger" = 'schedule' AND scheduled_at >= ? AND ${column} IS NOT NULL`,
        )
        .pluck()
        .all(since) as number[]
    return { claims: late('claimed_at'), starts: late('started_at') }
  } finally {
    db.close()
  }
}

export const scheduler: Bench = {
  summary: `The scheduler with ${JOBS.toLocaleString('en-US')} jobs`,
  run: async ({ rounds, scope }) => {
    const looks: Awaited<ReturnType<typeof measureTicks>>[] = []
    const lates: Awaited<ReturnType<typeof measureLateness>>[] = []
    for (let round = 0; round < rounds; round += 1) {
      looks.push(await measureTicks(scope))
      lates.push(await measureLateness(scope))
    }
    const of = <R>(found: readonly R[], values: (one: R) => readonly number[], share: number): number[] =>
      found.map((one) => quantile(values(one), share))
    const n = looks.reduce((sum, { ticks }) => sum + ticks.length, 0)
    const claims = lates.flatMap((late) => late.claims)
    const starts = lates.flatMap((late) => late.starts)
    return [
      toRow({ what: 'tick, p99', unit: 'ms', rounds: of(looks, ({ ticks }) => ticks, 0.99), n, goal: atMost(5) }),
      toRow({ what: 'tick, p50', unit: 'ms', rounds: of(looks, ({ ticks }) => ticks, 0.5), n }),
      toRow({ what: 'tick, longest', unit: 'ms', rounds: of(looks, ({ ticks }) => ticks, 1), n }),
      toRow({
        what: 'list of all jobs, in the service',
        unit: 'ms',
        rounds: of(looks, ({ lists }) => lists, 0.5),
        n: LISTS * rounds,
        goal: atMost(50),
      }),
      toRow({
        what: 'list of all jobs, over the wire',
        unit: 'ms',
        rounds: of(looks, ({ overWire }) => overWire, 0.5),
        n: LISTS * rounds,
      }),
      toRow({
        what: 'worst lateness of a row, 167 due a second',
        unit: 'ms',
        rounds: lates.map((late) => highest(late.claims)),
        value: highest(claims),
        n: claims.length,
        goal: atMost(1_000),
      }),
      toRow({
        what: 'worst lateness of a command',
        unit: 'ms',
        rounds: lates.map((late) => highest(late.starts)),
        value: highest(starts),
        n: starts.length,
        goal: atMost(1_000),
      }),
    ]
  },
}
