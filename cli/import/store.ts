/**
 * The predecessor's database, of whichever of its versions. It is copied with its log first and only the copy is opened: what
 * the predecessor has stays as it is to the last byte, also while it runs. Columns that an old file lacks read as null.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { openCopy } from '../../services/runtime/sqlite.ts'

/** A row as it was found; what each field is gets judged where it is used. */
export type OldRow = Readonly<Record<string, unknown>>

export interface Predecessor {
  /** The numbers of the migrations that it says were applied; empty in the oldest files. */
  readonly versions: readonly number[]
  /** How many rows a table has; 0 where there is no such table. */
  count(table: Table): number
  /** All rows, oldest first, in pieces of `size`. */
  pieces(table: Table, size: number): Generator<OldRow[]>
  /** What the messages say whose they are, each once: `session_id`, `bot_id`, `telegram_chat_id`. */
  chatNames(): OldRow[]
  /** The newest messages of one chat under any of these names, newest first. */
  lastMessages(session_ids: readonly string[], limit: number): OldRow[]
  close(): void
}

const COLUMNS = {
  chat_messages: [
    'id',
    'session_id',
    'role',
    'content',
    'source',
    'telegram_chat_id',
    'user_id',
    'username',
    'created_at',
    'bot_id',
  ],
  memory: ['id', 'key', 'content', 'category', 'created_at', 'updated_at', 'bot_id'],
  cron_jobs: ['id', 'name', 'cron_expression', 'command', 'job_type', 'enabled', 'timezone', 'created_at', 'bot_id'],
  cron_job_runs: ['id'],
  gateway_sessions: ['chat_id', 'bot_id', 'cwd', 'first_done', 'last_active'],
} as const
export type Table = keyof typeof COLUMNS

/** A table that has at least this is one of the predecessor's. */
const SIGNS = ['chat_messages', 'cron_jobs', 'memory'] as const

const openQueries = (database: Database): Predecessor => {
  const columnsOf = (table: string): string[] =>
    (database.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name)
  const isThere = (table: string): boolean => columnsOf(table).length > 0
  if (!SIGNS.some(isThere)) throw new Error('it is a database, but none of mini-claude-bot: it has no chats, jobs or memories')

  const selection = (table: Table, columns: readonly string[] = COLUMNS[table]): string => {
    const there = columnsOf(table)
    return columns.map((name) => (there.includes(name) ? name : `NULL AS ${name}`)).join(', ')
  }
  const versions = isThere('_schema_version')
    ? (database.prepare('SELECT version FROM _schema_version ORDER BY version').all() as { version: number }[])
    : []
  return {
    versions: versions.map(({ version }) => version),
    count: (table) => (isThere(table) ? (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n : 0),
    *pieces(table, size) {
      if (!isThere(table)) return
      const next = database.prepare<[number, number], OldRow & { rowid_: number }>(
        `SELECT rowid AS rowid_, ${selection(table)} FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ?`,
      )
      for (let rows = next.all(-1, size); rows.length > 0; rows = next.all(rows.at(-1)?.rowid_ ?? 0, size)) yield rows
    },
    chatNames: () =>
      isThere('chat_messages')
        ? database
            .prepare<[], OldRow>(
              `SELECT DISTINCT ${selection('chat_messages', ['session_id', 'bot_id', 'telegram_chat_id'])} FROM chat_messages`,
            )
            .all()
        : [],
    lastMessages: (session_ids, limit) => {
      if (!isThere('chat_messages')) return []
      const places = session_ids.map(() => '?').join(', ')
      return database
        .prepare<unknown[], OldRow>(
          `SELECT ${selection('chat_messages')} FROM chat_messages WHERE session_id IN (${places}) ORDER BY id DESC LIMIT ?`,
        )
        .all(...session_ids, limit)
    },
    close: () => void database.close(),
  }
}

/** A copy of a file that is being written to may be torn. Asked of each table alone: vectors need a module that is not here. */
const assertWhole = (database: Database, table: string): void => {
  if ((database.pragma(`table_info(${table})`) as unknown[]).length === 0) return
  const [first] = database.pragma(`integrity_check(${table})`) as { integrity_check: string }[]
  if (first?.integrity_check !== 'ok')
    throw new Error(`${table} is damaged (${first?.integrity_check}); if mini-claude-bot still runs, stop it and try again`)
}

/** Opens a copy of the file. Throws, naming the file, where it is no database of the predecessor. */
export const openPredecessor = (file: string): Predecessor => {
  const folder = mkdtempSync(join(tmpdir(), 'sb-import-'))
  const copy = join(folder, 'predecessor.db')
  let database: Database | undefined
  try {
    for (const ending of ['', '-wal']) if (existsSync(`${file}${ending}`)) copyFileSync(`${file}${ending}`, `${copy}${ending}`)
    database = openCopy(copy)
    // All messages of all chats: what is open needs no name, and so nothing is left however this process ends.
    rmSync(folder, { recursive: true })
    const queries = openQueries(database)
    for (const table of Object.keys(COLUMNS)) assertWhole(database, table)
    return queries
  } catch (error) {
    database?.close()
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}
