/** What should have come due, recomputed from the history of a job's schedules, against the rows of the ledger. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LedgerJob } from '../../../protocol/ledger.ts'
import { scheduleOf } from '../../runtime/cron/schedule.ts'

/** Moments computed before others get their turn; about 130 µs each. */
const BREATH = 50

/** A due moment without a row. */
export interface Gap {
  readonly job_id: number
  /** Milliseconds since 1970. */
  readonly scheduled_at: number
  /** When it was to be claimed: its jitter later. */
  readonly due_at: number
}

interface Span {
  readonly expression: string
  readonly zone: string
  readonly jitter_ms: number
  /** The schedule held for moments behind `from`, up to and with `to`. */
  readonly from: number
  readonly to: number
}

const spansOf = ({ schedules }: LedgerJob, since: number, until: number): Span[] =>
  schedules.flatMap(({ cron_expression, zone, since_at, jitter_s }, index) => {
    const jitter_ms = jitter_s * 1_000
    const from = Math.max(since_at, since - jitter_ms - 1)
    const to = Math.min(schedules[index + 1]?.since_at ?? Number.POSITIVE_INFINITY, until - jitter_ms)
    return cron_expression === null || to <= from ? [] : [{ expression: cron_expression, zone, jitter_ms, from, to }]
  })

/**
 * Looks for moments of one job that were to be claimed in [since, until] (milliseconds since 1970) and have no row; spans
 * that follow each other leave none out. Moments that retention has deleted are not asked for. Gives way to others in between; stops early, with what it has, when `signal` says so.
 */
export const recompute = async (
  job: LedgerJob,
  { since, until }: { since: number; until: number },
  signal: AbortSignal,
): Promise<{ readonly checked: number; readonly gaps: Gap[] }> => {
  const gaps: Gap[] = []
  let checked = 0
  const forgotten = job.forgotten_until ?? Number.NEGATIVE_INFINITY
  const single = new Set(job.rows.map(({ scheduled_at }) => scheduled_at))
  const ranges = job.rows.filter(({ scheduled_at, until_at }) => until_at > scheduled_at)
  for (const span of spansOf(job, since, until)) {
    const schedule = scheduleOf(span.expression, span.zone)
    for (let moment = schedule.next(Math.max(span.from, forgotten)); moment !== null && moment <= span.to && !signal.aborted; ) {
      checked += 1
      const at = moment
      const range = ranges.find(({ scheduled_at, until_at }) => scheduled_at <= at && at <= until_at)
      if (range === undefined && !single.has(at)) gaps.push({ job_id: job.job_id, scheduled_at: at, due_at: at + span.jitter_ms })
      // What shares a row is not walked through one by one.
      moment = schedule.next(range === undefined ? at : range.until_at)
      if (checked % BREATH === 0) await nextTurn()
    }
  }
  return { checked, gaps }
}
