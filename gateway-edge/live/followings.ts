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

/** What is sent of an event: made once for all who follow its turn under the same name, which mostly is their first. */
const texts = new WeakMap<TurnEvent, { readonly prefix: string; readonly text: string }>()

const textOf = (event: TurnEvent, prefix: string): string => {
  const known = texts.get(event)
  if (known?.prefix === prefix) return known.text
  const text = toNotification('turn.event', `${prefix}${JSON.stringify(event)}}`)
  texts.set(event, { prefix, text })
  return text
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
    let last = after
    let slow = false
    const send = (events: readonly TurnEvent[]): undefined => {
      for (const event of events) outbox.send(textOf(event, prefix))
      last = events.at(-1)?.id ?? last
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
        outbox.notify(slow ? 'lagging' : 'turn.ended', { subscription, turn_id, ...(slow ? { after: last ?? null } : {}) })
    } catch (error) {
      if (signal.aborted) return
      onFault(turn_id, error)
      outbox.notify('turn.ended', { subscription, turn_id, error: shown(toRpcError(error)) })
    } finally {
      this.#running.delete(subscription)
    }
  }
}
