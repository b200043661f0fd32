/** Moving in: what the predecessor's files mean here, that nothing of them is changed, and that nothing is taken twice. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { importMemories } from '../../cli/import/memories.ts'
import { importMessages, sessionIdOf, toRecord } from '../../cli/import/messages.ts'
import { toMoment } from '../../cli/import/moments.ts'
import { takeOver } from '../../cli/import/moving.ts'
import { openSessionRows } from '../../cli/import/sessions/store.ts'
import { findSource } from '../../cli/import/source.ts'
import { openPredecessor } from '../../cli/import/store.ts'
import type { Pm2 } from '../../cli/pm2.ts'
import type { HistoryRecord } from '../../protocol/history.ts'
import { takeLock } from '../../services/runtime/lock.ts'
import { atEnd, checkLeaks, tempDir } from '../harness.ts'
import { root, surroundings } from './doctored.ts'
import { furnish, oldHouse, opened, SCHEMA_VERSIONS } from './predecessor.ts'

checkLeaks()

for (const version of SCHEMA_VERSIONS) {
  test(`import - schema ${version}: every row is read, from a copy, while the predecessor has the file open`, async (t) => {
    const house = oldHouse(t, version)
    furnish(house)
    const before = house.sums()
    const old = opened(t, house.file)
    assert.deepEqual(
      old.versions,
      Array.from({ length: version }, (_, index) => index + 1),
    )
    const records: HistoryRecord[] = []
    const messages = await importMessages(old, async (given) => records.push(...given) && given.length)
    assert.deepEqual([messages.found, messages.taken, messages.refused], [3, 3, []])
    assert.deepEqual(
      records.map(({ session_id, bot_id, role, content, created_at }) => [session_id, bot_id, role, content, created_at]),
      [
        ['gw-default-7', 'default', 'user', 'Hello', Date.UTC(2026, 0, 31, 8, 15)],
        ['gw-default-7', 'default', 'assistant', 'Hi there', Date.UTC(2026, 0, 31, 8, 15, 9)],
        ['gw-default-7', 'default', 'user', '', Date.UTC(2026, 0, 31, 8, 16)],
      ],
    )
    assert.equal(new Set(records.map(({ record_id }) => record_id)).size, 3)
    const lines: string[] = []
    const memories = await importMemories(old, async (text) => {
      lines.push(...text.split('\n'))
      return { created: 2, kept: 0, problems: [] }
    })
    assert.equal(memories.taken, 2)
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        {
          key: 'coffee',
          content: 'dark roast',
          category: 'taste',
          bot_id: 'default',
          created_at: '2026-01-31T08:15:00.000Z',
          updated_at: (JSON.parse(lines[0] ?? '') as { updated_at: string }).updated_at,
        },
        {
          key: 'tea',
          content: 'green',
          category: 'general',
          bot_id: 'default',
          created_at: '2026-01-31T08:15:00.000Z',
          updated_at: (JSON.parse(lines[1] ?? '') as { updated_at: string }).updated_at,
        },
      ],
    )
    assert.deepEqual(house.sums(), before)
  })
}

test('import - what is no database of the predecessor is refused by name', (t) => {
  const folder = tempDir(t)
  const file = path.join(folder, 'mini-claude-bot.db')
  writeFileSync(file, 'no database at all, just words. '.repeat(50))
  assert.throws(() => openPredecessor(file), /mini-claude-bot\.db cannot be read/)
  const { settings } = surroundings(t)
  const rows = openSessionRows(settings.home, root)
  rows.close()
  assert.throws(() => openPredecessor(path.join(settings.home, 'db/sessions.db')), /none of mini-claude-bot/)
})

test('import - a damaged database is refused with advice', (t) => {
  const house = oldHouse(t)
  for (let n = 0; n < 40; n += 1) house.insert('chat_messages', { session_id: 's', role: 'user', content: 'x'.repeat(5_000) })
  house.close()
  const bytes = readFileSync(house.file)
  bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 8_192)
  writeFileSync(house.file, bytes)
  assert.throws(() => openPredecessor(house.file), /cannot be read/)
})

test('import - no copy of what was said is left behind, however the command ends', (t) => {
  const { TMPDIR } = process.env
  const folder = tempDir(t)
  process.env.TMPDIR = folder
  try {
    const house = oldHouse(t)
    furnish(house)
    const old = opened(t, house.file)
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('sb-import-')),
      [],
    )
    assert.equal([...old.pieces('chat_messages', 1)].length, 3)
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
})

test('import - two at a time: the second says so and takes nothing', async (t) => {
  const house = oldHouse(t)
  const { settings } = surroundings(t)
  const lock = await takeLock({ run_dir: settings.run_dir, name: 'import', wait_ms: 0 })
  atEnd(t, () => lock.release())
  const places = { from: house.chats, to: house.chats, claude_from: house.claude, claude_to: house.claude }
  const move = { source: findSource(house.folder, house.folder), old: opened(t, house.file), places, jobs_cwd: undefined }
  const context = { args: [], settings, pm2: {} as Pm2, print: () => undefined }
  await assert.rejects(takeOver(context, move), /Another import .* is at work\. Wait/)
})

test('import - moments in all their shapes', () => {
  const moment = Date.UTC(2026, 0, 31, 8, 15)
  for (const text of [
    '2026-01-31 08:15:00',
    '2026-01-31T08:15:00',
    '2026-01-31T08:15:00Z',
    '2026-01-31T09:15:00+01:00',
    '2026-01-31 08:15:00.000000+00:00',
  ])
    assert.equal(toMoment(text), moment, text)
  assert.equal(toMoment(moment / 1_000), moment)
  for (const nothing of [null, '', 'yesterday', Number.NaN, -5, {}]) assert.equal(toMoment(nothing), null)
})

test('import - a row that is no message is refused by its number, and so is one that no call could carry', () => {
  const row = {
    id: 5,
    session_id: 's',
    role: 'user',
    content: 'x',
    created_at: null,
    telegram_chat_id: 2 ** 60,
    user_id: 7,
    username: null,
  }
  const good = toRecord(row)
  assert.ok(typeof good !== 'string')
  assert.deepEqual(
    [good.created_at, good.telegram_chat_id, good.user_id, good.bot_id, good.source],
    [0, null, '7', 'default', 'telegram'],
  )
  const bad = [
    { ...row, role: 'system' },
    { ...row, session_id: null },
    { ...row, content: null },
    { ...row, content: 'x'.repeat(33 * 1_048_576) },
  ]
  for (const each of bad) assert.match(String(toRecord(each)), /^message 5: /)
})

test('import - only a name that is certain is changed', () => {
  assert.equal(sessionIdOf('gw-7', 'default', 7), 'gw-default-7')
  assert.equal(sessionIdOf('gw--100', 'hero_bot', -100), 'gw-hero_bot--100')
  assert.equal(sessionIdOf('gw-default-7', 'default', 7), 'gw-default-7')
  assert.equal(sessionIdOf('gw-7', 'default', null), 'gw-7')
  assert.equal(sessionIdOf('cli-notes', 'default', 7), 'cli-notes')
})

test('import - the folder, the file, the checkout and a file named in .env are all found', (t) => {
  const house = oldHouse(t)
  const home = tempDir(t)
  for (const given of [house.folder, path.join(house.folder, 'data'), house.file])
    assert.equal(findSource(given, home).database, house.file)
  const other = tempDir(t)
  assert.throws(() => findSource(other, home), /There is no mini-claude-bot\.db/)
  mkdirSync(path.join(other, 'backend'))
  writeFileSync(path.join(other, 'backend', '.env'), `DATABASE_PATH=${house.file}\nGATEWAY_SESSION_DIR=~/my-chats\n`)
  const source = findSource(other, home)
  assert.equal(source.database, house.file)
  assert.equal(source.sessions_dir, path.join(home, 'my-chats'))
  assert.equal(findSource(other, home, { sessions: '/srv/chats' }).sessions_dir, '/srv/chats')
  assert.equal(findSource(house.folder, home).archives_dir, path.join(home, '.claude-gateway-archives'))
})
