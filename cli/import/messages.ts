/** Messages: through history, which knows a repeat by the name that each gets from what it is. */
import { createHash } from 'node:crypto'
import { type HistoryRecord, history } from '../../protocol/history.ts'
import { toMoment } from './moments.ts'
import type { OldRow, Predecessor } from './store.ts'
import { newTally, type Tally } from './tally.ts'

/** What history takes in one call, and how much text is put into one. */
const PIECE = 100
const PIECE_BYTES = 4_000_000
/** Half of what fits into one call: a text may take more room there than its bytes. */
const MOST_BYTES = 32 * 1_048_576

const textOr = (value: unknown, fallback: string): string => (typeof value === 'string' && value !== '' ? value : fallback)

/**
 * The chat's name here. Files of before bots had names call a chat `gw-<chat>`; its bot is in the row, and the Go client asks
 * for `gw-<bot>-<chat>`. Only a name that is certain is changed.
 */
export const sessionIdOf = (session_id: string, bot_id: string, telegram_chat_id: unknown): string =>
  telegram_chat_id !== null && session_id === `gw-${telegram_chat_id}` ? `gw-${bot_id}-${telegram_chat_id}` : session_id

/** A row as history takes it, or why not. */
export const toRecord = (row: OldRow): HistoryRecord | string => {
  const { id, session_id, role, content } = row
  if (typeof session_id !== 'string' || session_id === '') return `message ${id}: it belongs to no chat`
  if (role !== 'user' && role !== 'assistant') return `message ${id}: its role is ${JSON.stringify(role)}`
  if (typeof content !== 'string') return `message ${id}: its content is no text`
  if (Buffer.byteLength(content) > MOST_BYTES) return `message ${id}: it has more than ${MOST_BYTES / 1_048_576} MB`
  const bot_id = textOr(row.bot_id, 'default')
  const created_at = toMoment(row.created_at) ?? 0
  const digest = createHash('sha256')
    .update(JSON.stringify([session_id, role, content, row.created_at]))
    .digest('hex')
  return {
    record_id: `mini-claude-bot-${id}-${digest.slice(0, 16)}`,
    session_id: sessionIdOf(session_id, bot_id, row.telegram_chat_id),
    bot_id,
    role,
    content,
    source: textOr(row.source, 'telegram'),
    telegram_chat_id: Number.isSafeInteger(row.telegram_chat_id) ? (row.telegram_chat_id as number) : null,
    user_id: row.user_id === null ? null : String(row.user_id),
    username: row.username === null ? null : String(row.username),
    created_at,
  }
}

/** Records so that no call is larger than history takes. */
function* calls(records: readonly HistoryRecord[]): Generator<HistoryRecord[]> {
  let call: HistoryRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = Buffer.byteLength(record.content)
    if (call.length > 0 && bytes + size > PIECE_BYTES) {
      yield call
      call = []
      bytes = 0
    }
    call.push(record)
    bytes += size
  }
  if (call.length > 0) yield call
}

/** Takes over all messages, oldest first. @param record stores them and says how many were new; null: only looks */
export const importMessages = async (
  old: Predecessor,
  record: ((records: HistoryRecord[]) => Promise<number>) | null,
): Promise<Tally> => {
  const tally = newTally('messages')
  for (const rows of old.pieces('chat_messages', PIECE)) {
    tally.found += rows.length
    const good: HistoryRecord[] = []
    for (const row of rows) {
      const made = toRecord(row)
      if (typeof made === 'string') tally.refused.push(made)
      else good.push(made)
    }
    if (record === null) continue
    for (const call of calls(good)) {
      const stored = await record(history.methods.record.input.parse({ records: call }).records)
      tally.taken += stored
      tally.known += call.length - stored
    }
  }
  return tally
}
