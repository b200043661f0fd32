/**
 * The turns that one client follows. Each is a follower of the edge's one puller for that turn.
 *
 * - **A** Every event behind the one that the client named is sent once, in order; `turn.ended` or `lagging` is the last.
 * - **B** Nothing is pulled while more waits for this client than it has room for. If that lasts, following ends, and the
 *   client is told after which event, as soon as it takes something: it asks again when it likes.
 */
import { ServiceError } from '../../protocol/errors.ts'
import type { TurnEvent } from '../../protocol/sessions.ts'
import type { Take, Turns } from '../turns.ts'
import { shown, toNotification, toRpcError } from './json-rpc.ts'
import type { Outbox } from './outbox.ts'

/** Turns that one client may follow at one time. */
const MOST = 256

/** How long a client may take to make room before it is called slow. */
const LAG_MS = 5_000

/**
 * What was last made of a batch: it is given to all who follow its turn one after the other, mostly under the same name. Not a
 * `WeakMap` of all batches: what such a map holds outlives the collections that clear away all else that is young.
 */
let last: { readonly events: readonly TurnEvent[]; readonly prefix: string; readonly texts: readonly string[] } | undefined

const textsOf = (events: readonly TurnEvent[], prefix: string): readonly string[] => {
  if (last?.events === events && last.prefix === prefix) return last.texts
  const texts = events.map((event) => toNotification('turn.event', `${prefix}${JSON.stringify(event)}}`))
  last = { events, prefix, texts }
  return texts
}

export interface FollowingsOptions {
  readonly turns: Turns
  readonly outbox: Outbox
  /** Told of what ended a following that the client did not end. */
  readonly onFault: (turn_id: string, error: unknown) => void
  readonly lag_ms?: number | undefined
}

export class Followings {
  readonly #options: FollowingsOptions
  readonly #running = new Map<string, AbortController>()
  #count = 0

  constructor(options: FollowingsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#running.size
  }

  /** Makes room for one more. `begin` is to be called when the client knows its name. */
  add(turn_id: string, after: string | undefined): { readonly subscription: string; readonly begin: () => void } {
    this.check()
    this.#count += 1
    const subscription = String(this.#count)
    const controller = new AbortController()
    this.#running.set(subscription, controller)
    return { subscription, begin: () => void this.#follow(subscription, turn_id, after, controller.signal) }
  }

  /** Throws `busy` when there may be no more. */
  check(): void {
    if (this.#running.size >= MOST) throw new ServiceError('busy', `At most ${MOST} turns are followed on one connection`)
  }

  /** Whether there was such a one. Nothing more is sent for it. */
  end(subscription: string): boolean {
    const controller = this.#running.get(subscription)
    this.#running.delete(subscription)
    controller?.abort()
    return controller !== undefined
  }

  close(): void {
    for (const subscription of [...this.#running.keys()]) this.end(subscription)
  }

  async #follow(subscription: string, turn_id: string, after: string | undefined, signal: AbortSignal): Promise<void> {
    const { turns, outbox, onFault, lag_ms = LAG_MS } = this.#options
    const prefix = `{"subscription":"${subscription}","turn_id":"${turn_id}","event":`
    let cursor = after
    let slow = false
    const send = (events: readonly TurnEvent[]): undefined => {
      for (const text of textsOf(events, prefix)) outbox.send(text)
      cursor = events.at(-1)?.id ?? cursor
    }
    const sendLater = async (events: readonly TurnEvent[]): Promise<void> => {
      slow = !(await outbox.room(signal, lag_ms))
      if (slow) throw new ServiceError('cancelled', 'This client takes nothing')
      send(events)
    }
    const take: Take = (events) => (outbox.hasRoom ? send(events) : sendLater(events))
    try {
      await turns.follow(turn_id, { after, signal, take }).catch((error: unknown) => {
        if (!slow) throw error
      })
      if (slow) await outbox.room(signal)
      if (!signal.aborted)
        outbox.notify(slow ? 'lagging' : 'turn.ended', { subscription, turn_id, ...(slow ? { after: cursor ?? null } : {}) })
    } catch (error) {
      if (signal.aborted) return
      onFault(turn_id, error)
      outbox.notify('turn.ended', { subscription, turn_id, error: shown(toRpcError(error)) })
    } finally {
      this.#running.delete(subscription)
    }
  }
}
