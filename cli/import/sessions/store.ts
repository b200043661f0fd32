/**
 * Writes sessions into the database of the sessions service, which must not run: its contract has no call that begins a session
 * in the middle of a conversation, and nobody but a move needs one. The caller holds the service's lock.
 */
import { join } from 'node:path'
import { closeDatabase, openDatabase } from '../../../services/runtime/sqlite.ts'

export interface AdoptedSession {
  readonly bot_id: string
  readonly chat_id: string
  readonly cwd: string
  readonly slug: string
  /** The CLI's session id. */
  readonly conversation_id: string
  /** Milliseconds since 1970. */
  readonly last_active_at: number
}

export interface SessionRows {
  /** Whether the chat has a session here, whatever became of it. */
  knows(bot_id: string, chat_id: string): boolean
  /** Whether another session has the CLI's project folder. */
  isTaken(slug: string): boolean
  add(session: AdoptedSession): void
  close(): void
}

/** @param home SWITCHBOARD_HOME; @param root the checkout, whose migrations are applied where they are new */
export const openSessionRows = (home: string, root: string): SessionRows => {
  const database = openDatabase({
    path: join(home, 'db', 'sessions.db'),
    migrations_dir: join(root, 'services', 'sessions', 'migrations'),
    synchronous: 'FULL',
  })
  const known = database.prepare("SELECT 1 FROM sessions WHERE bot_id = ? AND chat_id = ? AND lane = ''")
  const taken = database.prepare('SELECT 1 FROM sessions WHERE slug = ?')
  const insert = database.prepare(`
    INSERT INTO sessions (bot_id, chat_id, lane, cwd, slug, conversation_id, first_done, stopped, created_at, last_active_at)
    VALUES (@bot_id, @chat_id, '', @cwd, @slug, @conversation_id, 1, 0, @last_active_at, @last_active_at)`)
  return {
    knows: (bot_id, chat_id) => known.get(bot_id, chat_id) !== undefined,
    isTaken: (slug) => taken.get(slug) !== undefined,
    add: (session) => void insert.run(session),
    close: () => closeDatabase(database),
  }
}
