/**
 * The search worker as the service's thread sees it. One search is with the worker at a time; the others wait here, where
 * they can still be taken back. A worker that dies fails what it had, and the next search starts another.
 */
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Log } from '../log.ts'
import type { Filter, Hit, Way } from './retrieval.ts'

/** What the worker is asked. */
export interface Search {
  readonly terms: readonly string[]
  /** Of length 1. */
  readonly vector: Float32Array | null
  readonly model: string | null
  readonly limit: number
  readonly filter: Filter
}

export interface SearchResult {
  readonly hits: Hit[]
  readonly ways: Way[]
}

/** To the worker. `catch_up` is not answered. */
export type Order =
  | { readonly kind: 'search'; readonly search: Search }
  | { readonly kind: 'catch_up'; readonly model: string }
  | { readonly kind: 'close' }

/** From the worker, one for each search. */
export type Answer = { readonly result: SearchResult } | { readonly error: string }

/** Each takes milliseconds; who comes behind so many would wait longer than anybody does. */
const MAX_WAITING = 256

interface Waiting {
  readonly search: Search
  readonly signal: AbortSignal
  resolve(result: SearchResult): void
  reject(error: unknown): void
}

export class Searcher {
  readonly #database: string
  readonly #log: Log
  readonly #line: Waiting[] = []
  #worker: Worker | undefined
  #asked: Waiting | undefined
  #closed = false

  constructor({ database, log }: { database: string; log: Log }) {
    this.#database = database
    this.#log = log
  }

  /** Throws `busy` when too many wait, and the reason of `signal` when it is aborted while waiting. */
  search(search: Search, signal: AbortSignal): Promise<SearchResult> {
    if (this.#closed) return Promise.reject(new ServiceError('closing'))
    if (this.#line.length >= MAX_WAITING)
      return Promise.reject(new ServiceError('busy', `${MAX_WAITING} searches wait already; try again in a moment`))
    return new Promise((resolve, reject) => {
      this.#line.push({ search, signal, resolve, reject })
      this.#next()
    })
  }

  /** New vectors are there: the worker reads them now and not when somebody waits. */
  catchUp(model: string | null): void {
    if (model !== null) this.#worker?.postMessage({ kind: 'catch_up', model } satisfies Order)
  }

  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    for (const { reject } of this.#line.splice(0)) reject(new ServiceError('closing'))
    if (worker === undefined) return
    // It closes its connection by itself; in the middle of a statement it cannot be ended without harm.
    const gone = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage({ kind: 'close' } satisfies Order)
    await gone
  }

  #next(): void {
    while (this.#asked === undefined) {
      const next = this.#line.shift()
      if (next === undefined) return
      if (next.signal.aborted) next.reject(next.signal.reason)
      else this.#ask(next)
    }
  }

  #ask(next: Waiting): void {
    try {
      this.#open().postMessage({ kind: 'search', search: next.search } satisfies Order)
      this.#asked = next
    } catch (error) {
      // No thread may be had at the moment, which must not be the end of all searches.
      this.#log.error({ err: error }, 'The search worker could not be started; the next search tries again')
      next.reject(new ServiceError('unavailable', 'The search could not be started; search again', { cause: error }))
    }
  }

  #open(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./worker/main.js', import.meta.url), { workerData: { database: this.#database } })
    worker.on('message', (answer: Answer) => {
      const asked = this.#asked
      this.#asked = undefined
      if ('result' in answer) asked?.resolve(answer.result)
      else {
        this.#log.error({ detail: answer.error }, 'A search failed')
        asked?.reject(new ServiceError('internal', 'The search failed; the log has the reason'))
      }
      this.#next()
    })
    worker.on('error', (error) => this.#log.error({ err: error }, 'The search worker died; the next search starts another'))
    worker.on('exit', () => {
      this.#worker = undefined
      const asked = this.#asked
      this.#asked = undefined
      asked?.reject(new ServiceError(this.#closed ? 'closing' : 'unavailable', 'The search was cut off; search again'))
      if (!this.#closed) this.#next()
    })
    this.#worker = worker
    return worker
  }
}
