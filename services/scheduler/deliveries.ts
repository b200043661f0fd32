/**
 * Results on their way to where jobs want them. A row is made in the transaction in which the run ends and stays until the
 * other side has taken it (design §6): webhooks are called again and again for a day, with the run's id as
 * Idempotency-Key; Telegram is the work of sessions, which takes a delivery once by its id and keeps evidence of its own.
 */

import { ServiceError } from '../../protocol/errors.ts'
import { createClosing } from '../runtime/deadline.ts'
import type { Log } from '../runtime/log.ts'
import { untilWritten } from '../runtime/until-written.ts'
import type { Clock } from './clock.ts'
import type { At } from './points.ts'
import { toMessage, toWebhookBody } from './presentation.ts'
import type { DeliveryRow, JobRow, RunRow } from './rows.ts'
import type { Store } from './store.ts'
import { type Posted, postWebhook } from './webhook.ts'

/** What of sessions takes a text to Telegram. */
export interface TelegramDoor {
  /** Keeps a bot's token; the id stands for it from then on. */
  keep_token(input: { bot_token: string }): Promise<{ token_id: string }>
  /** Takes a text once by its id. */
  deliver(input: {
    delivery_id: string
    owner: string
    bot_id: string
    chat_id: string
    token_id: string
    text: string
  }): Promise<unknown>
}

/** After the first, second, … failure; the last one from then on. */
const BACKOFF_S = [30, 60, 300, 900, 3_600]
const GIVE_UP_MS = 24 * 3_600_000
/** Whoever dies in the first attempt makes the second one at once; one that dies in that, too, may die of it, and waits for so long. */
const ATTEMPT_MS = 60_000
const AT_ONCE = 8

const backoffMs = (attempts: number): number => (BACKOFF_S[Math.min(attempts, BACKOFF_S.length) - 1] ?? 30) * 1_000

export interface DeliveriesDeps {
  readonly store: Store
  readonly telegram: TelegramDoor
  readonly clock: Clock
  readonly log: Log
  readonly at: At
  /** Whether webhooks may call this machine and its neighbours. */
  readonly allowPrivate: boolean
}

export class Deliveries {
  readonly #deps: DeliveriesDeps
  readonly #closing = createClosing()
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps
  }

  /** Tries what is due; to be called when there is something new, and at each tick. */
  poke(): void {
    if (this.#closing.signal.aborted || this.#underWay.size >= AT_ONCE) return
    for (const row of this.#deps.store.dueDeliveries(this.#deps.clock.now(), AT_ONCE)) {
      if (this.#underWay.has(row.run_id) || this.#underWay.size >= AT_ONCE) continue
      this.#underWay.set(row.run_id, this.#try(row))
    }
  }

  /**
   * Writes down what is to be delivered of a run that ends, where its job wants that; within the transaction of the end.
   * @param notice what else the owner has to know
   */
  add(row: RunRow, job: JobRow, notice: string | null, now: number): void {
    const { delivery_kind: kind, delivery_to: to, delivery_token_id: token_id } = job
    if (kind === 'none' || to === null) return
    const body =
      kind === 'webhook'
        ? toWebhookBody(row, job, notice)
        : JSON.stringify({ bot_id: job.bot_id, text: toMessage(row, job, notice) })
    this.#deps.store.addDelivery({ run_id: row.run_id, kind, to, token_id, body, next_at: now, created_at: now })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#underWay.values())
  }

  async #try(row: DeliveryRow): Promise<void> {
    try {
      await this.#attempt(row)
      this.#underWay.delete(row.run_id)
      this.poke()
    } catch (error) {
      // Not again at once: the next tick asks again.
      this.#underWay.delete(row.run_id)
      this.#deps.log.error({ err: error, run_id: row.run_id }, 'A delivery could not be tried')
    }
  }

  async #attempt(row: DeliveryRow): Promise<void> {
    const { store, clock, log, at } = this.#deps
    store.trying(row.run_id, clock.now() + (row.attempts === 0 ? 0 : ATTEMPT_MS))
    const posted = await (row.kind === 'webhook' ? this.#post(row) : this.#telegram(row))
    if (posted.ok) {
      at('result_delivered')
      // It must not be posted again only because the disk is full.
      const arrived = (): void => store.delivered(row.run_id, clock.now())
      return await untilWritten(log, 'that a result has arrived', { run_id: row.run_id }, arrived, this.#closing.signal)
    }
    if (this.#closing.signal.aborted) return
    const now = clock.now()
    const next = posted.again && now - row.created_at < GIVE_UP_MS ? now + backoffMs(row.attempts + 1) : null
    store.undelivered(row.run_id, posted.reason, next, now)
    log.warn({ run_id: row.run_id, again: next !== null, reason: posted.reason }, 'The result of a run could not be delivered')
  }

  async #post(row: DeliveryRow): Promise<Posted> {
    const { allowPrivate } = this.#deps
    return await postWebhook(row.to, row.body, row.run_id, { allowPrivate, signal: this.#closing.signal })
  }

  async #telegram(row: DeliveryRow): Promise<Posted> {
    const { bot_id, text } = JSON.parse(row.body) as { bot_id: string; text: string }
    try {
      const token_id = row.token_id ?? ''
      await this.#deps.telegram.deliver({
        delivery_id: row.run_id,
        owner: `run:${row.run_id}`,
        bot_id,
        chat_id: row.to,
        token_id,
        text,
      })
      return { ok: true }
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      const again = !['invalid_input', 'not_found', 'forbidden', 'unknown_method'].includes(error.code)
      return { ok: false, reason: `Sessions did not take it: ${error.message}`, again }
    }
  }
}
