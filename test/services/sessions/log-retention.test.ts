import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../../../services/runtime/sqlite.ts'
import { AgentFolder } from '../../../services/sessions/agent/folder.ts'
import { LogRetention } from '../../../services/sessions/log-retention.ts'
import { openStore } from '../../../services/sessions/store.ts'
import { atEnd, checkLeaks, type Scope, tempDir } from '../../harness.ts'

checkLeaks()

const HOUR_MS = 3_600_000
const NOW = 1_000 * HOUR_MS

/** A real store and folders; `add` makes an agent with a log of that size, which left then (null: it lives). */
const furnish = (t: Scope) => {
  const root = tempDir(t)
  const migrations_dir = path.join(packageRoot(import.meta.url), 'services/sessions/migrations')
  const db = openDatabase({ path: path.join(root, 'sessions.db'), migrations_dir, synchronous: 'FULL' })
  atEnd(t, () => closeDatabase(db))
  const store = openStore(db)
  const folder = (n: number): AgentFolder => new AgentFolder(root, n)
  const add = (bytes: number, left_at: number | null): number => {
    const { n } = store.addAgent({
      ...{ bot_id: 'default', chat_id: '1', lane: '', conversation_id: 'c', nonce: String(Math.random()), boot_id: 'b' },
      ...{ fingerprint: 'f', permission_mode: 'default', started_at: 0 },
    })
    folder(n).create()
    writeFileSync(folder(n).file('out'), Buffer.alloc(bytes / 2))
    writeFileSync(folder(n).file('err'), Buffer.alloc(bytes / 2))
    if (left_at !== null) store.agentDead(n, 0, left_at)
    return n
  }
  const retention = (keep_hours: number, keep_bytes: number) =>
    new LogRetention({ store, folder, keep_ms: keep_hours * HOUR_MS, keep_bytes })
  return { add, retention, isThere: (n: number) => existsSync(folder(n).path) }
}

test('log retention - what left too long ago goes; who lives or left lately stays', (t) => {
  const { add, retention, isThere } = furnish(t)
  const [old, young, living] = [add(10, NOW - 31 * HOUR_MS), add(10, NOW - 29 * HOUR_MS), add(10, null)]
  const logs = retention(30, 1_000)
  assert.deepEqual(logs.forget(NOW), [old])
  assert.deepEqual([old, young, living].map(isThere), [false, true, true])
  assert.deepEqual(logs.forget(NOW), [])
})

test('log retention - beyond the size the oldest go, none of the last hour, and what is kept fits', (t) => {
  const { add, retention, isThere } = furnish(t)
  const agents = [5, 4, 3, 0.5].map((hours) => add(100, NOW - hours * HOUR_MS))
  const logs = retention(100, 250)
  assert.deepEqual(logs.forget(NOW), agents.slice(0, 2).reverse())
  assert.deepEqual(agents.map(isThere), [false, false, true, true])
  const large = add(1_000, NOW)
  assert.deepEqual(logs.forget(NOW), [agents[2]], 'one of the last hour stays, however large')
  assert.deepEqual(logs.forget(NOW + 2 * HOUR_MS), [large, agents[3]])
})

test('log retention - some at a time, until all that is old is gone', (t) => {
  const { add, retention } = furnish(t)
  for (let n = 0; n < 45; n += 1) add(2, n)
  const logs = retention(1, 1_000)
  assert.deepEqual(
    [1, 2, 3, 4].map(() => logs.forget(NOW).length),
    [20, 20, 5, 0],
  )
})
