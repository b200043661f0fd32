/**
 * Writes sessions into the database of the sessions service, which must not run: its contract has no call that begins a session
 * in the middle of a conversation, and nobody but a move needs one. The caller holds the service's lock.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { closeDatabase, openDatabase, openForReading } from '../../../services/runtime/sqlite.ts'

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

/** The sessions that there are. */
export interface KnownSessions {
  /** Whether the chat has a session here, whatever became of it. */
  knows(bot_id: string, chat_id: string): boolean
  /** Whether another session has the CLI's project folder; upper and lower case are one, as on some disks. */
  isTaken(slug: string): boolean
}

export interface SessionRows extends KnownSessions {
  add(session: AdoptedSession): void
  close(): void
}

const fileIn = (home: string): string => join(home, 'db', 'sessions.db')

/**
 * The sessions of this moment. The service may run: its list leaves out what was stopped, so its file is asked, once, by a process that
 * writes nothing into it and holds nothing of it open.
 */
export const readSessions = (home: string): KnownSessions => {
  if (!existsSync(fileIn(home))) return { knows: () => false, isTaken: () => false }
  const database = openForReading(fileIn(home))
  try {
    const rows = database
      .prepare<[], { bot_id: string; chat_id: string; slug: string | null }>('SELECT bot_id, chat_id, slug FROM sessions')
      .all()
    const chats = new Set(rows.map(({ bot_id, chat_id }) => `${bot_id}/${chat_id}`))
    const slugs = new Set(rows.map(({ slug }) => slug?.toLowerCase()))
    return { knows: (bot_id, chat_id) => chats.has(`${bot_id}/${chat_id}`), isTaken: (slug) => slugs.has(slug.toLowerCase()) }
  } finally {
    database.close()
  }
}

/** @param home SWITCHBOARD_HOME; @param root the checkout, whose migrations are applied where they are new */
export const openSessionRows = (home: string, root: string): SessionRows => {
  const database = openDatabase({
    path: fileIn(home),
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
