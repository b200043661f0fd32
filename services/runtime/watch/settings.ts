/** What the owner can set of the watchdog, which runs in metrics and, for metrics, in the edge. */
import { join } from 'node:path'
import { z } from 'zod'
import { EnvFolder, envInteger } from '../env.ts'
import type { Home } from '../home.ts'
import type { Log } from '../log.ts'
import { openPm2, type Pm2 } from './pm2.ts'
import { Watchdog, type WatchdogOptions } from './watchdog.ts'

export const WatchdogSettings = z.object({
  PM2_HOME: EnvFolder.optional(),
  /** Seconds; 0: nobody is restarted. Seven, and a start of some seconds, stay below 15. */
  WATCHDOG_PATIENCE: envInteger(0, 3_600).default(7),
})
export type WatchdogSettings = z.output<typeof WatchdogSettings>

export interface WatchOptions extends Pick<WatchdogOptions, 'names' | 'ping' | 'onHang' | 'onUp' | 'every_ms'> {
  readonly env: Readonly<WatchdogSettings>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: Pick<Home, 'root' | 'logs'>
  readonly log: Log
  /** Aborted when the process that watches ends. */
  readonly ending: AbortSignal
  /** PM2's own command line where absent. */
  readonly pm2?: Pm2 | undefined
}

/** Where PM2 keeps its own things. */
export const pm2HomeOf = (env: Readonly<WatchdogSettings>, root: string): string => env.PM2_HOME ?? join(root, 'pm2')

/** A watchdog with the settings of this installation, not started yet. */
export const createWatchdog = ({ env, environment, home, ending, pm2, ...rest }: WatchOptions): Watchdog =>
  new Watchdog({
    ...rest,
    patience_ms: env.WATCHDOG_PATIENCE * 1_000,
    pm2: pm2 ?? openPm2({ home: pm2HomeOf(env, home.root), environment, signal: ending }),
    folders: { logs: home.logs, dumps: join(home.root, 'dumps') },
  })
