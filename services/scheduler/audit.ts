/**
 * The auditor's side of the ledger: what should have come due, recomputed from the jobs' schedules and the history of
 * their changes, against the rows that are there. It never looks at `next_at`: a mistake there is what it shall find.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ScheduleRow } from './rows.ts'
import { scheduleOf } from './schedule.ts'
import type { LedgerMoment, Store } from './store.ts'

/** Jobs looked at by one call. */
const JOBS = 500
/** Moments computed before others get their turn; about 130 µs each. */
const BREATH = 50

export interface AuditAnswer {
  readonly checked: number
  readonly lacking: { readonly job_id: number; readonly scheduled_at: number }[]
  readonly next_job_id: number | null
}

interface Span {
  readonly row: ScheduleRow
  /** The schedule held for moments behind `from`, up to and with `to`. */
  readonly from: number
  readonly to: number
}

const spansOf = (rows: readonly ScheduleRow[], since: number, until: number): Span[] =>
  rows.flatMap((row, index) => {
    const from = Math.max(row.since_at, since - 1)
    const to = Math.min(rows[index + 1]?.since_at ?? Number.POSITIVE_INFINITY, until - row.jitter_s * 1_000)
    return row.cron_expression === null || to <= from ? [] : [{ row, from, to }]
  })

/** Looks for due moments in [since, until] without a row; goes on behind the job that is named last. */
export const audit = async (
  store: Store,
  { since, until, limit, after_job_id }: { since: number; until: number; limit: number; after_job_id: number },
  signal: AbortSignal,
): Promise<AuditAnswer> => {
  const lacking: { job_id: number; scheduled_at: number }[] = []
  let checked = 0
  const jobs = store.scheduledJobs(after_job_id, JOBS)
  for (const job_id of jobs) {
    const from = Math.max(since, store.forgottenUntil(job_id) + 1)
    const rows: readonly LedgerMoment[] = store.moments(job_id, from, until)
    const single = new Set(rows.map(({ scheduled_at }) => scheduled_at))
    const ranges = rows.filter(({ scheduled_at, until_at }) => until_at > scheduled_at)
    for (const span of spansOf(store.schedules(job_id), from, until)) {
      const schedule = scheduleOf(span.row.cron_expression ?? '', span.row.zone)
      for (let moment = schedule.next(span.from); moment !== null && moment <= span.to; ) {
        checked += 1
        const at = moment
        const range = ranges.find(({ scheduled_at, until_at }) => scheduled_at <= at && at <= until_at)
        if (range === undefined && !single.has(at)) lacking.push({ job_id, scheduled_at: at })
        // What shares a row is not walked through one by one.
        moment = schedule.next(range === undefined ? at : range.until_at)
        if (lacking.length >= limit || signal.aborted) return { checked, lacking, next_job_id: job_id }
        if (checked % BREATH === 0) await nextTurn()
      }
    }
  }
  return { checked, lacking, next_job_id: jobs.length < JOBS ? null : (jobs.at(-1) ?? null) }
}
