/** Databases and folders as mini-claude-bot left them, in each version of its schema (docs of the wire contract, part 12). */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, realpathSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import * as sqliteVec from 'sqlite-vec'
import { openPredecessor, type Predecessor } from '../../cli/import/store.ts'
import { atEnd, type Scope, tempDir } from '../harness.ts'

/** `0`: before versions were counted; 3: sessions without bots; 6: bots everywhere; 8: the last. */
export type SchemaVersion = 0 | 3 | 6 | 8
export const SCHEMA_VERSIONS: readonly SchemaVersion[] = [0, 3, 6, 8]

const tablesOf = (version: SchemaVersion): string => {
  const bot = version >= 6 ? ", bot_id TEXT NOT NULL DEFAULT 'default'" : ''
  const users = version >= 8 ? ', user_id TEXT, username TEXT' : ''
  const sessions =
    version >= 6
      ? `CREATE TABLE gateway_sessions (bot_id TEXT NOT NULL DEFAULT 'default', chat_id TEXT NOT NULL, cwd TEXT NOT NULL,
           first_done INTEGER DEFAULT 0, busy INTEGER DEFAULT 0, last_active REAL NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
           PRIMARY KEY (bot_id, chat_id));`
      : version >= 3
        ? `CREATE TABLE gateway_sessions (chat_id TEXT PRIMARY KEY, cwd TEXT NOT NULL, first_done INTEGER DEFAULT 0,
             busy INTEGER DEFAULT 0, last_active REAL NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);`
        : ''
  const versions = Array.from({ length: version }, (_, index) => `INSERT INTO _schema_version VALUES (${index + 1});`).join('')
  return `
    CREATE TABLE chat_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
      role TEXT NOT NULL CHECK (role IN ('user', 'assistant')), content TEXT NOT NULL, source TEXT DEFAULT 'telegram',
      telegram_chat_id INTEGER${users}, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP${bot});
    CREATE TABLE cron_jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, cron_expression TEXT NOT NULL,
      command TEXT NOT NULL, job_type TEXT DEFAULT 'shell', enabled INTEGER DEFAULT 1, last_run_at TIMESTAMP, last_result TEXT
      ${version >= 3 ? ', timezone TEXT' : ''}, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP${bot});
    CREATE TABLE memory (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, content TEXT NOT NULL,
      category TEXT DEFAULT 'general', created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP${bot});
    ${version >= 6 ? 'CREATE TABLE cron_job_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, job_id INTEGER NOT NULL, started_at TIMESTAMP NOT NULL);' : ''}
    ${sessions}
    ${version > 0 ? `CREATE TABLE _schema_version (version INTEGER PRIMARY KEY);${versions}` : ''}`
}

/** A value to be written; a column that the version lacks is left out. */
export type Given = Readonly<Record<string, string | number | null>>

export interface OldHouse {
  readonly folder: string
  readonly file: string
  /** Its session folder, and the CLI's configuration folder beside it. */
  readonly chats: string
  readonly claude: string
  readonly archives: string
  insert(table: string, ...rows: Given[]): void
  /** What its owner does there meanwhile. */
  run(sql: string): void
  /** A chat with its folder, and its row where the version has one. */
  addChat(bot_id: string, chat_id: string, more?: { cwd?: string }): string
  /** A record of the CLI in a chat's folder. @param age_s how long ago it was written to */
  addRecord(cwd: string, id: string, lines: readonly { user?: string; assistant?: string }[], age_s: number): string
  /** The sums of all files, to be compared. */
  sums(): Record<string, string>
  close(): void
}

/** The CLI's name for a project folder; written out here on its own, as the CLI does it. */
const projectOf = (cwd: string): string => cwd.replace(/[^A-Za-z0-9]/g, '-')

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))

/** Makes one. Its database stays open, with what was written still in the log, as that of a running predecessor. */
const openOldHouse = (folder: string, version: SchemaVersion): OldHouse => {
  const file = path.join(folder, 'data', 'mini-claude-bot.db')
  const [chats, claude, archives] = ['chats', 'claude', 'archives'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const each of [path.dirname(file), chats, path.join(claude, 'projects'), archives]) mkdirSync(each, { recursive: true })
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  sqliteVec.load(db)
  db.exec(tablesOf(version))
  db.exec('CREATE VIRTUAL TABLE memory_embeddings USING vec0(memory_id INTEGER PRIMARY KEY, embedding FLOAT[8])')
  db.pragma('wal_checkpoint(TRUNCATE)')

  const columnsOf = (table: string): string[] => (db.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name)
  const insert: OldHouse['insert'] = (table, ...rows) => {
    const there = columnsOf(table)
    for (const row of rows) {
      const names = Object.keys(row).filter((name) => there.includes(name))
      if (there.length > 0)
        db.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`).run(row)
    }
  }
  return {
    folder,
    file,
    chats,
    claude,
    archives,
    insert,
    run: (sql) => void db.exec(sql),
    addChat: (bot_id, chat_id, { cwd = path.join(chats, bot_id, chat_id) } = {}) => {
      mkdirSync(cwd, { recursive: true })
      insert('gateway_sessions', { bot_id, chat_id, cwd, first_done: 1, last_active: 1_767_225_600.5 })
      return cwd
    },
    addRecord: (cwd, id, lines, age_s) => {
      const project = path.join(claude, 'projects', projectOf(cwd))
      mkdirSync(project, { recursive: true })
      const record = path.join(project, `${id}.jsonl`)
      const written = lines.map(({ user, assistant }) =>
        user !== undefined
          ? { type: 'user', sessionId: id, cwd, message: { role: 'user', content: user } }
          : {
              type: 'assistant',
              sessionId: id,
              cwd,
              message: { role: 'assistant', content: [{ type: 'text', text: assistant ?? '' }] },
            },
      )
      writeFileSync(record, written.map((line) => `${JSON.stringify(line)}\n`).join(''))
      const then = Date.now() / 1_000 - age_s
      utimesSync(record, then, then)
      return record
    },
    sums: () =>
      Object.fromEntries(
        filesBelow(folder)
          .filter((each) => !each.endsWith('-shm'))
          .map((each) => [
            path.relative(folder, each),
            `${createHash('sha256').update(readFileSync(each)).digest('hex')} ${statSync(each).mtimeMs}`,
          ]),
      ),
    close: () => db.close(),
  }
}

/** One in a folder of its own, until the end of the test. */
export const oldHouse = (t: Scope, version: SchemaVersion = 8): OldHouse => {
  const house = openOldHouse(realpathSync(tempDir(t)), version)
  atEnd(t, () => house.close())
  return house
}

/** Its database as the import reads it, until the end of the test. */
export const opened = (t: Scope, file: string): Predecessor => {
  const old = openPredecessor(file)
  atEnd(t, () => old.close())
  return old
}

/** A little of everything. */
const FURNITURE = {
  chat_messages: [
    {
      session_id: 'gw-default-7',
      role: 'user',
      content: 'Hello',
      telegram_chat_id: 7,
      created_at: '2026-01-31 08:15:00',
      bot_id: 'default',
    },
    {
      session_id: 'gw-default-7',
      role: 'assistant',
      content: 'Hi there',
      telegram_chat_id: 7,
      created_at: '2026-01-31T08:15:09+00:00',
      bot_id: 'default',
    },
    { session_id: 'gw-7', role: 'user', content: '', telegram_chat_id: 7, created_at: '2026-01-31 08:16:00', bot_id: 'default' },
  ],
  memory: [
    { key: 'coffee', content: 'dark roast', category: 'taste', created_at: '2026-01-31 08:15:00', bot_id: 'default' },
    { key: 'tea', content: 'green', created_at: '2026-01-31 08:15:00', bot_id: 'default' },
  ],
  cron_jobs: [
    { name: 'paper', cron_expression: '0 9 * * 0', command: 'echo paper', timezone: 'Asia/Shanghai', bot_id: 'default' },
    { name: 'broken', cron_expression: '0 9 * *', command: 'echo never', bot_id: 'default' },
    { name: 'asleep', cron_expression: '*/5 * * * *', command: 'echo tick', enabled: 0, bot_id: 'default' },
  ],
}

/** Fills a house with three messages, two memories and three jobs, one of which cannot run. */
export const furnish = (house: OldHouse): void => {
  for (const [table, rows] of Object.entries(FURNITURE)) house.insert(table, ...(rows as Record<string, string | number>[]))
}
