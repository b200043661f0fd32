/** Looks at each sample and says what is wrong. */
import type { Counts, SystemMetrics } from '../../protocol/metrics.ts'
import type { Watched } from '../runtime/watch/watchdog.ts'
import type { Alerts } from './alerts.ts'
import type { CrashLoops } from './crash-loop.ts'

/** A restart takes a second or two; who is away for longer is down. */
const DOWN_MS = 10_000
const DISK_USED_PERCENT = 90
/** Jobs are claimed within a second of their moment. */
const CRON_LATE_MS = 60_000
const MEGABYTES_A_GIGABYTE = 1_024

export interface Judged {
  readonly watched: readonly Watched[]
  /** Null where it could not be read. */
  readonly system: SystemMetrics | null
  readonly counts: Counts
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface JudgeRules {
  readonly min_free_mb: number
  readonly min_free_disk_mb: number
  /** In minutes, for the words. */
  readonly crash_loop_minutes: number
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`

/** Raises and clears alerts as the sample demands. */
export const judge = (
  alerts: Pick<Alerts, 'raise' | 'set' | 'clearOthers'>,
  loops: Pick<CrashLoops, 'looping'>,
  rules: JudgeRules,
  { watched, system, counts, now }: Judged,
): void => {
  const looping = loops.looping(now)
  for (const { name, restarts } of looping) {
    alerts.raise({
      ...{ kind: 'crash_loop', subject: name, level: 'critical' },
      message: `${name} was started ${restarts} times within ${rules.crash_loop_minutes} minutes. See why with: npm run logs -- ${name}`,
    })
  }
  alerts.clearOthers('crash_loop', new Set(looping.map(({ name }) => name)))
  for (const { name, state, for_ms } of watched) {
    // Nobody has answered yet or failed to: what was said of it before stands.
    if (state === 'unknown') continue
    alerts.set(state === 'down' && for_ms >= DOWN_MS, {
      ...{ kind: 'service_down', subject: name, level: 'critical' },
      message: `${name} is not running. See its last words with: npm run logs -- ${name}`,
    })
  }
  if (system !== null) {
    const free_disk_mb = system.disk_free_gb * MEGABYTES_A_GIGABYTE
    const isFull = free_disk_mb < rules.min_free_disk_mb
    alerts.set(isFull || system.disk_used_percent >= DISK_USED_PERCENT, {
      ...{ kind: 'disk_low', subject: 'disk', level: isFull ? 'critical' : 'warning' },
      message: isFull
        ? `${system.disk_free_gb} GB of disk are free; below ${rules.min_free_disk_mb} MB no message is taken. Make room, or lower GATEWAY_MIN_FREE_DISK_MB`
        : `The disk of SWITCHBOARD_HOME is used to ${DISK_USED_PERCENT} % or more. Make room before it is full`,
    })
    alerts.set(system.memory_free_gb * MEGABYTES_A_GIGABYTE < rules.min_free_mb, {
      ...{ kind: 'memory_low', subject: 'memory', level: 'warning' },
      message: `Less than ${rules.min_free_mb} MB of memory are available: idle agents go and turns wait. Lower GATEWAY_MAX_WARM_AGENTS, or see who needs it`,
    })
  }
  const late_ms = counts.cron_late_ms ?? 0
  alerts.set(late_ms > CRON_LATE_MS, {
    ...{ kind: 'cron_late', subject: 'scheduler', level: 'warning' },
    message: `A job was begun ${seconds(late_ms)} after its moment. The machine is overloaded, or the scheduler was held up`,
  })
}
