/** The ledger, looked through by the auditor's recomputation. */
import type { LedgerPage } from '../../../protocol/ledger.ts'
import { recompute } from '../../../services/metrics/auditor/recompute.ts'

type Ask = (input: { since: number; until: number; after_job_id: number }) => Promise<LedgerPage>

/** All due moments to be claimed in [since, until] that have no row. */
export const audited = async (ask: Ask, since: number, until: number) => {
  let checked = 0
  const lacking: { job_id: number; scheduled_at: number }[] = []
  for (let after: number | null = 0; after !== null; ) {
    const page: LedgerPage = await ask({ since, until, after_job_id: after })
    for (const job of page.jobs) {
      const found = await recompute(job, { since, until }, new AbortController().signal)
      checked += found.checked
      lacking.push(...found.gaps.map(({ job_id, scheduled_at }) => ({ job_id, scheduled_at })))
    }
    after = page.next_job_id
  }
  return { checked, lacking }
}
