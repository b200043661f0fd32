/** The last full hours of processor and memory, for the public dashboard. */
import type { Past } from './dashboard/payload.ts'
import type { MetricsStore } from './store.ts'

const HOUR_MS = 3_600_000
const HOURS = 24

/** Means by the hour, oldest first, with null for an hour in which nothing was measured; null where there is none at all. */
export const pastOf = (store: Pick<MetricsStore, 'points'>, now: number): Past | null => {
  const until_at = now - (now % HOUR_MS)
  const from = until_at - HOURS * HOUR_MS
  const hoursOf = (name: string): (number | null)[] => {
    const { points = [] } = store.points({ name, step: 'hour', from, to: until_at, limit: HOURS }) ?? {}
    const averages = new Map(points.map(({ at, average }) => [at, average]))
    return Array.from({ length: HOURS }, (_, index) => averages.get(from + index * HOUR_MS) ?? null)
  }
  const past = {
    until_at,
    cpu_percent: hoursOf('system.cpu_percent'),
    memory_percent: hoursOf('system.memory_used_percent'),
  }
  return past.cpu_percent.every((value) => value === null) ? null : past
}
