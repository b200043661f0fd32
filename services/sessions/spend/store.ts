/** What turns have cost, from their own rows. */
import type { Database } from 'better-sqlite3'
import type { SpendRow } from '../../../protocol/spend.ts'

export interface Spent {
  /** In US dollars, as the CLI's results said. */
  readonly all: number
  readonly bot: number
  readonly chat: number
}

export const openSpendStore = (db: Database) => {
  const sql = <P extends unknown[] | object, R = unknown>(text: string) => db.prepare<P, R>(text)
  const spent = sql<{ since: number; bot_id: string; chat_id: string }, Spent>(
    `SELECT coalesce(sum(cost_usd), 0) AS "all",
       coalesce(sum(cost_usd) FILTER (WHERE bot_id = :bot_id), 0) AS bot,
       coalesce(sum(cost_usd) FILTER (WHERE bot_id = :bot_id AND chat_id = :chat_id), 0) AS chat
     FROM turns WHERE cost_usd IS NOT NULL AND ended_at >= :since`,
  )
  // Days of the machine's clocks, as the limits count them.
  const byDay = sql<{ since: number; bot_id: string | null; chat_id: string | null }, SpendRow>(
    `SELECT date(ended_at / 1000, 'unixepoch', 'localtime') AS day, bot_id, chat_id, sum(cost_usd) AS cost_usd, count(*) AS turns
     FROM turns WHERE cost_usd IS NOT NULL AND ended_at >= :since
       AND (:bot_id IS NULL OR bot_id = :bot_id) AND (:chat_id IS NULL OR chat_id = :chat_id)
     GROUP BY day, bot_id, chat_id ORDER BY day DESC, cost_usd DESC`,
  )
  return {
    /** What was spent since a moment (milliseconds since 1970): in all, by a bot, in one of its chats. */
    spent: (since: number, bot_id: string, chat_id: string): Spent =>
      spent.get({ since, bot_id, chat_id }) ?? { all: 0, bot: 0, chat: 0 },
    byDay: (since: number, bot_id: string | null, chat_id: string | null) => byDay.all({ since, bot_id, chat_id }),
  }
}

export type SpendStore = ReturnType<typeof openSpendStore>
