/** Puts the parts of metrics together. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Clients } from '../../protocol/contract.ts'
import type { Publisher } from '../../protocol/method.ts'
import type { Counts, Metrics, metrics } from '../../protocol/metrics.ts'
import type { Pong } from '../../protocol/wire/frames.ts'
import { startDailyBackup } from '../runtime/daily-backup.ts'
import type { Home } from '../runtime/home.ts'
import type { Log } from '../runtime/log.ts'
import { packageRoot } from '../runtime/package-root.ts'
import { settledWithin } from '../runtime/releases.ts'
import { closeDatabase, openDatabase } from '../runtime/sqlite.ts'
import { openPm2, type Pm2 } from '../runtime/watch/pm2.ts'
import { createWatchdog, pm2HomeOf } from '../runtime/watch/settings.ts'
import { AgentSeries } from './agent-series.ts'
import { Agents } from './agents.ts'
import { Alerts } from './alerts.ts'
import * as applications from './applications.ts'
import { Auditor } from './auditor/auditor.ts'
import { CrashLoops } from './crash-loop.ts'
import { startDashboardPush } from './dashboard/open.ts'
import { Doctor } from './doctor.ts'
import { startHousekeeping } from './housekeeping.ts'
import { judge } from './judge.ts'
import { LastKnown } from './last-known.ts'
import { pastOf } from './past.ts'
import { Processes, type ProcessSample } from './processes.ts'
import { Sampler, type Seen } from './sampler.ts'
import { createMetrics } from './service.ts'
import type { Settings } from './settings.ts'
import { openStore } from './store.ts'
import { System } from './system.ts'
import { openUsageStore } from './usage/store.ts'
import { Usage } from './usage/usage.ts'

/** Whoever asks for the present waits no longer for those who do not answer. */
const PATIENCE_MS = 3_000
const MINUTE_MS = 60_000

export interface OpenMetricsDeps {
  readonly env: Settings
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: Home
  readonly log: Log
  readonly neighbours: applications.Neighbours & { readonly scheduler: Pick<Clients['scheduler'], 'ledger'> }
  /** The processes that are watched, and how each is asked. */
  readonly watched: readonly string[]
  readonly ping: (name: string, patience_ms: number) => Promise<Pong>
  readonly publish: Publisher<typeof metrics>
  readonly defer: (name: string, release: () => void | Promise<void>) => void
  /** Aborted when the process begins to end. */
  readonly ending: AbortSignal
  /** For tests; PM2's own command line where absent. */
  readonly pm2?: Pm2
  /** How often processes are pinged; for tests. */
  readonly ping_every_ms?: number
}

const UNKNOWN: Counts = {
  ...{ active_sessions: null, live_agents: null, running_turns: null, waiting_turns: null },
  ...{ cron_jobs: null, cron_jobs_enabled: null, cron_runs_running: null, cron_late_ms: null },
  ...{ deliveries_pending: null, memories: null },
}

/** Handlers that may be called, with the way to begin watching. Releases are given to `defer`. */
export const openMetrics = (deps: OpenMetricsDeps) => {
  const { env, environment, home, log, neighbours, publish, defer } = deps
  const migrations_dir = join(packageRoot(import.meta.url), 'services/metrics/migrations')
  const db = openDatabase({ path: join(home.db, 'metrics.db'), migrations_dir, synchronous: 'NORMAL', log })
  defer('database', () => closeDatabase(db))
  const store = openStore(db)
  const config_dir = env.CLAUDE_CONFIG_DIR ?? join(homedir(), '.claude')
  const usage = new Usage({ config_dir, store: openUsageStore(db), log })
  defer('usage', () => usage.close())
  const alerts = new Alerts({ store, log, onRaised: publish.alert_raised, onCleared: publish.alert_cleared })

  const pm2 = deps.pm2 ?? openPm2({ home: pm2HomeOf(env, home.root), environment, signal: deps.ending })
  const watchdog = createWatchdog({
    ...{ env, environment, home, log, pm2, ending: deps.ending, names: deps.watched, ping: deps.ping },
    ...(deps.ping_every_ms === undefined ? {} : { every_ms: deps.ping_every_ms }),
    onHang: (subject, message) => alerts.raise({ kind: 'service_hangs', subject, level: 'critical', message }),
    // Not at the next sample: /readyz shall say so at once.
    onUp: (name) => {
      for (const kind of ['service_hangs', 'service_down']) alerts.clear(kind, name)
    },
  })
  const loops = new CrashLoops({ restarts: env.CRASH_LOOP_RESTARTS, window_ms: env.CRASH_LOOP_MINUTES * MINUTE_MS }, store)
  const processes = new Processes({
    take: () => watchdog.take(),
    pm2,
    agents: new Agents(home.agents),
    log,
    onApps: (apps) => loops.see(apps, Date.now()),
  })
  defer('processes', () => processes.close())
  const system = new System(home.root)

  const archives = join(home.root, 'archives', 'index.json')
  const parts = new LastKnown(
    {
      cron_jobs: { read: () => applications.readJobs(neighbours), fresh_ms: 5_000 },
      memory: { read: () => applications.readMemory(neighbours), fresh_ms: 60_000 },
      chat: { read: () => applications.readChat(neighbours), fresh_ms: 15_000 },
      harness: { read: () => applications.readHarness(neighbours, archives), fresh_ms: 15_000 },
    },
    log,
  )
  const quick = new LastKnown(
    {
      system: { read: () => system.read(Date.now()), fresh_ms: 0 },
      sessions: { read: () => applications.readSessionCounts(neighbours), fresh_ms: 0 },
      scheduler: { read: () => applications.readSchedulerCounts(neighbours), fresh_ms: 0 },
      memories: { read: () => applications.readMemoryCounts(neighbours), fresh_ms: 0 },
    },
    log,
  )

  let seen: Seen | undefined
  const countsNow = (): Counts => {
    const { sessions, scheduler, memories } = quick.values
    return { ...UNKNOWN, ...sessions, ...scheduler, ...memories }
  }
  const look = async (): Promise<Seen> => {
    await settledWithin(watchdog.looked, PATIENCE_MS)
    const [sample] = await Promise.all([processes.sample(), settledWithin(quick.refresh(), PATIENCE_MS)])
    return { at: Date.now(), system: quick.values.system, processes: sample, counts: countsNow() }
  }
  const rules = {
    min_free_mb: env.GATEWAY_MIN_FREE_MB,
    min_free_disk_mb: env.GATEWAY_MIN_FREE_DISK_MB,
    crash_loop_minutes: env.CRASH_LOOP_MINUTES,
  }
  const agents = new AgentSeries()
  const sampler = new Sampler({
    every_ms: env.METRICS_SAMPLE_SECONDS * 1_000,
    look,
    store,
    log,
    onSeen: (now) => {
      seen = now
      agents.add(now.at, now.processes.agents)
      judge(alerts, loops, rules, { watched: watchdog.read(), system: now.system, counts: now.counts, now: now.at })
      publish.sampled({ at: now.at })
    },
  })
  defer('sampler', () => sampler.close())

  const nobody: ProcessSample = { services: [], agents: [], sampled_at: Date.now() }
  const known = (): Metrics => ({
    timestamp: new Date(seen?.at ?? Date.now()).toISOString(),
    ...parts.values,
    claude_usage: usage.read(),
    system: seen?.system ?? null,
    counts: seen?.counts ?? UNKNOWN,
    processes: seen?.processes ?? nobody,
    alerts: alerts.open,
    notes: [...parts.notes, ...quick.notes],
  })
  const current = async (anew: boolean): Promise<Metrics> => {
    const fresh = [parts.refresh(anew), ...(anew || seen === undefined ? [sampler.look()] : []), ...(anew ? [usage.scan()] : [])]
    const done = Promise.all(fresh)
    // Whoever asks for the present gets what is known; the loops say what fails.
    await settledWithin(anew ? done : done.catch(() => undefined), PATIENCE_MS)
    return known()
  }

  const auditor = new Auditor({
    scheduler: neighbours.scheduler,
    log,
    onChange: (gaps) =>
      alerts.set(gaps.length > 0, {
        ...{ kind: 'audit_gap', subject: 'scheduler', level: 'critical' },
        message: `${gaps.length} due moments of jobs have no row in the ledger, the first of job ${gaps[0]?.job_id}. Please report this: it must not happen`,
      }),
  })
  defer('auditor', () => auditor.close())
  const doctor = new Doctor({ log, environment, home: home.root })
  defer('doctor', () => doctor.close())

  const start = (): void => {
    watchdog.start()
    defer('watchdog', () => watchdog.close())
    sampler.start()
    usage.start()
    auditor.start()
    const dashboard = startDashboardPush({
      env,
      home,
      log,
      current: () => current(false),
      past: async () => pastOf(store, Date.now()),
    })
    defer('dashboard', () => dashboard.close())
    const daily = startDailyBackup({ home, every_hours: env.BACKUP_EVERY_HOURS, environment, log })
    defer('daily backup', () => daily.stop())
    const housekeeping = startHousekeeping({ env, home, pm2_home: pm2HomeOf(env, home.root), log })
    defer('housekeeping', () => housekeeping.stop())
  }
  return { handlers: createMetrics({ store, agents, current, known, doctor, log }), start, watchdog, sampler, usage, alerts }
}
