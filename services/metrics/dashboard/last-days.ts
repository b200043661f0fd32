/** Lines of days with gaps, as the last days without any. */
import { toDay } from './rounding.ts'

const DAY_MS = 86_400_000

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

export interface LastDays<Line> {
  /** The newest day of all. */
  readonly until_on: string
  /** A number for each day, oldest first: what the lines of that day add up to, 0 where there are none. */
  sum(value: (line: Line) => number): number[]
}

/** @returns null where no line has a day */
export const lastDays = <Line extends { readonly date: string }>(lines: readonly Line[], days: number): LastDays<Line> | null => {
  const dated = lines.flatMap((line) => {
    const at = Date.parse(`${toDay(line.date)}T00:00:00Z`)
    return Number.isNaN(at) ? [] : [{ line, at }]
  })
  if (dated.length === 0) return null
  // Not by spreading: a machine that has run for years has many lines.
  const newest = dated.reduce((latest, { at }) => Math.max(latest, at), 0)
  return {
    until_on: dayOf(newest),
    sum: (value) => {
      const sums = new Array<number>(days).fill(0)
      for (const { line, at } of dated) {
        const place = days - 1 - Math.round((newest - at) / DAY_MS)
        if (place >= 0) sums[place] = (sums[place] ?? 0) + value(line)
      }
      return sums
    },
  }
}
