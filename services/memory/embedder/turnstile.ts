/** Lets a few pieces of work run at a time; a query never waits behind documents that wait. */
import { ServiceError } from '../../../protocol/errors.ts'

export type Kind = 'document' | 'query'

interface Waiting {
  readonly go: () => void
  readonly leave: (reason: unknown) => void
}

export class Turnstile {
  readonly #places: number
  #running = 0
  readonly #waiting: Record<Kind, Set<Waiting>> = { query: new Set(), document: new Set() }

  constructor(places: number) {
    this.#places = places
  }

  /** Runs the work when its turn comes. Throws what it throws, and the signal's reason when that comes first. */
  async run<T>(kind: Kind, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#running >= this.#places) await this.#wait(kind, signal)
    else this.#running += 1
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  /** All that wait are refused. */
  close(): void {
    const closing = new ServiceError('closing')
    for (const line of Object.values(this.#waiting)) for (const waiting of line) waiting.leave(closing)
  }

  #wait(kind: Kind, signal: AbortSignal): Promise<void> {
    const line = this.#waiting[kind]
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiting.leave(signal.reason)
      const waiting: Waiting = {
        go: () => {
          line.delete(waiting)
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
        leave: (reason) => {
          line.delete(waiting)
          signal.removeEventListener('abort', onAbort)
          reject(reason)
        },
      }
      line.add(waiting)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** The place of what has ended goes to the next one, without being free in between. */
  #next(): void {
    for (const line of [this.#waiting.query, this.#waiting.document]) {
      for (const waiting of line) return waiting.go()
    }
    this.#running -= 1
  }
}
