/** What goes through a Switchboard while it is killed, and what is found afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../run/random.ts'
import type { Surroundings } from '../surroundings.ts'

/** What must be zero, and in words what was found. */
export interface Faults {
  readonly lost: number
  readonly doubled: number
  readonly run_twice: number
  readonly notes: readonly string[]
}

/** One kind of work, of which a cell of the matrix has one or more. */
export interface Load {
  /** Brings about more of it, for a kill that waits for its moment. */
  more(): void
  /** Chats that wait for an answer now: of agents theirs are the interesting ones. */
  busy?(): readonly string[]
  /** Nothing more is begun; resolves once all of it has ended, or its patience has. */
  end(): Promise<void>
  /** To be asked after `end`. @param losses when the power was lost, milliseconds since 1970 */
  count(losses: readonly number[]): Promise<Faults>
}

/** @param name unlike that of every other load of the house */
export type Begin = (at: Surroundings, name: string, random: Random) => Promise<Load>

/** Gathers what is found. */
export class Findings {
  #lost = 0
  #doubled = 0
  #runTwice = 0
  readonly #notes: string[] = []

  add(kind: 'lost' | 'doubled' | 'run_twice', count: number, note: string): void {
    if (count === 0) return
    if (kind === 'lost') this.#lost += count
    else if (kind === 'doubled') this.#doubled += count
    else this.#runTwice += count
    this.#notes.push(`${kind} (${count}): ${note}`)
  }

  get faults(): Faults {
    return { lost: this.#lost, doubled: this.#doubled, run_twice: this.#runTwice, notes: this.#notes }
  }
}

/** How long anything may take to come to its end, in milliseconds. */
export const PATIENCE_MS = 90_000

const RETRY_MS = 100
const ANSWER_MS = 20_000
/** Nobody there, or not yet: what an edge answers whose services are away. */
const PASSING = new Set([502, 503, 504])

/** The answer that says no. */
export class Refused extends Error {
  readonly status: number
  constructor(status: number, text: string) {
    super(`status ${status}: ${text.slice(0, 300)}`)
    this.status = status
  }
}

export interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly body?: object
  /** Makes a repeat the same request. */
  readonly key?: string
  readonly patience_ms?: number
}

/** Asks the edge until it answers. Throws {@link Refused}, or the last failure when patience is over. */
export const ask = async <T>(url: string, path: string, request: Request = {}): Promise<T> => {
  const { method = 'GET', body, key, patience_ms = PATIENCE_MS } = request
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  for (const until = performance.now() + patience_ms; ; await sleep(RETRY_MS)) {
    let failure: unknown
    try {
      const init = { method, headers, signal: AbortSignal.timeout(ANSWER_MS), ...(body && { body: JSON.stringify(body) }) }
      const response = await fetch(url + path, init)
      if (response.ok) return (await response.json()) as T
      failure = new Refused(response.status, await response.text())
      if (!PASSING.has(response.status)) throw failure
    } catch (error) {
      if (error instanceof Refused && !PASSING.has(error.status)) throw error
      failure = error
    }
    if (performance.now() > until) throw new Error(`${method} ${path} had no answer`, { cause: failure })
  }
}

/** Asks until something is so; false when it is not within the patience. */
export const comesTrue = async (isSo: () => boolean | Promise<boolean>, patience_ms = PATIENCE_MS): Promise<boolean> => {
  for (const until = performance.now() + patience_ms; performance.now() < until; await sleep(RETRY_MS))
    if (await isSo()) return true
  return false
}
