/** Memories that say the same, or much the same. */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * The distance of unit vectors up to which two memories count as nearly the same: a cosine of 0.82. Of the built-in model
 * paraphrases of a fact have 0.84 to 0.92. Facts that differ in one name come as near, so this is a hint for a person.
 */
export const NEAR = 0.6

/** Names the content, whatever its case and spacing. */
export const digestOf = (content: string): Buffer =>
  createHash('sha256').update(content.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()).digest()

export interface Pair {
  readonly a: number
  readonly b: number
  readonly distance: number
}

/** How long one slice may hold up other calls. */
const SLICE_MS = 5
/** A long row of copies is told by its neighbours, not by each pair. */
const MOST_OF_ONE = 5

/** Of two vectors of length 1 and of one model: 0 to 2. */
export const distanceOf = (a: Float32Array, b: Float32Array): number => {
  // Four sums that do not wait for each other take two thirds of the time of one.
  let [w, x, y, z] = [0, 0, 0, 0]
  const whole = a.length - (a.length % 4)
  for (let at = 0; at < whole; at += 4) {
    w += (a[at] as number) * (b[at] as number)
    x += (a[at + 1] as number) * (b[at + 1] as number)
    y += (a[at + 2] as number) * (b[at + 2] as number)
    z += (a[at + 3] as number) * (b[at + 3] as number)
  }
  for (let at = whole; at < a.length; at++) w += (a[at] as number) * (b[at] as number)
  return Math.sqrt(Math.max(0, 2 - 2 * (w + x + y + z)))
}

/** One vector a memory: of those with several passages the mean of them, of length 1. */
export const meanVectors = (rows: readonly { readonly id: number; readonly vector: Buffer }[]): Map<number, Float32Array> => {
  const sums = new Map<number, Float32Array>()
  for (const { id, vector } of rows) {
    const numbers = new Float32Array(Uint8Array.from(vector).buffer)
    const sum = sums.get(id)
    if (sum === undefined) sums.set(id, numbers)
    else for (const [at, value] of numbers.entries()) sum[at] = (sum[at] ?? 0) + value
  }
  for (const sum of sums.values()) {
    const length = Math.hypot(...sum)
    if (length > 0) for (const [at, value] of sum.entries()) sum[at] = value / length
  }
  return sums
}

/**
 * The nearest later ones of each memory from `from` to `to`, in slices between which other calls are answered. 1,000 of
 * 10,000 take about 7 s. Throws the signal's reason.
 */
export const nearPairs = async (
  vectors: ReadonlyMap<number, Float32Array>,
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<Pair[]> => {
  const all = [...vectors]
  const pairs: Pair[] = []
  let began = performance.now()
  for (const [index, [a, first]] of all.entries()) {
    if (a < from || a > to) continue
    const near: Pair[] = []
    for (let at = index + 1; at < all.length; at++) {
      const [b, second] = all[at] as [number, Float32Array]
      const distance = distanceOf(first, second)
      if (distance <= NEAR) near.push({ a, b, distance })
      if (at % 256 === 0 && performance.now() - began > SLICE_MS) {
        await nextTurn()
        signal.throwIfAborted()
        began = performance.now()
      }
    }
    pairs.push(...near.sort((x, y) => x.distance - y.distance).slice(0, MOST_OF_ONE))
  }
  return pairs
}
