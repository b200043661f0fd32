/**
 * Following turns. All clients of one turn share one puller, which asks sessions for what lies behind the last event it
 * has. Event ids are stable, so asking again with the same id is all the recovery there is when sessions restarts.
 *
 * A follower is a cursor: the id of the last event it was given. It gets what the puller holds behind that id; a follower
 * that is not within what is held (slow, or come late) asks sessions by itself until it is.
 *
 * - **A** A follower is given every event behind its cursor once, in order.
 * - **B** A slow follower slows only itself: nobody waits for it, and nothing is pulled for it that it does not ask for.
 * - **C** Held is only what some follower has not had yet, and at most `HELD_MAX_BYTES`.
 * - **D** When the last follower leaves, the pull is taken back and the turn forgotten.
 */
import { type ErrorCode, ServiceError } from '../protocol/errors.ts'
import type { Client } from '../protocol/method.ts'
import type { sessions, TurnEvent } from '../protocol/sessions.ts'

/** What of sessions is needed to follow its turns. */
export type TurnSource = Pick<Client<typeof sessions>, 'events' | 'turn'>

export interface TurnsOptions {
  readonly source: TurnSource
  /** How long sessions may be unreachable before followers are told, in milliseconds. */
  readonly give_up_ms?: number
  /** How long one pull waits for news, in milliseconds. */
  readonly wait_ms?: number
}

export interface Turns {
  /**
   * Yields what happened behind `after` in batches, the last of which holds the `end`. Throws what sessions answers
   * (`not_found`), `unavailable` when sessions cannot be reached for too long, `closing` at `close`.
   */
  follow(
    turn_id: string,
    options: { readonly after?: string | undefined; readonly signal: AbortSignal },
  ): AsyncGenerator<readonly TurnEvent[]>
  /** How many turns are followed at this moment. */
  readonly size: number
  /** Ends all following. */
  close(): void
}

interface Batch {
  readonly events: readonly TurnEvent[]
  readonly ended: boolean
}

const HELD_MAX_BYTES = 1_048_576
const BATCH_MAX_BYTES = 262_144
const GIVE_UP_MS = 60_000
const WAIT_MS = 20_000
/** Beyond the wait, before a pull counts as failed: sessions may be busy folding a long log. */
const ANSWER_MS = 10_000
const RETRY_MS = 200

/** What passes when sessions comes back. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['unavailable', 'timeout', 'closing', 'busy'])

const isPassing = (error: unknown): boolean => error instanceof ServiceError && PASSING.has(error.code)

const sizeOf = (event: TurnEvent): number =>
  ('content' in event ? event.content.length : 0) + ('input' in event ? event.input.length : 0) + 100

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })

/** Those who wait for the same thing. Whoever leaves is forgotten at once, where a promise would hold on to them until it settles. */
class Waiters {
  readonly #waiting = new Set<(error?: unknown) => void>()

  /** Resolves, or rejects, with the next `wake`; rejects as soon as the signal aborts. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown): void => {
        this.#waiting.delete(settle)
        signal.removeEventListener('abort', left)
        if (error === undefined) resolve()
        else reject(error)
      }
      const left = (): void => settle(signal.reason instanceof ServiceError ? signal.reason : new ServiceError('cancelled'))
      this.#waiting.add(settle)
      signal.addEventListener('abort', left)
      if (signal.aborted) left()
    })
  }

  wake(error?: unknown): void {
    for (const settle of [...this.#waiting]) settle(error)
  }
}

/** One followed turn: what its puller holds, and where its followers are. */
class Feed {
  readonly #turn_id: string
  readonly #options: Required<TurnsOptions>
  readonly #stop = new AbortController()
  /** Cursors of those who follow; an empty text before the first event. */
  readonly #cursors = new Map<symbol, string>()
  /** Events behind `#base`, in order; the map gives each id its place, counted from the feed's beginning. */
  #held: TurnEvent[] = []
  #places = new Map<string, number>()
  #base: string
  #dropped = 0
  #bytes = 0
  #ended = false
  /** Those who wait for what is being pulled, and what ends each follower when the feed stops. */
  readonly #waiters = new Waiters()
  readonly #leaving = new Set<AbortController>()
  #pulling = false

  constructor(turn_id: string, after: string, options: Required<TurnsOptions>) {
    this.#turn_id = turn_id
    this.#options = options
    this.#base = after
  }

  async *follow(after: string, signal: AbortSignal): AsyncGenerator<readonly TurnEvent[]> {
    const follower = Symbol('follower')
    // `AbortSignal.any` would leave something behind in the feed's own signal for each follower there ever was.
    const either = new AbortController()
    const leave = (): void => either.abort(signal.reason)
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    if (this.#stop.signal.aborted) either.abort(this.#stop.signal.reason)
    this.#leaving.add(either)
    this.#cursors.set(follower, after)
    try {
      for (let cursor = after; ; ) {
        const { events, ended } = await this.#next(cursor, either.signal)
        cursor = events.at(-1)?.id ?? cursor
        this.#cursors.set(follower, cursor)
        this.#trim()
        if (events.length > 0) yield events
        if (ended) return
      }
    } finally {
      signal.removeEventListener('abort', leave)
      this.#leaving.delete(either)
      this.#cursors.delete(follower)
      this.#trim()
    }
  }

  get followers(): number {
    return this.#cursors.size
  }

  stop(reason: ServiceError): void {
    this.#stop.abort(reason)
    for (const follower of this.#leaving) follower.abort(reason)
  }

  async #next(cursor: string, signal: AbortSignal): Promise<Batch> {
    for (;;) {
      signal.throwIfAborted()
      const place = this.#placeBehind(cursor)
      const first = place === undefined ? this.#held.length : place - this.#dropped
      if (first < this.#held.length) return { events: this.#held.slice(first), ended: this.#ended }
      if (place !== undefined && this.#ended) return { events: [], ended: true }
      if (place === undefined) {
        const batch = await this.#ask(cursor, 0, signal)
        if (batch.events.length > 0 || batch.ended) return batch
        // Ahead of the puller, then: its next batch brings our cursor within what is held.
      }
      this.#beginPull()
      await this.#waiters.wait(signal)
    }
  }

  /** The place of the first event behind an id; undefined where it is not within what is held. */
  #placeBehind(cursor: string): number | undefined {
    if (cursor === this.#base) return this.#dropped
    const place = this.#places.get(cursor)
    return place === undefined ? undefined : place + 1
  }

  #beginPull(): void {
    if (this.#pulling) return
    this.#pulling = true
    const done = (error?: unknown): void => {
      this.#pulling = false
      this.#waiters.wake(error)
    }
    this.#pull().then(() => done(), done)
  }

  async #pull(): Promise<void> {
    const { events, ended } = await this.#ask(this.#held.at(-1)?.id ?? this.#base, this.#options.wait_ms, this.#stop.signal)
    for (const event of events) {
      this.#places.set(event.id, this.#dropped + this.#held.length)
      this.#held.push(event)
      this.#bytes += sizeOf(event)
    }
    this.#ended = ended
  }

  /** Asks sessions until it answers; gives up when it was not there for too long. */
  async #ask(cursor: string, wait_ms: number, signal: AbortSignal): Promise<Batch> {
    const { source, give_up_ms } = this.#options
    const since = Date.now()
    for (;;) {
      const input = { turn_id: this.#turn_id, after: cursor === '' ? null : cursor, wait_ms, max_bytes: BATCH_MAX_BYTES }
      try {
        return await source.events(input, { signal, timeout_ms: wait_ms + Math.min(ANSWER_MS, give_up_ms) })
      } catch (error) {
        if (error instanceof ServiceError && error.code === 'gone') return await this.#ending(error, signal)
        if (signal.aborted || !isPassing(error) || Date.now() - since >= give_up_ms + wait_ms) throw error
        await pause(RETRY_MS, signal)
      }
    }
  }

  /** The events are no longer kept, but the turn is: its end is all there is left to tell. */
  async #ending(gone: ServiceError, signal: AbortSignal): Promise<Batch> {
    const { state, reply, reason } = await this.#options.source.turn({ turn_id: this.#turn_id }, { signal })
    if (reply === null) throw gone
    return { events: [{ id: '0.0.0', type: 'end', state, content: reply, reason }], ended: true }
  }

  /** Forgets what every follower has had, and what is more than may be held (B, C). */
  #trim(): void {
    const places = [...this.#cursors.values()].map((cursor) => this.#placeBehind(cursor))
    const needed = Math.min(this.#dropped + this.#held.length, ...places.filter((place) => place !== undefined))
    let count = needed - this.#dropped
    let bytes = this.#bytes
    for (const event of this.#held.slice(0, count)) bytes -= sizeOf(event)
    for (; bytes > HELD_MAX_BYTES && count < this.#held.length; count += 1) bytes -= sizeOf(this.#held[count] as TurnEvent)
    if (count === 0) return
    for (const event of this.#held.splice(0, count)) {
      this.#places.delete(event.id)
      this.#base = event.id
    }
    this.#dropped += count
    this.#bytes = bytes
  }
}

/** Follows turns of one source. */
export const openTurns = ({ source, give_up_ms = GIVE_UP_MS, wait_ms = WAIT_MS }: TurnsOptions): Turns => {
  const feeds = new Map<string, Feed>()
  let closed = false

  return {
    async *follow(turn_id, { after = '', signal }) {
      if (closed) throw new ServiceError('closing')
      const feed = feeds.get(turn_id) ?? new Feed(turn_id, after, { source, give_up_ms, wait_ms })
      feeds.set(turn_id, feed)
      try {
        yield* feed.follow(after, signal)
      } finally {
        if (feed.followers === 0) {
          if (feeds.get(turn_id) === feed) feeds.delete(turn_id)
          feed.stop(new ServiceError('cancelled', 'Nobody follows this turn any more'))
        }
      }
    },
    get size() {
      return feeds.size
    },
    close: () => {
      closed = true
      for (const feed of feeds.values()) feed.stop(new ServiceError('closing', 'The edge is closing'))
    },
  }
}
