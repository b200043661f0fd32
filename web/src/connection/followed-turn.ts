/** A turn that somebody looks at: what the edge tells of it, in order, over as many connections as it takes. */
import type { TurnEvent } from '../../../protocol/sessions.ts'
import { Failure, fromRpc } from './failure.ts'

export interface TurnListener {
  /** Each event once, in order. */
  onEvent(event: TurnEvent): void
  /** No more comes. `failure`: it cannot be followed, for instance since its events are no longer kept. */
  onEnd(failure: Failure | undefined): void
}

type Ask = (method: string, params: object) => Promise<unknown>

export class FollowedTurn {
  readonly turn_id: string
  readonly #listener: TurnListener
  #after: string | null
  #subscription: string | undefined
  #over = false
  /** Of the connection on which it is followed now; what an older one still answers is not heeded. */
  #epoch = 0

  constructor(turn_id: string, after: string | null, listener: TurnListener) {
    this.turn_id = turn_id
    this.#after = after
    this.#listener = listener
  }

  /** The name under which the edge tells of it now. */
  get subscription(): string | undefined {
    return this.#subscription
  }

  get over(): boolean {
    return this.#over
  }

  /** Asks to be told, from behind the last event that was seen. To be called anew on each connection. */
  async begin(ask: Ask): Promise<void> {
    this.#epoch += 1
    const epoch = this.#epoch
    this.#subscription = undefined
    try {
      const { subscription } = (await ask('turns.follow', { turn_id: this.turn_id, after: this.#after })) as {
        subscription: string
      }
      if (epoch === this.#epoch) this.#subscription = subscription
      if (this.#over) await ask('turns.unfollow', { subscription })
    } catch (error) {
      // Where the connection was lost the next one begins again.
      if (error instanceof Failure && error.code !== 'offline' && epoch === this.#epoch) this.#finish(error)
    }
  }

  lost(): void {
    this.#epoch += 1
    this.#subscription = undefined
  }

  hear(event: TurnEvent): void {
    if (this.#over) return
    this.#after = event.id
    this.#listener.onEvent(event)
  }

  /** The edge tells no more: it has ended, or cannot be followed. */
  ended(error: unknown): void {
    this.#finish(error === undefined ? undefined : fromRpc(error as Parameters<typeof fromRpc>[0]))
  }

  /** Nobody looks any more. */
  stop(ask: Ask): void {
    if (this.#over) return
    this.#over = true
    if (this.#subscription !== undefined) void ask('turns.unfollow', { subscription: this.#subscription }).catch(() => undefined)
  }

  #finish(failure: Failure | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#listener.onEnd(failure)
  }
}
