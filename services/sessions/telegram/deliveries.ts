/**
 * What has to reach a chat of Telegram, and does.
 *
 * A delivery is *pending* until all of its parts were sent (*delivered*), one of them never can be (*failed*) or nobody wants
 * it any more (*cancelled*). A part is *pending*, then *sending* while a call is under way, then *sent*, or *pending* again, or
 * *failed*; parts behind one that failed are *cancelled*. An attempt is *open* until its outcome is known: *sent*, *refused*
 * (Telegram said no), *not_sent* (it is proven that nothing arrived) or *ambiguous* (it may have arrived).
 *
 * What enters: `add`, in the transaction of whatever has this text as its result; then `poke`. Each chat of a bot that is owed something
 * has a line. A line sends what is next, or sleeps until that is due; due times are in rows, a timer only wakes.
 *
 * - **A** What `add` has committed is delivered or ends with a reason; a restart takes up all that is pending.
 * - **B** Within a chat one call is made at a time, in the order of `add` and of the parts: nothing is overtaken.
 * - **C** An attempt is on disk before its call is made. So one that is found open was cut off by a crash, and is ambiguous.
 * - **D** A part is sent again after an ambiguous attempt only, or after one that is known not to have arrived; behind an
 *   ambiguous one it says so of itself. So without a label nothing arrives twice, and each ambiguous attempt has at most one
 *   labelled repeat that arrives.
 * - **E** What came of a call is written down before anything else is sent in that chat, however long the disk takes; a service that ends
 *   before leaves the attempt open (C).
 * - **F** Until the moment that Telegram named with a 429 nothing is sent to that chat, whatever becomes of the message.
 * - **G** A delivery that has been refused or lost for `give_up_ms` is tried a last time and fails; one that waited that long in line is
 *   tried at least once.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Delivery } from '../../../protocol/deliveries.ts'
import { createClosing } from '../../runtime/deadline.ts'
import type { Log } from '../../runtime/log.ts'
import { settledWithin } from '../../runtime/releases.ts'
import type { BotApi, Outcome } from './bot-api.ts'
import { Line } from './line.ts'
import { Pace } from './pace.ts'
import { LABEL, prepareParts } from './prepare.ts'
import type { Chat, DeliveryFilter, DeliveryStore, Job, NewDelivery } from './store.ts'
import type { BotTokens } from './tokens.ts'
import { judge, type Retrying } from './verdict.ts'

/** The moments at which a crash is most interesting; names of `points.ts`. */
export type DeliveryPoint = 'before_attempt' | 'attempt_committed' | 'api_answered' | 'attempt_ended'

const RETRYING: Retrying = { first_ms: 1_000, last_ms: 5 * 60_000, give_up_ms: 24 * 3_600_000 }
/** How long a call under way may go on when the service ends. Cut off, it would have to be repeated. */
const LAST_CALLS_MS = 1_500
/** How long to wait when a row could not be written (a full disk). */
const DISK_RETRY_MS = 1_000

export interface DeliveriesOptions {
  readonly store: DeliveryStore
  readonly api: Pick<BotApi, 'sendMessage' | 'sendDocument'>
  readonly tokens: Pick<BotTokens, 'get'>
  readonly log: Log
  /** A text that needs more goes as a file. */
  readonly max_messages?: number
  readonly retrying?: Partial<Retrying>
  readonly at?: (point: DeliveryPoint) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Hears of each delivery that was delivered or has failed, after that was committed. */
  readonly onEnd?: (delivery: Delivery) => void
}

const lineKey = ({ token_id, chat_id }: Chat): string => `${token_id}:${chat_id}`

export class Deliveries {
  readonly #o: DeliveriesOptions
  readonly #at: (point: DeliveryPoint) => void
  readonly #now: () => number
  readonly #retrying: Retrying
  readonly #pace: Pace
  readonly #lines = new Map<string, Line>()
  readonly #ending = createClosing()
  /** Chats to which something was added, or in which something was cancelled, since the last poke. */
  #touched: Chat[] = []
  #stopped = false

  constructor(options: DeliveriesOptions) {
    this.#o = options
    this.#at = options.at ?? (() => undefined)
    this.#now = options.now ?? Date.now
    this.#retrying = { ...RETRYING, ...options.retrying }
    this.#pace = new Pace(this.#retrying)
  }

  /** Cuts a text (Markdown) into messages. Takes up to a second for texts that were made to take long, so do it outside of transactions. */
  prepare({ text, ...to }: Omit<NewDelivery, 'parts' | 'created_at'> & { readonly text: string }): NewDelivery {
    return { ...to, created_at: this.#now(), parts: prepareParts(text, this.#o.max_messages ?? 10) }
  }

  /**
   * Takes a delivery in; to be called in the transaction of what has led to it. It is sent after the next `poke`, or by the next
   * life of the service. False when there is one of this id: then nothing changes.
   */
  add(delivery: NewDelivery): boolean {
    this.#touched.push({ token_id: delivery.token_id, chat_id: delivery.chat_id })
    return this.#o.store.add(delivery)
  }

  /** Begins to send what was added, and what is due by now. To be called after the commit. */
  poke(): void {
    if (this.#stopped) return
    for (const chat of this.#touched.splice(0)) this.#line(chat).wake()
    const now = this.#now()
    for (const line of this.#lines.values()) if (line.dueAt <= now) line.wake()
  }

  /** Takes up what the last life left (invariants A and C). */
  recover(): void {
    const open = this.#o.store.interrupt('the service ended before it saw the answer', this.#now())
    const chats = this.#o.store.chats()
    if (chats.length > 0) this.#o.log.info({ chats: chats.length, open }, 'deliveries of the last life are taken up')
    this.#touched.push(...chats)
    this.poke()
  }

  /** Whether something of this owner is still on its way. */
  isPending(owner: string): boolean {
    return this.#o.store.isPending(owner)
  }

  /** The deliveries of an owner with all their evidence, oldest first. */
  ofOwner(owner: string): Delivery[] {
    return this.#o.store.ofOwner(owner)
  }

  /** One delivery, or null. */
  get(deliveryId: string): Delivery | null {
    return this.#o.store.delivery(deliveryId)
  }

  /** Newest first. */
  list(filter: DeliveryFilter): Delivery[] {
    return this.#o.store.list(filter)
  }

  /**
   * Drops what was not sent yet; a call under way is finished and its evidence kept. Tells how many deliveries it was. May be
   * part of a transaction; `poke` afterwards. `onEnd` does not hear of it.
   */
  cancel(owner: string): number {
    const chats = this.#o.store.cancel(owner, this.#now())
    this.#touched.push(...chats)
    return chats.length
  }

  /** Forgets deliveries that ended before this moment, and tells how many. */
  forget(before: number): number {
    return this.#o.store.forget(before, this.#now())
  }

  /** Begins no more calls, and resolves when those under way have ended. What is pending waits for the next life. */
  async drain(): Promise<void> {
    this.#stopped = true
    this.#pace.close()
    await Promise.all([...this.#lines.values()].map((line) => line.stop()))
  }

  /** As `drain`, but calls that take longer than a moment are cut off: they count as ambiguous. */
  async close(): Promise<void> {
    const drained = this.drain()
    await settledWithin(drained, LAST_CALLS_MS)
    this.#ending.abort()
    await drained
  }

  #line(chat: Chat): Line {
    const key = lineKey(chat)
    const known = this.#lines.get(key)
    if (known) return known
    const line = new Line({
      now: this.#now,
      serve: () => this.#serve(chat),
      onIdle: () => void this.#lines.delete(key),
      onError: (error) => {
        this.#o.log.error({ err: error, chat_id: chat.chat_id }, 'a delivery could not be read or written; it is tried again')
        return this.#now() + DISK_RETRY_MS
      },
    })
    this.#lines.set(key, line)
    return line
  }

  /** Sends what is next in a chat. Gives the moment at which to look again; null when nothing is owed. */
  async #serve(chat: Chat): Promise<number | null> {
    const { store } = this.#o
    const next = store.next(chat)
    if (next === null) return null
    if (next.due_at > this.#now()) return next.due_at
    const leave = await this.#pace.enter(chat.token_id)
    if (leave === null) return Number.POSITIVE_INFINITY
    let outcome: Outcome | null = null
    try {
      // It may have been cancelled, or put off, while it waited for its turn.
      const still = store.next(chat)
      if (still === null || still.due_at > this.#now()) return still?.due_at ?? null
      const job = store.job(still)
      outcome = job && (await this.#attempt(job))
    } finally {
      leave(outcome)
    }
    return 0
  }

  async #attempt(job: Job): Promise<Outcome | null> {
    const { store, tokens } = this.#o
    const token = tokens.get(job.token_id)
    if (token === null) {
      const reason =
        'The token of this bot is not kept any more. Send a message with the bot_token again, then ask for the result again.'
      if (store.fail(job, reason, this.#now())) this.#tell(job)
      return null
    }
    const form = job.kind === 'document' ? 'document' : job.html_refused ? 'plain' : 'html'
    const labelled = job.ambiguous > 0
    this.#at('before_attempt')
    // C: committed before the call.
    const attempt = store.begin(job, form, labelled, this.#now())
    if (attempt === null) return null
    this.#at('attempt_committed')
    const outcome = await this.#call(token, job, form, labelled ? LABEL : '')
    this.#at('api_answered')
    const verdict = judge(outcome, { ...job, form }, this.#retrying, this.#now(), Math.random())
    const ended = await this.#keep(() => store.finish(attempt, job, outcome, verdict, this.#now()))
    this.#at('attempt_ended')
    const about = { delivery_id: job.delivery_id, part: job.part, bot_id: job.bot_id, chat_id: job.chat_id }
    if (outcome.kind !== 'sent') this.#o.log.warn({ ...about, outcome, verdict }, 'a message was not taken by Telegram')
    if (ended) this.#tell(job)
    return outcome
  }

  async #call(token: string, job: Job, form: 'html' | 'plain' | 'document', label: string): Promise<Outcome> {
    const { api } = this.#o
    const { chat_id } = job
    const { signal } = this.#ending
    if (form === 'document') {
      const file = { filename: 'result.md', contents: job.document ?? '' }
      return await api.sendDocument(token, { chat_id, caption: label + job.plain, ...file }, signal)
    }
    const html = form === 'html'
    return await api.sendMessage(token, { chat_id, text: label + (html ? job.html : job.plain), html }, signal)
  }

  /** Writes down what has happened already, and does not give up while there is time (invariant E). */
  async #keep(write: () => boolean): Promise<boolean> {
    for (;;) {
      try {
        return write()
      } catch (error) {
        if (this.#ending.signal.aborted) throw error
        this.#o.log.error({ err: error }, 'what came of a delivery could not be written down; it is tried again')
        await delay(DISK_RETRY_MS, undefined, { signal: this.#ending.signal }).catch(() => undefined)
      }
    }
  }

  #tell({ delivery_id }: Job): void {
    const { store, log, onEnd } = this.#o
    try {
      const delivery = store.delivery(delivery_id)
      if (!delivery) return
      if (delivery.state === 'failed') log.error({ delivery_id, reason: delivery.reason }, 'a delivery has failed')
      onEnd?.(delivery)
    } catch (error) {
      log.error({ err: error, delivery_id }, 'the end of a delivery could not be told')
    }
  }
}
