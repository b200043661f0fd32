/** The SQL of series and alerts; that of Claude's usage stands in `usage/store.ts`. */
import type { Database } from 'better-sqlite3'
import type { Alert, AlertLevel, SeriesPoint, SeriesStep } from '../../protocol/metrics.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** How long a step is, and how long its points are kept. Samples: enough to see what happened in the last hours. */
export const STEPS: Readonly<
  Record<SeriesStep, { readonly number: number; readonly width_ms: number; readonly keep_ms: number }>
> = {
  sample: { number: 0, width_ms: 1, keep_ms: 3 * HOUR_MS },
  minute: { number: 1, width_ms: MINUTE_MS, keep_ms: 2 * DAY_MS },
  hour: { number: 2, width_ms: HOUR_MS, keep_ms: 90 * DAY_MS },
  day: { number: 3, width_ms: DAY_MS, keep_ms: 3_650 * DAY_MS },
}
const STEP_LIST = Object.values(STEPS)

/** Names come from our own code; this bounds a mistake. */
const MAX_SERIES = 200
const KEEP_ALERTS = 1_000

/** One number that was measured. */
export interface Sample {
  readonly name: string
  readonly unit: string
  readonly value: number
}

export interface SeriesRow {
  readonly name: string
  readonly unit: string
  readonly last: number
  readonly last_at: number
}

export interface PointsQuery {
  readonly name: string
  readonly step: SeriesStep
  /** Milliseconds since 1970; `to` does not count. */
  readonly from: number
  readonly to: number
  /** The newest ones. */
  readonly limit: number
}

/** The verbs in which metrics speaks to its database. */
export interface MetricsStore {
  /** Keeps what was measured at one moment, in all steps; false for what would be one series too many. */
  addSamples(at: number, samples: readonly Sample[]): boolean
  listSeries(): SeriesRow[]
  /** Oldest first; undefined where there is no such series. */
  points(query: PointsQuery): { readonly unit: string; readonly points: SeriesPoint[] } | undefined
  /** Drops points that are older than their step is kept. */
  dropAged(now: number): void
  /** The alert that was made, or undefined where there is one of this kind and subject already; that one then says this. */
  raise(alert: Pick<Alert, 'kind' | 'subject' | 'level' | 'message'>, now: number): Alert | undefined
  /** The alert that was open. */
  clear(kind: string, subject: string, now: number): Alert | undefined
  openAlerts(): Alert[]
  /** Newest first. */
  pastAlerts(limit: number): Alert[]
  /** Keeps how often each process was started by now, in the place of what was kept of it. */
  keepRestarts(name: string, seen: readonly RestartsSeen[]): void
  /** Of all processes, oldest first. */
  restarts(): (RestartsSeen & { readonly name: string })[]
}

/** How often PM2 had started a process at a moment, in milliseconds since 1970. */
export interface RestartsSeen {
  readonly at: number
  readonly restarts: number
}

interface PointRow extends Omit<SeriesPoint, 'average'> {
  readonly total: number
}

const ALERT = 'id, kind, subject, level, message, raised_at, cleared_at'

/** Prepares the statements of an open, migrated database. */
export const openStore = (db: Database): MetricsStore => {
  const series = db.prepare<[string], { id: number; unit: string }>('SELECT id, unit FROM series WHERE name = ?')
  const addSeries = db.prepare<[string, string], { id: number }>('INSERT INTO series (name, unit) VALUES (?, ?) RETURNING id')
  const countSeries = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM series')
  const add = db.prepare(`
    INSERT INTO points (series_id, step, at, samples, total, min, max, last)
    VALUES (@id, @step, @at, 1, @value, @value, @value, @value)
    ON CONFLICT (series_id, step, at) DO UPDATE SET samples = samples + 1, total = total + excluded.total,
      min = min(min, excluded.min), max = max(max, excluded.max), last = excluded.last`)
  const points = db.prepare<[number, number, number, number, number], PointRow>(`
    SELECT at, samples, total, min, max, last FROM points
    WHERE series_id = ? AND step = ? AND at >= ? AND at < ? ORDER BY at DESC LIMIT ?`)
  // Beside max(), SQLite takes the other columns from the row that has it.
  const list = db.prepare<[], SeriesRow>(`
    SELECT series.name, series.unit, points.last, max(points.at) AS last_at
    FROM series JOIN points ON points.series_id = series.id AND points.step = 1 GROUP BY series.id ORDER BY series.name`)
  const seriesIds = db.prepare<[], { id: number }>('SELECT id FROM series')
  const drop = db.prepare('DELETE FROM points WHERE series_id = ? AND step = ? AND at < ?')
  const raise = db.prepare<[string, string, AlertLevel, string, number], Alert>(`
    INSERT INTO alerts (kind, subject, level, message, raised_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING RETURNING ${ALERT}`)
  const reword = db.prepare(
    'UPDATE alerts SET level = ?, message = ? WHERE kind = ? AND subject = ? AND cleared_at IS NULL AND (level, message) IS NOT (?, ?)',
  )
  const clear = db.prepare<[number, string, string], Alert>(
    `UPDATE alerts SET cleared_at = ? WHERE kind = ? AND subject = ? AND cleared_at IS NULL RETURNING ${ALERT}`,
  )
  const open = db.prepare<[], Alert>(`SELECT ${ALERT} FROM alerts WHERE cleared_at IS NULL ORDER BY level, id DESC LIMIT 500`)
  const past = db.prepare<[number], Alert>(`SELECT ${ALERT} FROM alerts WHERE cleared_at IS NOT NULL ORDER BY id DESC LIMIT ?`)
  const dropAlerts = db.prepare(`
    DELETE FROM alerts WHERE cleared_at IS NOT NULL AND id <= (SELECT id FROM alerts ORDER BY id DESC LIMIT 1 OFFSET ${KEEP_ALERTS})`)

  const dropRestarts = db.prepare('DELETE FROM restarts WHERE name = ?')
  const addRestarts = db.prepare('INSERT OR REPLACE INTO restarts (name, at, restarts) VALUES (?, ?, ?)')
  const restarts = db.prepare<[], RestartsSeen & { name: string }>('SELECT name, at, restarts FROM restarts ORDER BY name, at')

  const idOf = ({ name, unit }: Sample): number | undefined => {
    const known = series.get(name)
    if (known !== undefined) return known.id
    return (countSeries.get()?.n ?? 0) < MAX_SERIES ? addSeries.get(name, unit)?.id : undefined
  }

  return {
    addSamples: db.transaction((at: number, samples: readonly Sample[]) => {
      let all = true
      for (const sample of samples) {
        const id = idOf(sample)
        if (id === undefined) all = false
        else
          for (const { number, width_ms } of STEP_LIST)
            add.run({ id, step: number, at: at - (at % width_ms), value: sample.value })
      }
      return all
    }),
    listSeries: () => list.all(),
    points: ({ name, step, from, to, limit }) => {
      const known = series.get(name)
      if (known === undefined) return undefined
      const rows = points.all(known.id, STEPS[step].number, from, to, limit).reverse()
      return { unit: known.unit, points: rows.map(({ total, ...row }) => ({ ...row, average: total / row.samples })) }
    },
    dropAged: db.transaction((now: number) => {
      for (const { id } of seriesIds.all()) {
        for (const { number, keep_ms } of STEP_LIST) drop.run(id, number, now - keep_ms)
      }
      dropAlerts.run()
    }),
    raise: ({ kind, subject, level, message }, now) => {
      const made = raise.get(kind, subject, level, message, now)
      if (made === undefined) reword.run(level, message, kind, subject, level, message)
      return made
    },
    clear: (kind, subject, now) => clear.get(now, kind, subject),
    openAlerts: () => open.all(),
    pastAlerts: (limit) => past.all(limit),
    keepRestarts: db.transaction((name: string, seen: readonly RestartsSeen[]) => {
      dropRestarts.run(name)
      for (const one of seen) addRestarts.run(name, one.at, one.restarts)
    }),
    restarts: () => restarts.all(),
  }
}
