/** Reads from the database of the sessions service, which must not run, what chats there are. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openForReading } from '../../services/runtime/sqlite.ts'

export interface KnownChat {
  readonly cwd: string
  /** The CLI's ids of all conversations that were ever led there. */
  readonly conversations: readonly string[]
}

/** The chats of this home; none where it has no database. Throws for one that cannot be read. */
export const readChats = (home: string): KnownChat[] => {
  const file = join(home, 'db', 'sessions.db')
  if (!existsSync(file)) return []
  const database = openForReading(file)
  try {
    const rows = database
      .prepare<[], { cwd: string; conversation_id: string }>(
        `SELECT s.cwd, s.conversation_id FROM sessions s
         UNION SELECT s.cwd, a.conversation_id FROM sessions s JOIN agents a USING (bot_id, chat_id) WHERE s.lane = ''`,
      )
      .all()
    const ids = new Map<string, string[]>()
    for (const { cwd, conversation_id } of rows) ids.set(cwd, [...(ids.get(cwd) ?? []), conversation_id])
    return [...ids].map(([cwd, conversations]) => ({ cwd, conversations }))
  } finally {
    database.close()
  }
}
