/** Limits of the contract that the panel has to know; imported from there they would bring the schemas along. */

/** The most points that one call of `metrics.series` gives (MAX_POINTS of `protocol/metrics.ts`). */
export const MAX_POINTS = 5_000
