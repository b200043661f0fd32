/** How a service is doing, for whoever pings it. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Counts } from './counts.ts'
import { machineNow, type Pong } from './frames.ts'

/** How finely the lateness of the event loop is sampled: 20 wake-ups a second. */
const LAG_RESOLUTION_MS = 50

export interface Pulse {
  read(): Pong
  close(): void
}

export const openPulse = (instance: string, counts: Pick<Counts, 'calls' | 'failures' | 'in_flight'>): Pulse => {
  const startedAt = machineNow()
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  lag.enable()
  return {
    read: () => {
      // What is sampled is the time between two wake-ups; what is more than it should be is lateness.
      const loop_lag_ms = Math.max(0, lag.max / 1e6 - LAG_RESOLUTION_MS)
      lag.reset()
      const { calls, failures, in_flight } = counts
      return { instance, pid: process.pid, uptime_ms: machineNow() - startedAt, loop_lag_ms, calls, failures, in_flight }
    },
    close: () => void lag.disable(),
  }
}
