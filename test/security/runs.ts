/** How long these tests look: `npm test` takes a fixed, short look; `npm run security` a long one, each time another. */
import { randomInt } from 'node:crypto'

const { SECURITY_RUNS, SECURITY_SEED } = process.env

/** How much longer than the short look; 1 for the short one. */
export const FACTOR = Math.max(1, Math.floor(Number(SECURITY_RUNS ?? 1)) || 1)

/** Whether this is the long look. */
export const isLong = FACTOR > 1

/** Makes the runs of one look repeatable: fixed for the short one, else new each time; a failure tells it. */
export const SEED = SECURITY_SEED === undefined ? (isLong ? randomInt(2 ** 31) : 20_261_123) : Number(SECURITY_SEED)

/** Parameters of a property that the short look tries so many times. */
export const looked = (runs: number): { readonly numRuns: number; readonly seed: number } => ({
  numRuns: runs * FACTOR,
  seed: SEED,
})
