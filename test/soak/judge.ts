/**
 * Whether something grows that should not.
 *
 * The samples of the warm-up are dropped; of what is left the middle of the first third is compared with the middle of the last: the
 * median, or the lower quartile where values go up and down like the teeth of a saw. Neither sees single bursts, and a quarter of a
 * third has to move before it moves; a slope fitted to all samples is moved by each of them. For memory the quartile it is: what is
 * left when garbage was collected is what leaks. A leak that is worth the name is one that the allowance does not cover for long: a
 * longer run finds a smaller one.
 */

export interface Allowance {
  /** Of the value at the beginning, as a share. */
  readonly share: number
  /** In the unit of the values. */
  readonly least: number
}

export interface Series {
  readonly name: string
  readonly unit: string
  readonly values: readonly number[]
  /** Compared by the lower quartile, not by the median. */
  readonly isToothed?: boolean
  /** How much more it may be at the end; null: it may grow, and is shown. */
  readonly allowed: Allowance | null
}

export interface Verdict {
  readonly name: string
  readonly unit: string
  readonly first: number
  readonly last: number
  readonly highest: number
  /** What `last` may be; null where nothing is said about it. */
  readonly limit: number | null
  readonly holds: boolean
}

/** The share of all samples that belongs to the warm-up: caches fill, agents come, V8 settles. */
export const WARM_UP = 0.25
/** Fewer than so many samples behind the warm-up tell nothing. */
export const LEAST_SAMPLES = 9

/** The value below which a share of all lies, between two neighbours by their distance. NaN where there are none. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** A series that is too short, or holds what is no number, does not hold. */
export const judge = ({ name, unit, values, allowed, isToothed = false }: Series): Verdict => {
  const share = isToothed ? 0.25 : 0.5
  const warm = values.slice(Math.floor(values.length * WARM_UP))
  const third = Math.floor(warm.length / 3)
  const first = quantile(warm.slice(0, third), share)
  const last = quantile(warm.slice(-third), share)
  const limit = allowed === null ? null : first + Math.max(allowed.least, first * allowed.share)
  const isEnough = warm.length >= LEAST_SAMPLES && values.every((value) => Number.isFinite(value))
  return { name, unit, first, last, highest: Math.max(...values), limit, holds: isEnough && (limit === null || last <= limit) }
}
