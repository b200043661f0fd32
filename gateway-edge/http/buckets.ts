/** Token buckets by name: each holds `burst` and fills again by `per_second`; what is spent faster has to wait. */

export interface BucketsOptions {
  readonly per_second: number
  readonly burst: number
  /** A clock in milliseconds; a monotonic one where absent. */
  readonly now?: () => number
}

/** Names remembered at one time. The one that was silent for longest goes first, and begins anew with a full bucket. */
const NAMES_MAX = 10_000

interface Bucket {
  level: number
  at: number
}

export class Buckets {
  readonly #buckets = new Map<string, Bucket>()
  readonly #per_second: number
  readonly #burst: number
  readonly #now: () => number

  constructor({ per_second, burst, now = () => performance.now() }: BucketsOptions) {
    this.#per_second = per_second
    this.#burst = burst
    this.#now = now
  }

  /** How many names are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Whole seconds until one more would be had; 0: now. */
  wait(name: string): number {
    const bucket = this.#buckets.get(name)
    if (bucket === undefined) return 0
    const missing = 1 - this.#levelOf(bucket)
    return missing <= 0 ? 0 : Math.ceil(missing / this.#per_second)
  }

  /** Spends one, if there is one; else says how long to wait, as `wait` does. */
  take(name: string): number {
    const wait = this.wait(name)
    if (wait > 0) return wait
    const known = this.#buckets.get(name)
    const level = (known === undefined ? this.#burst : this.#levelOf(known)) - 1
    // Behind all others, so that the first one is the one that was silent for longest.
    this.#buckets.delete(name)
    this.#buckets.set(name, { level, at: this.#now() })
    if (this.#buckets.size > NAMES_MAX) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    return 0
  }

  #levelOf({ level, at }: Bucket): number {
    return Math.min(this.#burst, level + ((this.#now() - at) / 1_000) * this.#per_second)
  }
}
