/** The loop that looks at everything every few seconds, keeps it as series and has it judged. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Counts, SystemMetrics } from '../../protocol/metrics.ts'
import type { Log } from '../runtime/log.ts'
import type { ProcessSample } from './processes.ts'
import type { MetricsStore, Sample } from './store.ts'

const HOUR_MS = 3_600_000
const GIGABYTE = 1024 ** 3

/** What one look has seen. */
export interface Seen {
  readonly at: number
  readonly system: SystemMetrics | null
  readonly processes: ProcessSample
  readonly counts: Counts
}

export interface SamplerOptions {
  readonly every_ms: number
  /** One look; never fails for a source that does. */
  readonly look: () => Promise<Seen>
  readonly store: Pick<MetricsStore, 'addSamples' | 'dropAged'>
  readonly log: Log
  /** After the numbers are kept, or could not be. */
  readonly onSeen: (seen: Seen) => void
}

type Numbers = readonly (readonly [name: string, unit: string, value: number | null | undefined])[]

const toSamples = (numbers: Numbers): Sample[] =>
  numbers.flatMap(([name, unit, value]) => (value == null || !Number.isFinite(value) ? [] : [{ name, unit, value }]))

/** The series that a look adds to. Numbers that are not known are left out: a gap, and not a zero. */
export const samplesOf = ({ system, processes, counts }: Seen): Sample[] => {
  const { services, agents } = processes
  return toSamples([
    ['system.cpu_percent', 'percent', system?.cpu_usage_percent],
    ['system.load_1', 'load', system?.load_avg[0]],
    ['system.memory_used_bytes', 'bytes', system && system.memory_used_gb * GIGABYTE],
    ['system.memory_free_bytes', 'bytes', system && system.memory_free_gb * GIGABYTE],
    ['system.memory_used_percent', 'percent', system && (system.memory_used_gb / system.memory_total_gb) * 100],
    ['system.disk_used_bytes', 'bytes', system && system.disk_used_gb * GIGABYTE],
    ['system.disk_used_percent', 'percent', system?.disk_used_percent],
    ['agents.count', 'count', agents.length],
    ['agents.cpu_percent', 'percent', agents.reduce((sum, { cpu_percent }) => sum + cpu_percent, 0)],
    ['agents.rss_bytes', 'bytes', agents.reduce((sum, { rss_bytes }) => sum + rss_bytes, 0)],
    ['sessions.active', 'count', counts.active_sessions],
    ['sessions.running_turns', 'count', counts.running_turns],
    ['sessions.waiting_turns', 'count', counts.waiting_turns],
    ['scheduler.running', 'count', counts.cron_runs_running],
    ['scheduler.late_ms', 'milliseconds', counts.cron_late_ms],
    ['memory.count', 'count', counts.memories],
    ...services.flatMap(
      ({ service, state, cpu_percent, rss_bytes, loop_lag_ms }): Numbers => [
        [`process.${service}.up`, 'count', state === 'up' ? 1 : 0],
        [`process.${service}.cpu_percent`, 'percent', cpu_percent],
        [`process.${service}.rss_bytes`, 'bytes', rss_bytes],
        [`process.${service}.loop_lag_ms`, 'milliseconds', loop_lag_ms],
      ],
    ),
  ])
}

export class Sampler {
  readonly #options: SamplerOptions
  readonly #closing = new AbortController()
  #loop: Promise<void> | undefined
  #looking: Promise<Seen> | undefined
  #dropped_at = Number.NEGATIVE_INFINITY

  constructor(options: SamplerOptions) {
    this.#options = options
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([this.#loop, this.#looking])
  }

  /** Looks now; a look that goes on already is waited for. */
  async look(): Promise<Seen> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return await this.#looking
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    const { every_ms, log } = this.#options
    while (!signal.aborted) {
      const began = performance.now()
      await this.look().catch((error: unknown) => log.error({ err: error }, 'A sample failed; the next one is tried'))
      const left_ms = every_ms - (performance.now() - began)
      await sleep(Math.max(left_ms, 100), undefined, { signal }).catch(() => undefined)
    }
  }

  async #look(): Promise<Seen> {
    const { look, store, log, onSeen } = this.#options
    const seen = await look()
    if (this.#closing.signal.aborted) return seen
    try {
      if (!store.addSamples(seen.at, samplesOf(seen))) log.warn({}, 'There are too many series; the newest are not kept')
      if (performance.now() - this.#dropped_at > HOUR_MS) {
        this.#dropped_at = performance.now()
        store.dropAged(seen.at)
      }
    } catch (error) {
      // The disk is full, say: that is no time to look away.
      log.error({ err: error }, 'A sample could not be kept; what it says is judged all the same')
    }
    onSeen(seen)
    return seen
  }
}
