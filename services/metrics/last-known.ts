/** Parts that are read anew again and again. One that fails keeps its last value, and the reason is told. */
import { ServiceError } from '../../protocol/errors.ts'
import type { Log } from '../runtime/log.ts'

/** Why a part could not be read anew. */
export interface Note {
  readonly part: string
  readonly problem: string
}

/** One part: how it is read, and for how long a value is fresh. */
interface Part<T> {
  readonly read: () => T | Promise<T>
  readonly fresh_ms: number
}

type Values<P> = { readonly [K in keyof P]: P[K] extends Part<infer T> ? T | null : never }

interface State {
  value: unknown
  read_at: number
  problem: string | undefined
  reading: Promise<void> | undefined
}

/** Holds parts by name. */
export class LastKnown<P extends Readonly<Record<string, Part<unknown>>>> {
  readonly #parts: P
  readonly #log: Log
  readonly #states = new Map<string, State>()

  constructor(parts: P, log: Log) {
    this.#parts = parts
    this.#log = log
    for (const name of Object.keys(parts))
      this.#states.set(name, { value: null, read_at: Number.NEGATIVE_INFINITY, problem: undefined, reading: undefined })
  }

  /** All values as they are now; null where there never was one. */
  get values(): Values<P> {
    return Object.fromEntries([...this.#states].map(([name, { value }]) => [name, value])) as Values<P>
  }

  get notes(): Note[] {
    return [...this.#states].flatMap(([part, { problem }]) => (problem === undefined ? [] : [{ part, problem }]))
  }

  /** Reads what is not fresh any more, all at once; with `anew` everything. Never fails. */
  async refresh(anew = false): Promise<void> {
    const now = performance.now()
    await Promise.all(
      [...this.#states].map(async ([name, state]) => {
        const { fresh_ms } = this.#parts[name] as Part<unknown>
        if (anew || now - state.read_at >= fresh_ms) state.reading ??= this.#read(name, state)
        await state.reading
      }),
    )
  }

  async #read(name: string, state: State): Promise<void> {
    try {
      state.value = await (this.#parts[name] as Part<unknown>).read()
      state.read_at = performance.now()
      state.problem = undefined
    } catch (error) {
      const isExpected = error instanceof ServiceError
      if (!isExpected && state.problem === undefined)
        this.#log.warn({ err: error, part: name }, 'A part of the metrics cannot be read')
      state.problem = isExpected ? error.message : 'It cannot be read; the log of metrics says why'
    } finally {
      state.reading = undefined
    }
  }
}
