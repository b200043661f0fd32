/** What the command needs to know of the settings; read from the same places as the services read theirs. */
import { join } from 'node:path'
import { z } from 'zod'
import { BaseEnv, EnvFolder, envInteger, parseEnv } from '../services/runtime/env.ts'
import { homeAt } from '../services/runtime/home.ts'
import { packageRoot } from '../services/runtime/package-root.ts'

const Memory = z.string().regex(/^[1-9]\d*[KMG]$/, 'must be a number followed by K, M or G, such as 300M')

/** The part of the environment that the command itself reads. */
export const env = BaseEnv.extend({
  PM2_HOME: EnvFolder.optional(),
  /** How often PM2 looks at memory, in ms; its own 30 s is an age for a leak on a small machine. */
  PM2_WORKER_INTERVAL: envInteger(100, 600_000).default(1_000),
  GATEWAY_HOST: z.string().min(1).default('127.0.0.1'),
  GATEWAY_PORT: envInteger(1, 65_535).default(8_000),
  GATEWAY_TOKEN: z.string().optional(),
  EDGE_MAX_MEMORY: Memory.default('300M'),
  SESSIONS_MAX_MEMORY: Memory.default('400M'),
  SCHEDULER_MAX_MEMORY: Memory.default('300M'),
  HISTORY_MAX_MEMORY: Memory.default('500M'),
  MEMORY_MAX_MEMORY: Memory.default('600M'),
  METRICS_MAX_MEMORY: Memory.default('300M'),
  REPORTS_MAX_MEMORY: Memory.default('300M'),
})

/** The services, by the names that PM2 shows. */
export const SERVICES = ['edge', 'scheduler', 'sessions', 'history', 'memory', 'metrics', 'reports'] as const

export interface Settings {
  /** The root of the checkout. */
  readonly root: string
  /** Everything we write. */
  readonly home: string
  readonly run_dir: string
  readonly logs_dir: string
  readonly pm2_home: string
  readonly host: string
  readonly port: number
  /** Where a client on this machine reaches the edge. */
  readonly url: string
  /** What the edge asks of its clients, the command among them. Never printed. */
  readonly token?: string | undefined
  readonly services: readonly string[]
  /** What `ecosystem.config.js` reads. */
  readonly ecosystem: Record<string, string>
}

/** Where to reach a server bound to this address from this machine. */
const reachable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host)

/** Reads the settings; makes nothing. Throws one error that lists all faults. */
export const readSettings = (environment: NodeJS.ProcessEnv): Settings => {
  const values = parseEnv(env, { environment })
  const home = homeAt(values.SWITCHBOARD_HOME)
  const host = reachable(values.GATEWAY_HOST)
  return {
    root: packageRoot(import.meta.url),
    home: home.root,
    run_dir: home.run,
    logs_dir: home.logs,
    pm2_home: values.PM2_HOME ?? join(home.root, 'pm2'),
    host,
    port: values.GATEWAY_PORT,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${values.GATEWAY_PORT}`,
    token: values.GATEWAY_TOKEN,
    services: SERVICES,
    ecosystem: {
      SWITCHBOARD_HOME: home.root,
      PM2_WORKER_INTERVAL: String(values.PM2_WORKER_INTERVAL),
      EDGE_MAX_MEMORY: values.EDGE_MAX_MEMORY,
      SESSIONS_MAX_MEMORY: values.SESSIONS_MAX_MEMORY,
      SCHEDULER_MAX_MEMORY: values.SCHEDULER_MAX_MEMORY,
      HISTORY_MAX_MEMORY: values.HISTORY_MAX_MEMORY,
      MEMORY_MAX_MEMORY: values.MEMORY_MAX_MEMORY,
      METRICS_MAX_MEMORY: values.METRICS_MAX_MEMORY,
      REPORTS_MAX_MEMORY: values.REPORTS_MAX_MEMORY,
    },
  }
}
