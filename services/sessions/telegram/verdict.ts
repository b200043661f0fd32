/** What follows from the outcome of a call. Decides and does nothing. */
import type { Outcome } from './bot-api.ts'

export type Verdict =
  | { readonly kind: 'sent'; readonly message_id: number; readonly pause_until?: undefined }
  /** @property pause_until until when Telegram wants to hear nothing for this chat */
  | { readonly kind: 'again'; readonly not_before_at: number; readonly pause_until?: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly pause_until?: number }

export interface Retrying {
  /** The first wait, doubled with each failure up to the last. */
  readonly first_ms: number
  readonly last_ms: number
  /** How long after its creation a delivery is given up. */
  readonly give_up_ms: number
}

/** What is known about the part that was tried. */
export interface Tried {
  readonly form: 'html' | 'plain' | 'document'
  /** How often it had failed before for reasons that pass. */
  readonly failures: number
  /** How many tries before may have arrived. */
  readonly ambiguous: number
  readonly created_at: number
}

const HOUR_MS = 3_600_000

/** The wait before the next try: between 75 % and 125 % of its doubling, so that many chats do not come back as one. */
export const backoffMs = (failures: number, { first_ms, last_ms }: Retrying, random: number): number =>
  Math.round(Math.min(last_ms, first_ms * 2 ** Math.min(failures, 30)) * (0.75 + random / 2))

/** Says why a refusal is final and what to do about it; null for one that passes. */
const finalReason = (status: number, description: string): string | null => {
  const said = `(Telegram said: ${status} ${description})`
  if (status < 400 || status === 429 || status >= 500) return null
  if (status === 401 || status === 404)
    return `Telegram does not know this bot token ${said}. It may have been revoked: give the bot its new token and send again; and check TELEGRAM_API_BASE.`
  if (status === 403)
    return `The bot may not write to this chat ${said}. Unblock the bot, or add it to the group again, then ask for the result again.`
  if (status === 413) return `The message is too large for Telegram ${said}. Read the result in the panel or by HTTP.`
  return `Telegram refused the message ${said}. Check that the chat exists and that this bot is in it.`
}

const describe = (outcome: Exclude<Outcome, { kind: 'sent' }>): string =>
  outcome.kind === 'refused' ? `Telegram answered ${outcome.status} ${outcome.description}` : outcome.reason

const givenUp = (outcome: Exclude<Outcome, { kind: 'sent' }>, tried: Tried, giveUpMs: number): string => {
  const hours = Math.max(1, Math.round(giveUpMs / HOUR_MS))
  const doubt = tried.ambiguous > 0 || outcome.kind === 'ambiguous' ? ' One of the tries may have arrived.' : ''
  return `Given up after ${hours} h; at the last try: ${describe(outcome)}.${doubt} Check the network and TELEGRAM_API_BASE, then ask for the result again.`
}

/**
 * @param now milliseconds since 1970
 * @param random from 0 to 1
 */
export const judge = (outcome: Outcome, tried: Tried, retrying: Retrying, now: number, random: number): Verdict => {
  if (outcome.kind === 'sent') return { kind: 'sent', message_id: outcome.message_id }
  const end = tried.created_at + retrying.give_up_ms
  const wait = backoffMs(tried.failures, retrying, random)
  if (outcome.kind === 'refused') {
    if (outcome.retry_after !== undefined || outcome.status === 429) {
      const until = now + (outcome.retry_after === undefined ? wait : Math.ceil(outcome.retry_after * 1_000))
      return until >= end
        ? { kind: 'failed', reason: givenUp(outcome, tried, retrying.give_up_ms), pause_until: until }
        : { kind: 'again', not_before_at: until, pause_until: until }
    }
    if (outcome.status === 400 && tried.form === 'html') return { kind: 'again', not_before_at: 0 }
    const reason = finalReason(outcome.status, outcome.description)
    if (reason !== null) return { kind: 'failed', reason }
  }
  if (now >= end) return { kind: 'failed', reason: givenUp(outcome, tried, retrying.give_up_ms) }
  // Before it is given up it is tried once more, right at the end.
  return { kind: 'again', not_before_at: Math.min(now + wait, end) }
}
