/**
 * What grows below SWITCHBOARD_HOME and belongs to no service: logs, dumps of services that hung, and what a restore has put
 * aside. Metrics looks after it, since it watches the rest.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { dropAged } from '../runtime/aged.ts'
import { envInteger } from '../runtime/env.ts'
import type { Log } from '../runtime/log.ts'
import { rotateLogs } from '../runtime/log-files.ts'

export const HousekeepingEnv = z.object({
  LOG_MAX_MB: envInteger(1, 100_000).default(50),
  DUMP_KEEP_DAYS: envInteger(1, 36_500).default(90),
  REPLACED_KEEP_DAYS: envInteger(1, 36_500).default(90),
})
export type HousekeepingEnv = z.output<typeof HousekeepingEnv>

const MB = 1_048_576
const DAY_MS = 86_400_000
/** A service that fails in a loop fills 50 MB in some minutes. */
const LOOK_MS = 5 * 60_000

/** As `watch/dump.ts` and the command's restore name what they write. */
const DUMP = /^[a-z]+-\d{4}-\d\d-\d\dT.*\.txt$/
const REPLACED = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/

export interface HousekeepingOptions {
  readonly env: Readonly<HousekeepingEnv>
  readonly home: { readonly root: string; readonly logs: string }
  readonly pm2_home: string
  readonly log: Log
  readonly now?: () => number
  readonly every_ms?: number
}

/** Tidies once; what fails is told and does not keep the rest. */
const tidy = ({ env, home, pm2_home, log, now = Date.now }: HousekeepingOptions): void => {
  const before = (days: number): number => now() - days * DAY_MS
  const duties = {
    logs: () => rotateLogs(home.logs, env.LOG_MAX_MB * MB),
    "PM2's log": () => rotateLogs(pm2_home, env.LOG_MAX_MB * MB),
    dumps: () => dropAged(join(home.root, 'dumps'), (name) => DUMP.test(name), before(env.DUMP_KEEP_DAYS)),
    'what restores replaced': () =>
      dropAged(join(home.root, 'replaced'), (name) => REPLACED.test(name), before(env.REPLACED_KEEP_DAYS)),
  }
  for (const [what, duty] of Object.entries(duties)) {
    try {
      const done = duty()
      if (done.length > 0) log.info({ what, done }, 'What had grown too large or too old was cut or deleted')
    } catch (error) {
      log.error({ err: error, what }, 'What grows could not be looked after; it is tried again soon')
    }
  }
}

/** Tidies now and then, until it is stopped. */
export const startHousekeeping = (options: HousekeepingOptions): { stop(): void } => {
  tidy(options)
  const timer = setInterval(tidy, options.every_ms ?? LOOK_MS, options)
  return { stop: () => clearInterval(timer) }
}
