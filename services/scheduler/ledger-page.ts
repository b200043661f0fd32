/**
 * The ledger as an auditor in another process needs it: what each job's schedule was, and which due moments have a row.
 * Never `next_at`: a mistake there is what an audit shall find.
 */
import type { LedgerPage } from '../../protocol/ledger.ts'
import type { Store } from './store.ts'

/** A page ends behind the job with which it has as many rows: about 250 KB. */
const ROWS = 10_000

/** Jobs behind `after_job_id`, with what is known of the moments to be claimed in [since, until]; both in milliseconds since 1970. */
export const ledgerPage = (
  store: Pick<Store, 'scheduledJobs' | 'forgottenUntil' | 'moments' | 'schedules'>,
  { since, until, after_job_id, limit }: { since: number; until: number; after_job_id: number; limit: number },
): LedgerPage => {
  const ids = store.scheduledJobs(after_job_id, limit)
  const jobs: LedgerPage['jobs'] = []
  let rows = 0
  for (const job_id of ids) {
    const schedules = store.schedules(job_id).map(({ since_at, cron_expression, zone, jitter_s }) => {
      return { since_at, cron_expression, zone, jitter_s }
    })
    const jitter_s = Math.max(0, ...schedules.map((schedule) => schedule.jitter_s))
    const moments = store.moments(job_id, since - jitter_s * 1_000, until)
    rows += moments.length
    jobs.push({ job_id, forgotten_until: store.forgottenUntil(job_id), schedules, rows: moments })
    if (rows >= ROWS) break
  }
  const complete = jobs.length === ids.length && ids.length < limit
  return { jobs, next_job_id: complete ? null : (jobs.at(-1)?.job_id ?? null) }
}
