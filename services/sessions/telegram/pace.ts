/**
 * When a call may be made: how many at once, how many a second, and how few while nobody can be reached.
 *
 * While Telegram cannot be reached one caller alone asks again, after a wait that doubles; the others wait for its answer. A single
 * answer, whatever it says, ends that.
 */
import type { Outcome } from './bot-api.ts'
import { backoffMs, type Retrying } from './verdict.ts'

/** Calls under way, of all bots together: more would only wait for each other on one line. */
const MAX_IN_FLIGHT = 16
/** Telegram's published limit of a bot is about 30 messages a second (core.telegram.org/bots/faq). */
const SPACING_MS = 1_000 / 30
/** Connections that break one after the other, in whatever chats, are no accident of one message any more. */
const MAX_BREAKS = 4

/** Called with what came of the call; null where none was made. */
export type Leave = (outcome: Outcome | null) => void

interface Waiting {
  readonly token_id: string
  readonly enter: (leave: Leave | null) => void
}

export class Pace {
  readonly #retrying: Retrying
  readonly #random: () => number
  readonly #nextAt = new Map<string, number>()
  #waiting: Waiting[] = []
  #inFlight = 0
  /** Failures in a row that show that nobody can be reached; while there are any, one asks for all. */
  #failures = 0
  #breaks = 0
  #silentUntil = 0
  #probing = false
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined
  #closed = false

  constructor(retrying: Retrying, random: () => number = Math.random) {
    this.#retrying = retrying
    this.#random = random
  }

  /** Whether nobody could be reached lately. */
  get isSilent(): boolean {
    return this.#failures > 0
  }

  /** Waits for the turn of this bot, in order of asking. Null when there will be none any more. */
  async enter(tokenId: string): Promise<Leave | null> {
    if (this.#closed) return null
    return await new Promise((resolve) => {
      this.#waiting.push({ token_id: tokenId, enter: resolve })
      // Not here and now: whoever is let in would begin only when its caller's caller is done, together with all let in until then.
      this.#soon ??= setImmediate(() => this.#admit())
    })
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearImmediate(this.#soon)
    for (const { enter } of this.#waiting.splice(0)) enter(null)
  }

  /** Lets in whoever may; sets the alarm for the next who may. */
  #admit(): void {
    clearTimeout(this.#timer)
    this.#soon = undefined
    if (this.#closed) return
    const now = performance.now()
    let wakeAt = Number.POSITIVE_INFINITY
    const stay: Waiting[] = []
    for (const waiting of this.#waiting) {
      const freeAt = Math.max(this.#silentUntil, this.#nextAt.get(waiting.token_id) ?? 0)
      if (this.#inFlight >= MAX_IN_FLIGHT || this.#probing || freeAt > now) {
        stay.push(waiting)
        wakeAt = Math.min(wakeAt, freeAt)
      } else this.#letIn(waiting, now)
    }
    this.#waiting = stay
    for (const [token_id, at] of this.#nextAt) if (at <= now) this.#nextAt.delete(token_id)
    // Whoever waits for another's answer is let in by that answer.
    if (wakeAt > now && wakeAt < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#admit(), wakeAt - now + 1)
  }

  #letIn({ token_id, enter }: Waiting, now: number): void {
    const probe = this.#failures > 0
    this.#probing ||= probe
    this.#inFlight++
    this.#nextAt.set(token_id, now + SPACING_MS)
    let left = false
    enter((outcome) => {
      if (left) return
      left = true
      this.#inFlight--
      if (probe) this.#probing = false
      this.#learn(outcome)
      this.#admit()
    })
  }

  #learn(outcome: Outcome | null): void {
    if (outcome === null) return
    if (outcome.kind === 'sent' || outcome.kind === 'refused') {
      this.#failures = 0
      this.#breaks = 0
      this.#silentUntil = 0
      return
    }
    this.#breaks++
    if (outcome.kind === 'ambiguous' && this.#breaks < MAX_BREAKS) return
    // Calls that were under way together fail together: that is one failure.
    if (performance.now() < this.#silentUntil) return
    this.#silentUntil = performance.now() + backoffMs(this.#failures, this.#retrying, this.#random())
    this.#failures++
  }
}
