/** How a turn ends, in the words that its user reads, and what history is told. */
import type { HistoryRecord } from '../../protocol/history.ts'
import { MAX_TEXT_CHARS } from './agent/fold.ts'
import type { OwnTurn } from './agent/own-turns.ts'
import type { FoldResult } from './agent/result.ts'
import { explain } from './api-errors.ts'
import type { OpenTurn } from './open-turn.ts'
import type { TurnEnd, TurnRow } from './rows.ts'

/** Clients know failures by these prefixes (`http.md`). */
const error = (text: string): string => `[ERROR] ${text}`
const busy = (text: string): string => `[BUSY] ${text}`

/** Of an answer that was broken off, what stands in the reply: its end. In UTF-16 units. */
const PARTIAL_CHARS = 20_000
/** The longest reply that is kept: history and the wire carry it as one message. */
const REPLY_CHARS = MAX_TEXT_CHARS

const bounded = (reply: string): string =>
  reply.length <= REPLY_CHARS
    ? reply
    : `${reply.slice(0, REPLY_CHARS)}\n[The answer goes on; only its first 16 million characters are kept.]`

const withPartial = (said: string, note: string): string => {
  const partial = said.length <= PARTIAL_CHARS ? said : `…${said.slice(-PARTIAL_CHARS)}`
  return partial === '' ? note : `${note}\n\nSo far Claude had said:\n\n${partial}`
}

/** An end that no agent had a part in. */
export const failedEnd = (reason: string): TurnEnd => ({ state: 'failed', reply: error(reason), reason, end_offset: null })

export const clearedEnd = (): TurnEnd => ({
  state: 'answered',
  reply: 'The conversation was cleared. The next message begins a new one.',
  reason: null,
  end_offset: null,
})

/** It waited in vain. @param why what it waited for */
export const expiredEnd = (waitedMs: number, why: string): TurnEnd => {
  const waited = Math.round(waitedMs / 1_000)
  const reason = `The message waited ${waited} s and was not handed to Claude: ${why}. Send it again later.`
  return { state: 'expired', reply: busy(reason), reason, end_offset: null }
}

export const cancelledEnd = (partial: string, endOffset: number | null): TurnEnd => ({
  state: 'cancelled',
  reply: withPartial(partial, error('Stopped.')),
  reason: 'stopped on request',
  end_offset: endOffset,
})

/** The agent went away in the middle: the message is not sent again (invariant E), and the user is told so. */
export const interruptedEnd = (partial: string, why: string, endOffset: number | null): TurnEnd => ({
  state: 'interrupted',
  reply: withPartial(
    partial,
    error(`Claude was interrupted (${why}). The message was not sent a second time; if you still need an answer, write again.`),
  ),
  reason: why,
  end_offset: endOffset,
})

/** The end that the CLI's result stands for. @param agentCost what the agent had cost before this turn, in dollars */
export const resultEnd = (turn: OpenTurn, result: FoldResult, agentCost: number, endOffset: number): TurnEnd => {
  const { kind, text, total_cost_usd, turn_cost_usd, ...usage } = result
  const difference = total_cost_usd === null ? null : Math.max(0, total_cost_usd - agentCost)
  const first = turn.firstTextAt !== null && turn.handedAt !== null ? Math.max(0, turn.firstTextAt - turn.handedAt) : null
  const took = { ...usage, cost_usd: turn_cost_usd ?? difference, first_token_ms: result.first_token_ms ?? first }
  const partial = turn.fold?.text ?? ''
  switch (kind) {
    case 'answered':
      return { state: 'answered', reply: bounded(text), reason: null, end_offset: endOffset, ...took }
    case 'failed':
      return { state: 'failed', reply: withPartial(partial, error(explain(text))), reason: text, end_offset: endOffset, ...took }
    case 'repeated':
      return interruptedEnd('', 'Claude had this message before and did not run it again', endOffset)
    case 'interrupted': {
      const why = turn.timeoutReason
      // A watchdog's reason is lost where sessions died behind it: nobody has asked for this end.
      if (why === null && turn.row.cancel_asked === 0)
        return { ...interruptedEnd(partial, 'it was broken off, and not on request', endOffset), ...took }
      if (why === null) return { ...cancelledEnd(partial, endOffset), ...took }
      return { state: 'failed', reply: withPartial(partial, error(why)), reason: why, end_offset: endOffset, ...took }
    }
  }
}

/** The end of a turn that the CLI began by itself. */
export const ownEnd = (own: OwnTurn, agentCost: number): TurnEnd => {
  const { kind, text, total_cost_usd, turn_cost_usd, ...usage } = own.result
  const difference = total_cost_usd === null ? null : Math.max(0, total_cost_usd - agentCost)
  return {
    state: kind === 'answered' || kind === 'failed' ? kind : 'interrupted',
    reply: bounded(text),
    reason: kind === 'failed' ? text : null,
    end_offset: own.end_offset,
    ...usage,
    cost_usd: turn_cost_usd ?? difference,
  }
}

const MAX_TELEGRAM_ID = 2n ** 53n

/** The number that a Telegram chat id is, or null for any other id. */
export const telegramIdOf = (chatId: string): number | null => {
  if (!/^-?\d+$/.test(chatId)) return null
  const id = BigInt(chatId)
  return id < MAX_TELEGRAM_ID && id > -MAX_TELEGRAM_ID ? Number(id) : null
}

type Told = Pick<TurnRow, 'turn_id' | 'bot_id' | 'chat_id' | 'message' | 'user_id' | 'username'>

const recordOf = (turn: Told, role: 'user' | 'assistant', content: string, source: string, now: number): HistoryRecord => ({
  record_id: `${turn.turn_id}:${role}`,
  session_id: `gw-${turn.bot_id}-${turn.chat_id}`,
  bot_id: turn.bot_id,
  role,
  content,
  source,
  telegram_chat_id: telegramIdOf(turn.chat_id),
  user_id: role === 'user' ? turn.user_id : null,
  username: role === 'user' ? turn.username : null,
  created_at: now,
  turn_id: turn.turn_id,
})

export const messageRecord = (turn: Told, now: number): HistoryRecord => recordOf(turn, 'user', turn.message, 'telegram', now)

export const replyRecord = (turn: Told, reply: string, now: number): HistoryRecord =>
  recordOf(turn, 'assistant', reply, /^\[(ERROR|BUSY)\]/.test(reply) ? 'error' : 'telegram', now)

/** What the CLI said in a turn of its own. */
export const ownRecord = (turn: Told, reply: string, now: number): HistoryRecord =>
  recordOf(turn, 'assistant', reply, 'agent', now)
