/** The last hour of what metrics keeps, minute by minute, as lines over the same moments. */
import type { Caller } from '../../connection/reading.ts'

type Values = readonly (number | null)[]

export interface Hour {
  /** Milliseconds since 1970, from when to when. */
  readonly span: readonly [number, number]
  readonly moments: readonly number[]
  readonly cpu: Values
  readonly memory: Values
  readonly running: Values
  readonly waiting: Values
}

const NAMES = {
  cpu: 'system.cpu_percent',
  memory: 'system.memory_used_percent',
  running: 'sessions.running_turns',
  waiting: 'sessions.waiting_turns',
} as const

const HOUR_MS = 3_600_000

/** A minute that nothing is known of is a gap in its line. */
export const hourOf = async (connection: Caller): Promise<Hour> => {
  const to = Date.now()
  const span = [to - HOUR_MS, to] as const
  const names = Object.values(NAMES).join()
  const { series } = await connection.call('metrics.series', { names, step: 'minute', from: span[0], limit: 61 })
  const known = new Map(series.map(({ name, points }) => [name, new Map(points.map(({ at, average }) => [at, average]))]))
  const moments = [...new Set(series.flatMap(({ points }) => points.map(({ at }) => at)))].sort((one, other) => one - other)
  const line = (name: string): Values => moments.map((at) => known.get(name)?.get(at) ?? null)
  return {
    span,
    moments,
    cpu: line(NAMES.cpu),
    memory: line(NAMES.memory),
    running: line(NAMES.running),
    waiting: line(NAMES.waiting),
  }
}
