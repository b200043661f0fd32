/** Takes in, bit by bit, the messages that were stored before they could be found. Where it stopped is in the database. */
import type { Log } from '../runtime/log.ts'
import type { HistoryStore } from './store.ts'

/** As many as others may be made to wait for: 20 messages take about 5 ms, or a commit. */
const BATCH = 20

/** A third of the time at most is spent on what is old. */
const PAUSE_MS = 10

const RETRY_MS = 5_000

export class Backlog {
  readonly #store: HistoryStore
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #left = 0
  #closed = false

  constructor({ store, log }: { store: HistoryStore; log: Log }) {
    this.#store = store
    this.#log = log
  }

  /** Messages, at most, that are not taken in yet. */
  get left(): number {
    return this.#left
  }

  start(): void {
    this.#next()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #next(): void {
    let pause_ms = PAUSE_MS
    try {
      this.#left = this.#store.indexNext(BATCH)
      if (this.#left === 0) return
    } catch (error) {
      // A full disk is emptied some day; nothing is lost by waiting.
      this.#log.error({ err: error }, 'Older messages could not be made findable; it is tried again')
      pause_ms = RETRY_MS
    }
    if (!this.#closed) this.#timer = setTimeout(() => this.#next(), pause_ms)
  }
}
