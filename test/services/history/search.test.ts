import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../../protocol/client.ts'
import { ChatHit, type HistoryRecord } from '../../../protocol/history.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { embedWith } from '../../../services/history/embedding.ts'
import { openHistory } from '../../../services/history/open.ts'
import { createLog } from '../../../services/runtime/log.ts'
import type { Embed } from '../../../services/runtime/retrieval/retrieval.ts'
import { atEnd, checkLeaks, eventually, ready, type Scope, startModule, tempDir } from '../../harness.ts'
import { ToyModel } from '../runtime/retrieval/rig.ts'

checkLeaks()

const NOON = Date.UTC(2026, 10, 22, 12)

const record = (record_id: string, given: Partial<HistoryRecord> = {}): HistoryRecord => ({
  record_id,
  session_id: 'gw-default-1',
  bot_id: 'default',
  role: 'user',
  content: record_id,
  source: 'telegram',
  telegram_chat_id: 1,
  user_id: null,
  username: null,
  created_at: NOON,
  ...given,
})

const call = { call_id: 'test', signal: new AbortController().signal }

const open = (t: Scope, { folder = tempDir(t), embed = new ToyModel().embed }: { folder?: string; embed?: Embed } = {}) => {
  const undo: (() => void | Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (let next = undo.pop(); next !== undefined; next = undo.pop()) await next()
  }
  atEnd(t, close)
  const { handlers, start } = openHistory({
    folder,
    embed,
    log: createLog({ service: 'test', level: 'silent' }),
    settle_ms: 0,
    publish: { message_recorded: () => undefined },
    defer: (_name, release) => undo.push(release),
  })
  start()
  const search = (q: string, given: object = {}) => handlers.search({ q, limit: 10, ...given }, call)
  const settled = () =>
    eventually(async () => {
      const { pending, backlog } = await handlers.search_status({}, call)
      return pending === 0 && backlog === 0
    })
  return { handlers, search, settled, close, folder }
}

test('history search - a hit has the fields that old clients know, and why it was found', async (t) => {
  const { handlers, search, settled } = open(t)
  await handlers.record({ records: [record('a', { content: 'the boat leaves at noon', source: 'cli' }), record('b')] }, call)
  await settled()
  const [hit, ...rest] = await search('when does the boat leave')
  assert.deepEqual(Object.keys(hit ?? {}).slice(0, 8), [
    'id',
    'session_id',
    'bot_id',
    'role',
    'content',
    'source',
    'created_at',
    'distance',
  ])
  assert.deepEqual([hit?.content, hit?.source, hit?.created_at], ['the boat leaves at noon', 'cli', '2026-11-22 12:00:00'])
  assert.ok(typeof hit?.distance === 'number' && hit.distance < 2)
  assert.deepEqual(
    [hit?.text_rank, hit?.found_by, hit?.ways, hit?.model],
    [1, ['meaning', 'words'], ['meaning', 'words'], 'toy:64'],
  )
  assert.equal(rest.length, 1)
  for (const each of [hit, ...rest]) assert.ok(ChatHit.safeParse(each).success)
})

test('history search - filters by bot, chat, role and time; an empty bot is all bots', async (t) => {
  const { handlers, search } = open(t)
  const records = [
    record('a', { content: 'boat one', bot_id: 'a', session_id: 'gw-a-1' }),
    record('b', { content: 'boat two', bot_id: 'b', session_id: 'gw-b-1', role: 'assistant' }),
    record('c', { content: 'boat three', bot_id: 'b', session_id: 'gw-b-2', created_at: NOON + 60_000 }),
  ]
  await handlers.record({ records }, call)
  const found = async (given: object) => (await search('boat', given)).map(({ content }) => content.slice(5)).sort()
  assert.deepEqual(await found({}), ['one', 'three', 'two'])
  assert.deepEqual(await found({ bot_id: '' }), ['one', 'three', 'two'])
  assert.deepEqual(await found({ bot_id: 'a' }), ['one'])
  assert.deepEqual(await found({ bot_id: 'nobody' }), [])
  assert.deepEqual(await found({ bot_id: 'a', session_id: 'gw-b-1' }), [])
  assert.deepEqual(await found({ session_id: 'gw-b-2' }), ['three'])
  assert.deepEqual(await found({ role: 'assistant' }), ['two'])
  assert.deepEqual(await found({ since: NOON + 1 }), ['three'])
  assert.deepEqual(await found({ until: NOON + 60_000 }), ['one', 'two'])
})

test('history search - without memory messages are stored at once and found by words', async (t) => {
  const { handlers, search } = open(t, {
    embed: embedWith({
      embed: async () => {
        throw new Error('nobody there')
      },
    }),
  })
  await handlers.record({ records: [record('a', { content: '明天去北京开会' })] }, call)
  const [hit] = await search('北京')
  assert.deepEqual([hit?.content, hit?.distance, hit?.ways, hit?.model], ['明天去北京开会', null, ['words'], null])
  assert.deepEqual(await handlers.search_status({}, call), {
    passages: 1,
    pending: 1,
    backlog: 0,
    model: null,
    reembedding: null,
  })
})

test('history search - vectors come over the wire as bytes, wherever they lie in the message', async () => {
  const bytes = new Uint8Array(17).subarray(1)
  new DataView(bytes.buffer).setFloat32(1 + 4, 0.5, true)
  const embed = embedWith({ embed: async () => ({ model: 'm', dimensions: 4, vectors: [bytes, null] }) })
  const made = await embed(['x', '你'], { kind: 'document', signal: call.signal, timeout_ms: 1_000 })
  assert.deepEqual(made, { model: 'm', dimensions: 4, vectors: [Float32Array.of(0, 0.5, 0, 0), null] })
})

test('history search - messages of before are taken in, newest first, also across a restart in the middle', async (t) => {
  const first = open(t)
  const records = Array.from({ length: 90 }, (_, index) => record(`old ${index}`, { content: `relic number${index}` }))
  await first.handlers.record({ records }, call)
  await first.close()
  // As a file of before search was there has it.
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(path.join(first.folder, 'history.db'))
  db.exec('PRAGMA foreign_keys = ON; DELETE FROM passages; UPDATE search_backlog SET next_id = (SELECT max(id) FROM messages)')
  db.close()
  const second = open(t, { folder: first.folder })
  await eventually(async () => (await second.search('relic number89')).length > 0)
  await second.close()
  const third = open(t, { folder: first.folder })
  await third.handlers.record({ records: [record('new', { content: 'relic of today' })] }, call)
  await third.settled()
  assert.equal((await third.search('relic', { limit: 200 })).length, 91)
  assert.equal((await third.handlers.search_status({}, call)).passages, 91)
})

test('history search - over the wire: found as soon as it is stored, also after a kill; bad input is refused', async (t) => {
  const home = tempDir(t)
  const start = async () => {
    const child = startModule(t, 'services/history/main.ts', { SWITCHBOARD_HOME: home, LOG_LEVEL: 'fatal' })
    await ready(child)
    return child
  }
  const child = await start()
  const link = openLink({ run_dir: path.join(home, 'run'), service: 'history' })
  atEnd(t, () => link.close())
  const history = createClient('history', link.call)
  const found = async (q: string) => (await history.search({ q })).map(({ content }) => content)
  assert.deepEqual(await found('anything'), [])
  await history.record({ records: [record('a', { content: 'the anchor is lost' })] })
  assert.deepEqual(await found('anchor'), ['the anchor is lost'])
  child.process.kill('SIGKILL')
  await child.exit
  const next = await start()
  await history.record({ records: [record('a'), record('b', { content: 'an anchor was found' })] })
  assert.deepEqual((await found('anchor')).sort(), ['an anchor was found', 'the anchor is lost'])
  await assert.rejects(history.search({ q: '' }), { code: 'invalid_input' })
  await assert.rejects(history.search({ q: 'x', limit: -1 }), { code: 'invalid_input' })
  assert.deepEqual(await history.search({ q: 'anchor', limit: 0 }), [])
  assert.equal((await history.search({ q: 'anchor', limit: 1_000_000_000 })).length, 2)
  assert.equal((await history.search({ q: `anchor ${'y '.repeat(500_000)}` })).length, 2)
  assert.equal((await history.search({ q: 'anchor" OR owner:* NEAR(' })).length, 2)
  next.process.kill('SIGTERM')
  assert.deepEqual(await next.exit, { code: 0, signal: null })
})
