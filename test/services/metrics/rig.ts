/** Metrics in this process, on a real database; the other services answer what a test says, and PM2 is a stand-in. */
import { join } from 'node:path'
import { pino } from 'pino'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Alert } from '../../../protocol/metrics.ts'
import type { Pong } from '../../../protocol/wire/frames.ts'
import { openMetrics } from '../../../services/metrics/open.ts'
import { Settings } from '../../../services/metrics/settings.ts'
import { openHome } from '../../../services/runtime/home.ts'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { createReleases } from '../../../services/runtime/releases.ts'
import { closeDatabase, openDatabase } from '../../../services/runtime/sqlite.ts'
import type { Pm2, Pm2App } from '../../../services/runtime/watch/pm2.ts'
import { atEnd, type Scope, tempDir } from '../../harness.ts'

type Deps = Parameters<typeof openMetrics>[0]

/** A database of metrics by itself. */
export const openMetricsDatabase = (t: Scope, folder = tempDir(t)) => {
  const migrations_dir = join(packageRoot(import.meta.url), 'services/metrics/migrations')
  const db = openDatabase({ path: join(folder, 'metrics.db'), migrations_dir, synchronous: 'NORMAL' })
  atEnd(t, () => closeDatabase(db))
  return db
}

const away = async (): Promise<never> => {
  throw new ServiceError('unavailable', 'it is not running: nobody took the call')
}

/** Services of which nobody is there. */
export const NOBODY = {
  sessions: { status: away, list_tasks: away, harness_status: away },
  scheduler: { list: away, status: away, ledger: away },
  memory: { status: away, list: away },
  history: { list_sessions: away },
} as unknown as Deps['neighbours']

export const pongOf = (over: Partial<Pong> = {}): Pong => ({
  ...{ instance: 'first', pid: process.pid, uptime_ms: 1_000, loop_lag_ms: 2, calls: 7, failures: 1, in_flight: 0 },
  ...over,
})

/** A PM2 that lists what it is told and notes what it is asked. */
export const fakePm2 = (apps: Pm2App[] = [], onKill: (id: number) => void = () => undefined) => {
  const killed: number[] = []
  const pm2: Pm2 = {
    isThere: true,
    list: async () => [...apps],
    kill: async (id) => {
      killed.push(id)
      onKill(id)
    },
  }
  return { pm2, apps, killed }
}

export interface RigOptions {
  readonly env?: Record<string, string>
  readonly neighbours?: Partial<Deps['neighbours']>
  readonly ping?: Deps['ping']
  readonly watched?: readonly string[]
  readonly pm2?: Pm2
  readonly home?: string
}

export const openRig = (t: Scope, options: RigOptions = {}) => {
  const root = options.home ?? tempDir(t)
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const releases = createReleases(log)
  const raised: Alert[] = []
  const cleared: Alert[] = []
  const home = openHome(root)
  const env = Settings.parse({
    SWITCHBOARD_HOME: root,
    CLAUDE_CONFIG_DIR: join(root, 'claude'),
    GATEWAY_MIN_FREE_DISK_MB: '0',
    ...options.env,
  })
  const opened = openMetrics({
    ...{ env, environment: {}, home, log },
    neighbours: { ...NOBODY, ...options.neighbours },
    watched: options.watched ?? ['edge', 'sessions'],
    ping: options.ping ?? (async () => pongOf()),
    publish: {
      alert_raised: (alert) => void raised.push(alert),
      alert_cleared: (alert) => void cleared.push(alert),
      sampled: () => undefined,
    },
    defer: (name, release) => releases.add(name, release),
    pm2: options.pm2 ?? fakePm2().pm2,
    ping_every_ms: 20,
    ending: new AbortController().signal,
  })
  const close = async (): Promise<void> => void (await releases.run(5_000))
  atEnd(t, close)
  return { ...opened, root, home, lines, raised, cleared, close }
}

/** How a handler is called in a test. */
export const CALL = { call_id: 'test', signal: new AbortController().signal }
