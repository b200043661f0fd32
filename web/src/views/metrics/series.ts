/** Numbers over time, read for a span and laid side by side on common moments. */

import type { Output } from '../../connection/methods.ts'
import type { Caller } from '../../connection/reading.ts'
import { MAX_POINTS } from './limits.ts'

export type Span = 'hour' | 'day' | 'week'

/** Of several values in one place of a chart: their mean, or the greatest where peaks are what matters. */
export type Fold = 'average' | 'max'

interface Grid {
  readonly step: 'sample' | 'minute' | 'hour'
  readonly span_ms: number
  /** The most steps within the span. */
  readonly points: number
  /** Steps that share one place, so that a chart has a few hundred of them. */
  readonly place_ms: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Samples come every 15 seconds where nobody has set it otherwise. */
const GRIDS: Readonly<Record<Span, Grid>> = {
  hour: { step: 'sample', span_ms: HOUR_MS, points: 480, place_ms: 15_000 },
  day: { step: 'minute', span_ms: 24 * HOUR_MS, points: 1_440, place_ms: 5 * MINUTE_MS },
  week: { step: 'hour', span_ms: 7 * 24 * HOUR_MS, points: 169, place_ms: HOUR_MS },
}

export interface SeriesTable {
  /** Milliseconds since 1970, ascending. */
  readonly moments: readonly number[]
  /** By the name of the series: a value for each moment, null where nothing is known. */
  readonly values: ReadonlyMap<string, readonly (number | null)[]>
}

type Points = Output<'metrics.series'>['series'][number]['points']

/** Lays series on places of equal width, with a hole where nothing was measured for three places. */
export const tabulate = (
  series: readonly { readonly name: string; readonly points: Points }[],
  place_ms: number,
  fold: Fold,
): SeriesTable => {
  const places = new Set<number>()
  const folded = series.map(({ name, points }) => {
    const cells = new Map<number, { sum: number; samples: number; max: number }>()
    for (const { at, average, max, samples } of points) {
      const place = Math.floor(at / place_ms) * place_ms
      places.add(place)
      const cell = cells.get(place) ?? { sum: 0, samples: 0, max: Number.NEGATIVE_INFINITY }
      cells.set(place, {
        sum: cell.sum + average * samples,
        samples: cell.samples + samples,
        max: Math.max(cell.max, max),
      })
    }
    return { name, cells }
  })
  const known = [...places].sort((a, b) => a - b)
  const moments = known.flatMap((place, index) => {
    const before = known[index - 1]
    return before !== undefined && place - before > 3 * place_ms ? [before + place_ms, place] : [place]
  })
  const values = folded.map(({ name, cells }): [string, (number | null)[]] => [
    name,
    moments.map((place) => {
      const cell = cells.get(place)
      if (cell === undefined) return null
      return fold === 'max' ? cell.max : cell.sum / cell.samples
    }),
  ])
  return { moments, values: new Map(values) }
}

/** Reads the series of these names over a span until now, in as many calls as the limit of one asks for. */
export const readSeries = async (
  connection: Caller,
  names: readonly string[],
  span: Span,
  fold: Fold,
  signal: AbortSignal,
): Promise<SeriesTable> => {
  const { step, span_ms, points, place_ms } = GRIDS[span]
  const share = Math.max(1, Math.floor(MAX_POINTS / points))
  const groups = Array.from({ length: Math.ceil(names.length / share) }, (_, index) =>
    names.slice(index * share, (index + 1) * share),
  )
  const from = Date.now() - span_ms
  const answers = await Promise.all(
    groups.map((group) =>
      connection.call('metrics.series', { names: group.join(','), step, from, limit: points }, { timeout_ms: 8_000, signal }),
    ),
  )
  return tabulate(
    answers.flatMap(({ series }) => series),
    place_ms,
    fold,
  )
}
