import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { type NewMessage, openStore } from '../../../services/history/store.ts'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../../../services/runtime/sqlite.ts'
import { checkLeaks, type Scope, tempDir } from '../../harness.ts'
import fc from '../../property.ts'

checkLeaks()

const open = (t: Scope) => {
  const db = openDatabase({
    path: path.join(tempDir(t), 'history.db'),
    migrations_dir: path.join(packageRoot(import.meta.url), 'services/history/migrations'),
    synchronous: 'NORMAL',
  })
  t.after(() => closeDatabase(db))
  return { db, store: openStore(db) }
}

const NOON = Date.UTC(2026, 10, 22, 12, 0, 0)

const message = (given: Partial<NewMessage> = {}): NewMessage => ({
  record_id: null,
  session_id: 'gw-default-1',
  bot_id: 'default',
  role: 'user',
  content: 'hello',
  source: 'telegram',
  telegram_chat_id: 1,
  user_id: null,
  username: null,
  created_at: NOON,
  ...given,
})

test('history store - reads back all of a message, its moment as text', (t) => {
  const { store } = open(t)
  const turn_id = '3f0c7a52-9b1d-4c8e-a6f4-5d2e8b7c9a10'
  const whole = { user_id: '7', username: 'ann', created_at: NOON + 999, telegram_chat_id: -100123, turn_id }
  const [stored] = store.add([message(whole)])
  assert.deepEqual(store.messages('gw-default-1', 0), [
    {
      id: stored?.id,
      session_id: 'gw-default-1',
      role: 'user',
      content: 'hello',
      source: 'telegram',
      telegram_chat_id: -100123,
      user_id: '7',
      username: 'ann',
      created_at: '2026-11-22 12:00:00',
      bot_id: 'default',
      turn_id,
    },
  ])
  store.add([message()])
  assert.equal(store.messages('gw-default-1', 1)[0]?.turn_id, null)
})

test('history store - a repeated record changes nothing, in one batch and in the next', (t) => {
  const { store } = open(t)
  const first = store.add([
    message({ record_id: 'a' }),
    message({ record_id: 'a', content: 'other' }),
    message({ record_id: 'b' }),
  ])
  assert.equal(first.length, 2)
  assert.deepEqual(store.add([message({ record_id: 'b' }), message({ record_id: 'a' })]), [])
  assert.deepEqual(
    store.messages('gw-default-1', 0).map(({ content }) => content),
    ['hello', 'hello'],
  )
  assert.equal(store.chats('')[0]?.message_count, 2)
})

test('history store - messages without a record id are all stored', (t) => {
  const { store } = open(t)
  assert.equal(store.add([message(), message()]).length, 2)
})

test('history store - a batch is stored whole or not at all', (t) => {
  const { store } = open(t)
  const broken = message({ role: 'system' as 'user' })
  assert.throws(() => store.add([message(), broken]), /CHECK/)
  assert.deepEqual(store.messages('gw-default-1', 0), [])
  assert.deepEqual(store.chats(''), [])
})

test('history store - NUL and all of Unicode come back, half a surrogate pair as a replacement character', (t) => {
  const { store } = open(t)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const content = `nul \0 ${text} 你好 😀`
      store.add([message({ session_id: 'any', content })])
      assert.equal(store.messages('any', 1)[0]?.content, content)
    }),
    { numRuns: 200 },
  )
  store.add([message({ session_id: 'half', content: 'a\uD800b', username: '\uDC00' })])
  const [half] = store.messages('half', 0)
  assert.deepEqual([half?.content, half?.username], ['a\uFFFDb', '\uFFFD'])
})

test('history store - a chat number that JSON cannot carry is null, whoever wrote it', (t) => {
  const { db, store } = open(t)
  store.add([message({ telegram_chat_id: 2 ** 53 })])
  db.prepare(
    "INSERT INTO messages (session_id, role, content, source, telegram_chat_id, created_at, bot_id) VALUES ('gw-default-1', 'user', '', '', ?, 0, '')",
  ).run(2n ** 63n - 1n)
  assert.deepEqual(
    store.messages('gw-default-1', 0).map(({ telegram_chat_id }) => telegram_chat_id),
    [null, null],
  )
})

test('history store - a moment outside of the calendar does not make a chat unreadable', (t) => {
  const { store } = open(t)
  store.add([message({ created_at: 8e15 }), message({ created_at: -1 })])
  assert.deepEqual(
    store.messages('gw-default-1', 0).map(({ created_at }) => created_at),
    ['9999-12-31 23:59:59', '1970-01-01 00:00:00'],
  )
})

test('history store - a limit gives the newest, oldest first, also when all share one moment', (t) => {
  const { store } = open(t)
  store.add(Array.from({ length: 5 }, (_, index) => message({ content: String(index) })))
  assert.deepEqual(
    store.messages('gw-default-1', 2).map(({ content }) => content),
    ['3', '4'],
  )
  assert.deepEqual(store.messages('gw-default-1', 99).length, 5)
  const [, second, , fourth] = store.messages('gw-default-1', 0)
  const page = (limit: number, from?: number, before?: number) =>
    store.messages('gw-default-1', limit, from, before).map(({ id }) => id)
  assert.deepEqual(page(2, undefined, fourth?.id), page(0).slice(1, 3))
  assert.deepEqual(page(0, second?.id), page(0).slice(1))
  assert.deepEqual(page(0, second?.id, second?.id), [])
  assert.deepEqual(store.messages('gw-default-1', Number.MAX_SAFE_INTEGER).length, 5)
  assert.deepEqual(store.messages('unknown', 0), [])
})

test('history store - chats are listed by their newest message, once each, under the bot that wrote last', (t) => {
  const { store } = open(t)
  store.add([
    message({ session_id: 'old', created_at: NOON }),
    message({ session_id: 'shared', bot_id: 'a', created_at: NOON + 1_000 }),
    message({ session_id: 'shared', bot_id: 'b', created_at: NOON + 2_000 }),
    message({ session_id: 'tied', bot_id: 'a', created_at: NOON + 2_000 }),
  ])
  assert.deepEqual(store.chats(''), [
    {
      session_id: 'tied',
      bot_id: 'a',
      started_at: '2026-11-22 12:00:02',
      last_message_at: '2026-11-22 12:00:02',
      message_count: 1,
    },
    {
      session_id: 'shared',
      bot_id: 'b',
      started_at: '2026-11-22 12:00:01',
      last_message_at: '2026-11-22 12:00:02',
      message_count: 2,
    },
    {
      session_id: 'old',
      bot_id: 'default',
      started_at: '2026-11-22 12:00:00',
      last_message_at: '2026-11-22 12:00:00',
      message_count: 1,
    },
  ])
  assert.deepEqual(
    store.chats('a').map(({ session_id, message_count }) => [session_id, message_count]),
    [
      ['tied', 1],
      ['shared', 1],
    ],
  )
  assert.deepEqual(store.chats('none'), [])
})

test('history store - the list of chats agrees with the messages, whatever was added', (t) => {
  const { db, store } = open(t)
  const batch = fc.array(
    fc.record({
      session_id: fc.constantFrom('s1', 's2', 's3'),
      bot_id: fc.constantFrom('a', 'b'),
      created_at: fc.integer({ min: 0, max: 9_999 }),
      record_id: fc.option(fc.constantFrom('r1', 'r2', 'r3', 'r4')),
    }),
    { minLength: 1, maxLength: 5 },
  )
  const grouped = db.prepare(
    'SELECT session_id, bot_id, min(created_at), max(created_at), count(*), max(id) FROM messages GROUP BY session_id, bot_id ORDER BY 1, 2',
  )
  const summed = db.prepare(
    'SELECT session_id, bot_id, started_at, last_message_at, message_count, last_id FROM chats ORDER BY 1, 2',
  )
  fc.assert(
    fc.property(batch, (given) => {
      store.add(given.map(message))
      assert.deepEqual(summed.raw().all(), grouped.raw().all())
    }),
    { numRuns: 100 },
  )
})
