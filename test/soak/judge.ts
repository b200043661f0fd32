/**
 * Whether something grows that should not.
 *
 * The samples of the warm-up are dropped; of what is left the middle of the first third is compared with the middle of the last: the
 * median, or the lower quartile where values go up and down like the teeth of a saw. Neither sees single bursts, and a quarter of a
 * third has to move before it moves; a slope fitted to all samples is moved by each of them. For memory the quartile it is: what is
 * left when garbage was collected is what leaks.
 *
 * A burst of work leaves pages behind that nobody gives back, up to 20 MB of them, and only once; what keeps something of each piece of
 * work goes on with it. So memory is judged in a second way (`judgeGrowth`): by what was added for a thousand pieces of work from the
 * first third to the middle one, and from there to the last, less what is known to be kept on purpose. The lower of the two is what counts.
 * A longer run finds a smaller leak.
 */

export interface Allowance {
  /** Of the value at the beginning, as a share. */
  readonly share: number
  /** In the unit of the values. */
  readonly least: number
  /** However much it was at the beginning: in the unit of the values. */
  readonly most?: number
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

/** The share below which lies what is left when garbage was collected. */
const FLOOR = 0.25

const limitOf = (first: number, allowed: Allowance | null): number | null =>
  allowed === null
    ? null
    : Math.min(first + Math.max(allowed.least, first * allowed.share), allowed.most ?? Number.POSITIVE_INFINITY)

/** A series that is too short, or holds what is no number, does not hold. */
export const judge = ({ name, unit, values, allowed, isToothed = false }: Series): Verdict => {
  const share = isToothed ? FLOOR : 0.5
  const warm = values.slice(Math.floor(values.length * WARM_UP))
  const third = Math.floor(warm.length / 3)
  const first = quantile(warm.slice(0, third), share)
  const last = quantile(warm.slice(-third), share)
  const limit = limitOf(first, allowed)
  const isEnough = warm.length >= LEAST_SAMPLES && values.every((value) => Number.isFinite(value))
  return { name, unit, first, last, highest: Math.max(...values), limit, holds: isEnough && (limit === null || last <= limit) }
}

/** What a process keeps, sample by sample. */
export interface Growth {
  readonly name: string
  readonly unit: string
  readonly values: readonly number[]
  /** What of the values is known to be kept on purpose, at most. */
  readonly known: readonly number[]
  /** Pieces of work that have been done. */
  readonly work: readonly number[]
  readonly allowed: {
    /** For a thousand pieces of work. */
    readonly per_1000: number
    /** From one third to the next, however little was done between them: as far as the values go up and down by themselves. */
    readonly least: number
  }
}

/** The verdict's values are for a thousand pieces of work: `first` from the first third to the middle one, `last` from there on. */
export const judgeGrowth = ({ name, unit, values, known, work, allowed }: Growth): Verdict => {
  const thirdsOf = (all: readonly number[]): number[] => {
    const warm = all.slice(Math.floor(all.length * WARM_UP))
    const third = Math.floor(warm.length / 3)
    return [warm.slice(0, third), warm.slice(third, -third), warm.slice(-third)].map((some) => quantile(some, FLOOR))
  }
  const steps = (all: readonly number[]): [number, number] => {
    const [first = Number.NaN, middle = Number.NaN, last = Number.NaN] = thirdsOf(all)
    return [middle - first, last - middle]
  }
  const [kept, explained, done] = [steps(values), steps(known), steps(work).map((pieces) => pieces / 1_000)]
  const rateOf = (step: 0 | 1): number => (kept[step] - explained[step]) / (done[step] ?? Number.NaN)
  const [first, last] = [rateOf(0), rateOf(1)]
  const limit = Math.max(allowed.per_1000, allowed.least / Math.min(...done))
  const isEnough = values.length * (1 - WARM_UP) >= LEAST_SAMPLES && Math.min(...done) > 0
  return { name, unit, first, last, highest: Math.max(first, last), limit, holds: isEnough && Math.min(first, last) <= limit }
}
