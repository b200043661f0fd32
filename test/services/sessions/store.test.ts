import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import type { Database } from 'better-sqlite3'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../../../services/runtime/sqlite.ts'
import { openStore } from '../../../services/sessions/store.ts'
import { atEnd, checkLeaks, tempDir } from '../../harness.ts'

checkLeaks()

/** All that is prepared on a database while `open` runs. */
const statementsOf = (db: Database, open: () => void): string[] => {
  const texts: string[] = []
  const prepare = db.prepare.bind(db)
  db.prepare = ((text: string) => {
    texts.push(text)
    return prepare(text)
  }) as Database['prepare']
  open()
  db.prepare = prepare
  return texts
}

/** How SQLite goes about it, one line a table; whatever the values are. */
const planOf = (db: Database, text: string): string[] => {
  const named = [...text.matchAll(/:(\w+)/g)].map(([, name]) => [name, null])
  const plain = [...text.matchAll(/\?/g)].map(() => null)
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${text}`)
  const rows = (named.length > 0 ? plan.all(Object.fromEntries(named)) : plan.all(...plain)) as { detail: string }[]
  return rows.map(({ detail }) => detail)
}

test('sessions: store - what asks for the open turns of a chat does not walk through all that have ended', (t) => {
  const migrations_dir = path.join(packageRoot(import.meta.url), 'services/sessions/migrations')
  const db = openDatabase({ path: path.join(tempDir(t), 'sessions.db'), migrations_dir, synchronous: 'FULL' })
  atEnd(t, () => closeDatabase(db))
  const asking = statementsOf(db, () => void openStore(db)).filter((text) => text.includes("state IN ('waiting'"))
  assert.ok(asking.length >= 5, asking.join('\n'))
  const ofChat = asking.filter((text) => text.includes('chat_id'))
  assert.ok(ofChat.length >= 2)
  for (const text of asking) {
    const walks = planOf(db, text).filter((line) => line.includes('turns_session') || /^SCAN (turns|t)$/.test(line))
    assert.deepEqual(walks, [], text)
  }
})
