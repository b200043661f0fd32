/**
 * What one client is sent. Texts go out as they come; whoever has much to say asks for room first, so that what waits for a
 * client that reads slowly stays bounded.
 */
import type { Socket } from '../server/server.ts'
import { toNotification } from './json-rpc.ts'

/** While more than this waits, nothing is added that can be had later. */
export const ROOMY_BYTES = 1_048_576

export class Outbox {
  readonly #socket: Socket
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get hasRoom(): boolean {
    return this.#socket.unsent <= ROOMY_BYTES
  }

  send(text: string): void {
    this.#socket.send(text)
  }

  notify(method: string, params: object): void {
    this.send(toNotification(method, JSON.stringify(params)))
  }

  /**
   * Resolves when there is room, with true; with false when `patience_ms` have passed without, or the signal aborts. Only
   * what is sent before anything else is awaited has the room that was promised.
   */
  async room(signal: AbortSignal, patience_ms?: number): Promise<boolean> {
    const until = patience_ms === undefined ? Number.POSITIVE_INFINITY : performance.now() + patience_ms
    while (!this.hasRoom && !signal.aborted && performance.now() < until) await this.#news(signal, until - performance.now())
    return this.hasRoom && !signal.aborted
  }

  /** To be told when the kernel took something. */
  drained(): void {
    if (this.#waiting.size === 0 || !this.hasRoom) return
    for (const wake of [...this.#waiting]) wake()
  }

  #news(signal: AbortSignal, patience_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = patience_ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(done, patience_ms)
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }
}
