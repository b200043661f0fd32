/** How old the numbers are, judged by what their sender promised. */
import type { Payload } from '../../../protocol/dashboard.ts'
import { formatAgo, formatMoment } from './format.ts'

export interface Freshness {
  readonly isStale: boolean
  /** For the badge. */
  readonly label: string
  /** One sentence more, where one is needed. */
  readonly detail: string | null
}

/** What a reader's clock may be off by, and a store may take to tell all of the world. */
const TOLERANCE_MS = 60_000

/** Old is only what came with a promise of the next push that has passed: a slow pace is no fault. */
export const freshnessOf = ({ sampled_at, next_push_by }: Payload, now: number): Freshness => {
  const ago = formatAgo(sampled_at, now)
  if (now <= next_push_by + TOLERANCE_MS) return { isStale: false, label: `Live · ${ago}`, detail: null }
  return {
    isStale: true,
    label: `Stale · ${ago}`,
    detail: `The next numbers were due by ${formatMoment(next_push_by, now)} and have not come. What you see is as it was ${ago}.`,
  }
}
