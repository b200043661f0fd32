/** Puts the parts of the scheduler together and takes up what the last life left. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Publisher } from '../../protocol/method.ts'
import type { scheduler } from '../../protocol/scheduler.ts'
import { machineZone } from '../runtime/cron/zone.ts'
import type { Home } from '../runtime/home.ts'
import type { Log } from '../runtime/log.ts'
import { packageRoot } from '../runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../runtime/sqlite.ts'
import { Claude, type SessionsDoor } from './claude.ts'
import { type Clock, startTicking } from './clock.ts'
import { Deliveries, type TelegramDoor } from './deliveries.ts'
import { Ledger } from './ledger.ts'
import type { At } from './points.ts'
import { isOpen, type JobRow, type RunRow } from './rows.ts'
import { Runs } from './runs.ts'
import { createScheduler } from './service.ts'
import type { Settings } from './settings.ts'
import { Shell, shellEnvironment } from './shell/shell.ts'
import { openStore } from './store.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** An auditor asks for the schedules of the last day. */
const AUDITED_DAYS = 2
/** Rows dropped in one transaction. */
const DROP = 500

export interface OpenSchedulerDeps {
  readonly env: Settings
  /** Our whole environment, of which a command gets the allowed part. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: Home
  readonly log: Log
  readonly sessions: SessionsDoor & TelegramDoor
  readonly publish: Publisher<typeof scheduler>
  readonly defer: (name: string, release: () => void | Promise<void>) => void
  readonly clock?: Clock
  /** Hears of each named point; only crash tests listen. */
  readonly at?: At
}

/** Handlers that may be called, with the way to begin ticking. Releases are given to `defer`. */
export const openScheduler = (deps: OpenSchedulerDeps) => {
  const { env, home, log, publish, defer, sessions, clock = { now: Date.now }, at = () => undefined } = deps
  const migrations_dir = join(packageRoot(import.meta.url), 'services/scheduler/migrations')
  const db = openDatabase({ path: join(home.db, 'scheduler.db'), migrations_dir, synchronous: 'FULL', log })
  defer('database', () => closeDatabase(db))
  const store = openStore(db)
  const root = join(home.root, 'cron')
  mkdirSync(root, { recursive: true, mode: 0o700 })

  const timeout_s = (type: JobRow['job_type']): number => (type === 'shell' ? env.CRON_SHELL_TIMEOUT : env.CRON_CLAUDE_TIMEOUT)
  const tell = ({ run_id, job_id, bot_id, state }: RunRow): void => publish.run_ended({ run_id, job_id, bot_id, state })
  const onDisabled = ({ id, bot_id }: JobRow, reason: string): void => publish.job_disabled({ job_id: id, bot_id, reason })

  const deliveries = new Deliveries({ store, telegram: sessions, clock, log, at, allowPrivate: env.CRON_WEBHOOK_PRIVATE })
  defer('deliveries', () => deliveries.close())
  const ledger = new Ledger({
    store,
    clock,
    log,
    at,
    shell: env.CRON_SHELL,
    keep_runs: env.CRON_KEEP_RUNS,
    deliveries,
    onRows: (rows) => {
      for (const row of rows) if (!isOpen(row.state)) runs.tell(row)
      runs.poke()
    },
    onDisabled,
  })
  const shell = new Shell({ root, env: shellEnvironment(deps.environment, env.CRON_ENV_PASS), log, at })
  const claude = new Claude({ sessions, at, now: () => clock.now() })
  const max_running = env.CRON_MAX_RUNNING
  const runs: Runs = new Runs({
    ...{ store, clock, ledger, shell, claude, deliveries, log, at, max_running, timeout_s },
    onEnd: tell,
    onDisabled,
  })
  defer('runs', () => runs.close())
  ledger.recover(machineZone())
  runs.recover()

  /** One look at what is due; true when there is more of it. */
  const tick = (): boolean => {
    const isMore = ledger.tick()
    runs.poke()
    deliveries.poke()
    return isMore
  }
  let isEnding = false
  const tickOn = (): void => {
    try {
      // Others get their turn between two looks.
      if (!isEnding && tick()) setImmediate(tickOn)
    } catch (error) {
      log.error({ err: error }, 'A tick failed; what is due is looked at again at the next one')
    }
  }
  const dropAged = (): void => {
    if (isEnding) return
    const before = clock.now() - env.CRON_KEEP_DAYS * DAY_MS
    try {
      const rows = store.dropAged(before, DROP)
      const schedules = store.dropSchedules(Math.min(before, clock.now() - AUDITED_DAYS * DAY_MS), DROP)
      if (rows === DROP || schedules > 0) setImmediate(dropAged)
    } catch (error) {
      log.error({ err: error }, 'Old rows could not be removed; it is tried again in an hour')
    }
  }
  const start = (): void => {
    const ticking = startTicking(clock, tickOn)
    const hourly = setInterval(() => {
      dropAged()
      try {
        runs.sweep()
      } catch (error) {
        log.error({ err: error }, 'Old folders could not be removed; it is tried again in an hour')
      }
    }, HOUR_MS)
    defer('clock', () => {
      isEnding = true
      ticking.stop()
      clearInterval(hourly)
    })
    dropAged()
  }
  const rules = { shell: env.CRON_SHELL, allowPrivate: env.CRON_WEBHOOK_PRIVATE }
  const handlers = createScheduler({ store, clock, ledger, runs, shell, telegram: sessions, rules, timeout_s })
  return { handlers, start, tick }
}
