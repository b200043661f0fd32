/** The only SQL of history. */
import type { Database } from 'better-sqlite3'
import type { ChatMessage, HistoryRecord } from '../../protocol/history.ts'

/** A message to be stored; `record_id` is null where nobody will repeat it. */
export type NewMessage = Omit<HistoryRecord, 'record_id'> & { readonly record_id: string | null }

/** What was stored under which number. */
export interface StoredMessage {
  readonly id: number
  readonly session_id: string
  readonly bot_id: string
  readonly role: 'user' | 'assistant'
}

/** A chat as it is listed. Moments are `YYYY-MM-DD HH:MM:SS`, UTC. */
export interface ChatRow {
  readonly session_id: string
  readonly bot_id: string
  readonly started_at: string
  readonly last_message_at: string
  readonly message_count: number
}

/** What was said since a moment; `cut` where a message goes on. */
export interface MessagesSince {
  readonly total: number
  readonly messages: { readonly role: 'user' | 'assistant'; readonly content: string; readonly cut: boolean }[]
}

/** Takes the text of a message in to be found again; runs within the transaction that stores it. */
export type IndexMessage = (message: {
  readonly id: number
  readonly session_id: string
  readonly bot_id: string
  readonly role: string
  readonly content: string
  readonly created_at: number
}) => void

/** The verbs in which history speaks to its database. All of them run to their end before they return. */
export interface HistoryStore {
  /** Stores in one transaction what is new; a `record_id` that is already there changes nothing. Returns what was new. */
  add(messages: readonly NewMessage[]): StoredMessage[]
  /** The chats of a bot, or of all bots where `bot_id` is empty; the newest last message first. */
  chats(bot_id: string): ChatRow[]
  /** How many messages a bot's chat has since a moment, and the beginnings of the newest `limit`, oldest first. */
  since(session_id: string, bot_id: string, moment: number, limit: number, max_chars: number): MessagesSince
  /** The newest `limit` messages of a chat (0: all), oldest first, of those with an id in [from_id, before_id). */
  messages(session_id: string, limit: number, from_id?: number, before_id?: number): ChatMessage[]
  /** Messages by their numbers, in that order; without those that are not there. */
  byIds(ids: readonly number[]): ChatMessage[]
  /** Takes in the newest `limit` of the messages that were stored before they could be found. How many are left, at most. */
  indexNext(limit: number): number
}

/** SQLite's calendar ends with the year 9999, and beyond it a moment would be read back as null. */
const LAST_MOMENT = Date.UTC(9999, 11, 31, 23, 59, 59)

const shown = (column: string): string => `strftime('%Y-%m-%d %H:%M:%S', ${column} / 1000, 'unixepoch')`

/** SQLite stores half a surrogate pair as bytes that are not UTF-8; what is read back must be what others were told. */
const toRow = (message: NewMessage) => ({
  ...message,
  session_id: message.session_id.toWellFormed(),
  content: message.content.toWellFormed(),
  source: message.source.toWellFormed(),
  telegram_chat_id: Number.isSafeInteger(message.telegram_chat_id) ? message.telegram_chat_id : null,
  user_id: message.user_id?.toWellFormed() ?? null,
  username: message.username?.toWellFormed() ?? null,
  created_at: Math.min(Math.max(0, message.created_at), LAST_MOMENT),
  turn_id: message.turn_id ?? null,
})

const MESSAGE = `id, session_id, role, content, source,
  CASE WHEN telegram_chat_id BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER} THEN telegram_chat_id END AS telegram_chat_id,
  user_id, username, ${shown('created_at')} AS created_at, bot_id, turn_id`

const SUMMARY = `${shown('started_at')} AS started_at, ${shown('last_message_at')} AS last_message_at, message_count`

/** Prepares the statements of an open, migrated database. `index` is called for each message that is stored. */
export const openStore = (db: Database, index: IndexMessage = () => undefined): HistoryStore => {
  const insert = db.prepare(`
    INSERT INTO messages (session_id, role, content, source, telegram_chat_id, user_id, username, created_at, bot_id, record_id, turn_id)
    VALUES (@session_id, @role, @content, @source, @telegram_chat_id, @user_id, @username, @created_at, @bot_id, @record_id, @turn_id)
    ON CONFLICT (record_id) DO NOTHING
    RETURNING id, session_id, bot_id, role`)
  const summarize = db.prepare(`
    INSERT INTO chats (session_id, bot_id, started_at, last_message_at, message_count, last_id)
    VALUES (@session_id, @bot_id, @created_at, @created_at, 1, @id)
    ON CONFLICT (session_id, bot_id) DO UPDATE SET
      started_at = min(started_at, excluded.started_at), last_message_at = max(last_message_at, excluded.last_message_at),
      message_count = message_count + 1, last_id = excluded.last_id`)
  // Several bots may have written into one chat: listed once, under the bot that wrote last.
  const chatsOfAll = db.prepare(`
    SELECT session_id, bot_id, ${SUMMARY} FROM (
      SELECT session_id, min(started_at) AS started_at, max(last_message_at) AS last_message_at, sum(message_count) AS message_count,
        max(last_id) AS last_id,
        (SELECT bot_id FROM chats AS latest WHERE latest.session_id = chats.session_id ORDER BY last_id DESC LIMIT 1) AS bot_id
      FROM chats GROUP BY session_id)
    ORDER BY last_message_at DESC, last_id DESC`)
  const chatsOfBot = db.prepare(`
    SELECT session_id, bot_id, ${SUMMARY} FROM chats WHERE bot_id = ? ORDER BY last_message_at DESC, last_id DESC`)
  // A row that came from elsewhere may hold a number that JSON cannot carry: it must not make the whole chat unreadable.
  const newest = db.prepare(`
    SELECT * FROM (SELECT ${MESSAGE} FROM messages WHERE session_id = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?)
    ORDER BY id`)
  const byId = db.prepare<[number], ChatMessage>(`SELECT ${MESSAGE} FROM messages WHERE id = ?`)
  const backlog = db.prepare<[], { next_id: number }>('SELECT next_id FROM search_backlog')
  const shorten = db.prepare<[number]>('UPDATE search_backlog SET next_id = ?')
  const upTo = db.prepare<[number, number], Parameters<IndexMessage>[0]>(
    'SELECT id, session_id, bot_id, role, content, created_at FROM messages WHERE id <= ? ORDER BY id DESC LIMIT ?',
  )

  const countSince = db.prepare<[string, string, number], { n: number }>(
    'SELECT count(*) AS n FROM messages WHERE session_id = ? AND bot_id = ? AND created_at >= ?',
  )
  const newestSince = db.prepare<[number, number, string, string, number, number]>(`
    SELECT role, content, cut FROM (
      SELECT id, role, substr(content, 1, ?) AS content, length(content) > ? AS cut
      FROM messages WHERE session_id = ? AND bot_id = ? AND created_at >= ? ORDER BY id DESC LIMIT ?)
    ORDER BY id`)

  const add = db.transaction((messages: readonly NewMessage[]): StoredMessage[] => {
    const stored: StoredMessage[] = []
    for (const message of messages) {
      const row = toRow(message)
      const made = insert.get(row) as StoredMessage | undefined
      if (made === undefined) continue
      summarize.run({ ...row, id: made.id })
      index({ ...row, id: made.id })
      stored.push(made)
    }
    return stored
  })

  const indexNext = db.transaction((limit: number): number => {
    const from = backlog.get()?.next_id ?? 0
    if (from === 0) return 0
    const messages = upTo.all(from, limit)
    for (const message of messages) index(message)
    const left = messages.length < limit ? 0 : (messages.at(-1)?.id ?? 1) - 1
    shorten.run(left)
    return left
  })

  return {
    add: (messages) => add.immediate(messages),
    chats: (bot_id) => (bot_id === '' ? chatsOfAll.all() : chatsOfBot.all(bot_id)) as ChatRow[],
    since: (session_id, bot_id, moment, limit, max_chars) => {
      const rows = newestSince.all(max_chars, max_chars, session_id, bot_id, moment, limit) as {
        role: 'user' | 'assistant'
        content: string
        cut: number
      }[]
      const messages = rows.map((row) => ({ ...row, cut: row.cut === 1 }))
      return { total: countSince.get(session_id, bot_id, moment)?.n ?? 0, messages }
    },
    messages: (session_id, limit, from_id = 0, before_id = Number.MAX_SAFE_INTEGER) =>
      newest.all(session_id.toWellFormed(), from_id, before_id, limit === 0 ? -1 : limit) as ChatMessage[],
    byIds: (ids) => ids.flatMap((id) => byId.get(id) ?? []),
    indexNext: (limit) => indexNext.immediate(limit),
  }
}
