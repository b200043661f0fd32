import assert from 'node:assert/strict'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { toPublicError } from '../../../protocol/errors.ts'
import { closeDatabase, isDatabaseTrouble, openDatabase } from '../../../services/runtime/sqlite.ts'
import { atEnd, checkLeaks, eventually, type Scope, startModule, tempDir } from '../../harness.ts'

checkLeaks()

const FIRST =
  "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;\nINSERT INTO notes (text) VALUES ('from the first');"
const SECOND =
  "ALTER TABLE notes ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0;\nINSERT INTO notes (text) VALUES ('from the second');"

const prepare = (t: Scope, migrations: Record<string, string>) => {
  const folder = tempDir(t)
  const migrations_dir = path.join(folder, 'migrations')
  mkdirSync(migrations_dir)
  const add = (name: string, sql: string): void => writeFileSync(path.join(migrations_dir, name), sql)
  for (const [name, sql] of Object.entries(migrations)) add(name, sql)
  const file = path.join(folder, 'test.db')
  const open = (synchronous: 'FULL' | 'NORMAL' = 'FULL') => {
    const database = openDatabase({ path: file, migrations_dir, synchronous })
    atEnd(t, () => void database.close())
    return database
  }
  return { file, migrations_dir, add, open }
}

const texts = (database: Database.Database): unknown[] => database.prepare('SELECT text FROM notes ORDER BY id').pluck().all()

test('sqlite - a new database gets all migrations in order; later only what is new', (t) => {
  const { add, open } = prepare(t, { '002-second.sql': SECOND, '001-first.sql': FIRST, 'notes.txt': 'not a migration' })
  const first = open()
  assert.deepEqual(texts(first), ['from the first', 'from the second'])
  assert.equal(first.pragma('user_version', { simple: true }), 2)
  closeDatabase(first)
  add('003-third.sql', "INSERT INTO notes (text) VALUES ('from the third');")
  const second = open()
  assert.deepEqual(texts(second), ['from the first', 'from the second', 'from the third'])
  closeDatabase(second)
  assert.equal(texts(open()).length, 3)
})

test('sqlite - the settings that the promises rest on', (t) => {
  const { open } = prepare(t, { '001-first.sql': FIRST })
  const pragma = (database: Database.Database, name: string): unknown => database.pragma(name, { simple: true })
  const full = open('FULL')
  assert.deepEqual(
    [
      'journal_mode',
      'synchronous',
      'foreign_keys',
      'busy_timeout',
      'journal_size_limit',
      'fullfsync',
      'checkpoint_fullfsync',
    ].map((name) => pragma(full, name)),
    ['wal', 2, 1, 5_000, 67_108_864, 1, 1],
  )
  closeDatabase(full)
  const normal = open('NORMAL')
  assert.deepEqual([pragma(normal, 'synchronous'), pragma(normal, 'fullfsync')], [1, 0])
})

test('sqlite - a migration that fails leaves the database as it was', (t) => {
  const { add, open, file } = prepare(t, { '001-first.sql': FIRST })
  closeDatabase(open())
  add('002-second.sql', `${SECOND}\nINSERT INTO nowhere VALUES (1);`)
  assert.throws(() => open(), /nowhere/)
  const database = new Database(file)
  atEnd(t, () => void database.close())
  assert.deepEqual(texts(database), ['from the first'])
  assert.equal(database.pragma('user_version', { simple: true }), 1)
})

test('sqlite - rebuilding a table keeps the rows that refer to it; breaking a reference is refused', (t) => {
  const { add, open } = prepare(t, {
    '001-first.sql':
      'CREATE TABLE chats (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, chat INTEGER REFERENCES chats ON DELETE CASCADE) STRICT;' +
      "INSERT INTO chats VALUES (1); INSERT INTO notes VALUES (1, 'kept', 1);",
  })
  closeDatabase(open())
  add(
    '002-rebuild.sql',
    'CREATE TABLE new_chats (id INTEGER PRIMARY KEY, name TEXT) STRICT; INSERT INTO new_chats SELECT id, NULL FROM chats; DROP TABLE chats; ALTER TABLE new_chats RENAME TO chats;',
  )
  const rebuilt = open()
  assert.deepEqual(texts(rebuilt), ['kept'])
  assert.throws(() => rebuilt.exec('INSERT INTO notes VALUES (2, NULL, 99)'), /FOREIGN KEY/)
  closeDatabase(rebuilt)
  add('003-break.sql', 'DELETE FROM chats;')
  assert.throws(() => open(), /003-break\.sql leaves 1 rows/)
})

test('sqlite - a database from the future is refused with advice and not touched', (t) => {
  const { file, open } = prepare(t, { '001-first.sql': FIRST })
  const future = new Database(file)
  future.exec('CREATE TABLE other (x); PRAGMA user_version = 9')
  future.close()
  assert.throws(() => open(), { code: 'conflict', message: /newer version \(schema 9, this one knows 1\).*backup/ })
  const database = new Database(file)
  atEnd(t, () => void database.close())
  assert.deepEqual(
    [database.pragma('user_version', { simple: true }), database.pragma('journal_mode', { simple: true })],
    [9, 'delete'],
  )
})

test('sqlite - migrations with a hole, a repeat or a wrong name are refused before anything is opened', (t) => {
  for (const names of [['001-a.sql', '003-c.sql'], ['001-a.sql', '001-b.sql'], ['first.sql'], ['000-zero.sql']]) {
    const { file, open } = prepare(t, Object.fromEntries(names.map((name) => [name, 'SELECT 1;'])))
    assert.throws(() => open(), /numbered 001, 002/)
    assert.equal(existsSync(file), false)
  }
})

test('sqlite - processes that open a new database at once apply each migration once', async (t) => {
  const { file, migrations_dir, open } = prepare(t, { '001-first.sql': FIRST, '002-second.sql': SECOND })
  const openers = Array.from({ length: 4 }, () => startModule(t, 'test/fakes/opener.ts', {}, [file, migrations_dir]))
  await eventually(() => openers.every(({ messages }) => messages.includes('here')))
  for (const { process } of openers) process.send('go')
  for (const opener of openers) assert.deepEqual([await opener.exit, opener.errors()], [{ code: 0, signal: null }, ''])
  assert.deepEqual(texts(open()), ['from the first', 'from the second'])
})

test('sqlite - what was committed is there after a kill', async (t) => {
  const { file, migrations_dir, open } = prepare(t, { '001-first.sql': FIRST })
  const writer = startModule(t, 'test/fakes/opener.ts', {}, [file, migrations_dir, 'write'])
  await eventually(() => writer.messages.includes('here'))
  writer.process.send('go')
  const committed = () => writer.messages.filter((message) => typeof message === 'number') as number[]
  await eventually(() => committed().length > 20)
  writer.process.kill('SIGKILL')
  await writer.exit
  const found = texts(open())
  for (const number of committed()) assert.ok(found.includes(`row ${number}`), `row ${number}`)
})

test('sqlite - closing writes the log back and may be repeated', (t) => {
  const { file, open } = prepare(t, { '001-first.sql': FIRST })
  const database = open()
  assert.ok(statSync(`${file}-wal`).size > 0)
  closeDatabase(database)
  closeDatabase(database)
  assert.equal(existsSync(`${file}-wal`), false)
})

test('sqlite - a full disk is trouble that passes and is called so to callers; data that breaks a constraint is not', (t) => {
  const { open } = prepare(t, { '001-begin.sql': 'CREATE TABLE notes (text TEXT UNIQUE, size INTEGER CHECK (size < 10));' })
  const database = open()
  const failure = (text: string, size = 1): unknown => {
    try {
      database.prepare('INSERT INTO notes (text, size) VALUES (?, ?)').run(text, size)
      return null
    } catch (error) {
      return error
    }
  }
  assert.equal(failure('first'), null)
  assert.equal(isDatabaseTrouble(failure('first')), false)
  assert.equal(isDatabaseTrouble(failure('large', 11)), false)
  // No page more: what a full disk looks like to SQLite.
  database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`)
  const full = failure('x'.repeat(100_000))
  assert.deepEqual([isDatabaseTrouble(full), toPublicError(full, []).code], [true, 'low_disk'])
  database.pragma('max_page_count = 1000000')
  assert.equal(failure('x'.repeat(100_000)), null)
})
