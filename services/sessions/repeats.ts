/**
 * Whether a message was sent before (design §5 H): under the same key, for the same response (our own edge repeats a call
 * whose answer it has not seen), or by a client that gives no key and sends again when the answer broke off.
 */
import { ServiceError } from '../../protocol/errors.ts'
import type { NewTurn, ResponseRef, Store } from './store.ts'

/** How long an idempotency key is remembered. */
const KEY_LIFE_MS = 24 * 3_600_000
/** How long a broken response may be taken up: the Go client gives up a whole exchange after 30 minutes. */
const RESUME_MS = 35 * 60_000

/** The turn that is there already; or none, and the turn whose key has run out and is to be freed. */
export type Repeat = { readonly turn_id: string } | { readonly turn_id: null; readonly expired: string | null }

const byKey = (store: Store, { bot_id, chat_id, lane, idempotency_key, message, created_at }: NewTurn): Repeat => {
  const known = idempotency_key === null ? null : store.turnByKey(bot_id, chat_id, idempotency_key)
  if (!known) return { turn_id: null, expired: null }
  if (created_at - known.created_at > KEY_LIFE_MS) return { turn_id: null, expired: known.turn_id }
  if (known.message !== message || known.lane !== lane)
    throw new ServiceError('conflict', 'this Idempotency-Key was used with another message; use a new key for a new message')
  return { turn_id: known.turn_id }
}

/** Throws `conflict` when the key was used with another message. */
export const findRepeat = (store: Store, turn: NewTurn, response: ResponseRef | null): Repeat => {
  const keyed = byKey(store, turn)
  if (keyed.turn_id !== null || response === null) return keyed
  const turnId = store.turnOfResponse(response.response_id) ?? store.resume(turn, response, turn.created_at - RESUME_MS)
  return turnId === null ? keyed : { turn_id: turnId }
}
