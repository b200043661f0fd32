/**
 * One followed turn. All its followers share one puller, which asks sessions for what lies behind the last event it has.
 * Event ids are stable, so asking again with the same id is all the recovery there is when sessions restarts.
 *
 * A follower is a cursor: the id of the last event it was given. It is *idle* (given all that is held), *taking* (what it was
 * given last, for as long as it says), or *asking* sessions by itself, since its cursor is not within what is held (it was slow,
 * or came late). Whatever comes is given to those who are idle, by calling them: a promise for each of them and batch would
 * cost more than all else that is done for it.
 *
 * - **A** A follower is given every event behind its cursor once, in order.
 * - **B** A slow follower slows only itself: nobody waits for it, and nothing is pulled for it that it does not ask for.
 * - **C** Held is only what some follower has not had yet, and at most `HELD_MAX_BYTES`.
 * - **D** Who leaves is told once how it ended, and is given nothing any more.
 */
import { type ErrorCode, ServiceError } from '../protocol/errors.ts'
import type { TurnEvent } from '../protocol/sessions.ts'
import type { Take, TurnsOptions } from './turns.ts'

interface Batch {
  readonly events: readonly TurnEvent[]
  readonly ended: boolean
}

const HELD_MAX_BYTES = 1_048_576
const BATCH_MAX_BYTES = 262_144
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

interface Follower {
  /** An empty text before the first event. */
  cursor: string
  readonly take: Take
  /** Whether it is taking or asking. */
  busy: boolean
  /** Whether it was given the end by its own question. */
  ended: boolean
  /** Takes its own question back. */
  asking: AbortController | undefined
  /** Ends its following (D). */
  readonly leave: (error?: unknown) => void
}

export class Feed {
  readonly #turn_id: string
  readonly #options: Required<TurnsOptions>
  readonly #stop = new AbortController()
  readonly #followers = new Set<Follower>()
  /** Events behind `#base`, in order; the map gives each id its place, counted from the feed's beginning. */
  #held: TurnEvent[] = []
  #places = new Map<string, number>()
  #base: string
  #dropped = 0
  #bytes = 0
  #ended = false
  #pulling = false
  /** What was last given, and its first place: mostly all followers stand at the same one, and what is made of it is made once. */
  #given: readonly TurnEvent[] = []
  #givenFrom = -1

  constructor(turn_id: string, after: string, options: Required<TurnsOptions>) {
    this.#turn_id = turn_id
    this.#options = options
    this.#base = after
  }

  get followers(): number {
    return this.#followers.size
  }

  /** Resolves behind the end; rejects when the signal aborts, the feed stops, sessions fails or `take` does. */
  follow(after: string, signal: AbortSignal, take: Take): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (error?: unknown): void => {
        if (!this.#followers.delete(follower)) return
        signal.removeEventListener('abort', onAbort)
        follower.asking?.abort(error)
        this.#trim()
        if (error === undefined) resolve()
        else reject(error)
      }
      const onAbort = (): void => leave(signal.reason instanceof ServiceError ? signal.reason : new ServiceError('cancelled'))
      const follower: Follower = { cursor: after, take, busy: false, ended: false, asking: undefined, leave }
      this.#followers.add(follower)
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      else this.#advance(follower)
    })
  }

  stop(reason: ServiceError): void {
    this.#stop.abort(reason)
    for (const follower of this.#followers) follower.leave(reason)
  }

  /** Gives a follower what there is, until it is idle or takes its time. */
  #advance(follower: Follower): void {
    while (!follower.busy && this.#followers.has(follower)) {
      if (follower.ended) return follower.leave()
      const place = this.#placeBehind(follower.cursor)
      if (place === undefined) return void this.#askFor(follower)
      if (place < this.#dropped + this.#held.length) this.#give(follower, this.#from(place))
      else if (this.#ended) return follower.leave()
      else return this.#beginPull()
    }
  }

  #give(follower: Follower, events: readonly TurnEvent[]): void {
    follower.cursor = events.at(-1)?.id ?? follower.cursor
    try {
      const taken = follower.take(events)
      if (taken === undefined) return
      follower.busy = true
      const done = (): void => {
        follower.busy = false
        this.#advance(follower)
        this.#trim()
      }
      taken.then(done, follower.leave)
    } catch (error) {
      follower.leave(error)
    }
  }

  #from(place: number): readonly TurnEvent[] {
    const first = place - this.#dropped
    if (this.#givenFrom !== place || this.#given.length !== this.#held.length - first) {
      this.#given = this.#held.slice(first)
      this.#givenFrom = place
    }
    return this.#given
  }

  /** The place of the first event behind an id; undefined where it is not within what is held. */
  #placeBehind(cursor: string): number | undefined {
    if (cursor === this.#base) return this.#dropped
    const place = this.#places.get(cursor)
    return place === undefined ? undefined : place + 1
  }

  async #askFor(follower: Follower): Promise<void> {
    const asking = new AbortController()
    follower.busy = true
    follower.asking = asking
    try {
      const { events, ended } = await this.#ask(follower.cursor, 0, asking.signal)
      follower.busy = false
      follower.asking = undefined
      if (!this.#followers.has(follower)) return
      follower.ended = ended
      if (events.length > 0) this.#give(follower, events)
      // Without news it is ahead of the puller, whose next batch brings its cursor within what is held.
      if (events.length > 0 || ended) this.#advance(follower)
      else this.#beginPull()
    } catch (error) {
      follower.leave(error)
    }
  }

  #beginPull(): void {
    if (this.#pulling) return
    this.#pulling = true
    void this.#pull()
  }

  async #pull(): Promise<void> {
    try {
      const { events, ended } = await this.#ask(this.#held.at(-1)?.id ?? this.#base, this.#options.wait_ms, this.#stop.signal)
      for (const event of events) {
        this.#places.set(event.id, this.#dropped + this.#held.length)
        this.#held.push(event)
        this.#bytes += sizeOf(event)
      }
      this.#ended = ended
      this.#pulling = false
    } catch (error) {
      this.#pulling = false
      for (const follower of this.#followers) if (!follower.busy) follower.leave(error)
    }
    for (const follower of this.#followers) this.#advance(follower)
    this.#trim()
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
    let needed = this.#dropped + this.#held.length
    for (const { cursor } of this.#followers) needed = Math.min(needed, this.#placeBehind(cursor) ?? needed)
    let count = needed - this.#dropped
    let bytes = this.#bytes
    for (let index = 0; index < count; index += 1) bytes -= sizeOf(this.#held[index] as TurnEvent)
    for (; bytes > HELD_MAX_BYTES && count < this.#held.length; count += 1) bytes -= sizeOf(this.#held[count] as TurnEvent)
    if (count === 0) return
    for (const event of this.#held.splice(0, count)) {
      this.#places.delete(event.id)
      this.#base = event.id
    }
    this.#dropped += count
    this.#bytes = bytes
    this.#given = []
    this.#givenFrom = -1
  }
}
