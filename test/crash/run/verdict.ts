/** Whether a run has found nothing, and looked for all that it was to look for. */
import { isClean } from '../matrix/table.ts'
import type { WholeRun } from './page-lines.ts'

/** A part that could not be run is no part without a fault. */
export const isSound = ({ storm, rows, power }: WholeRun): boolean => {
  const isStormClean = storm === null || Object.values(storm.tally.counts).every((count) => count === 0)
  return isStormClean && isClean(rows) && (power === null || (power.skipped === null && isClean(power.rows)))
}
