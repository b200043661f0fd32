import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../../protocol/client.ts'
import type { HistoryRecord } from '../../../protocol/history.ts'
import { openSubscriber } from '../../../protocol/wire/bus.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { type Child, checkLeaks, eventually, ready, type Scope, startModule, tempDir } from '../../harness.ts'

checkLeaks()

const start = async (t: Scope, home: string): Promise<Child> => {
  const child = startModule(t, 'services/history/main.ts', { SWITCHBOARD_HOME: home, LOG_LEVEL: 'warn' })
  await ready(child)
  return child
}

const clientOf = (t: Scope, home: string) => {
  const link = openLink({ run_dir: path.join(home, 'run'), service: 'history' })
  t.after(() => link.close())
  return createClient('history', link.call)
}

const record = (record_id: string, content = record_id): HistoryRecord => ({
  record_id,
  session_id: 'gw-default-1',
  bot_id: 'default',
  role: 'user',
  content,
  source: 'telegram',
  telegram_chat_id: 1,
  user_id: null,
  username: null,
  created_at: Date.UTC(2026, 0, 1),
})

test('history - answers over the wire as the contract says', async (t) => {
  const home = tempDir(t)
  await start(t, home)
  const history = clientOf(t, home)
  assert.deepEqual(await history.list_sessions({}), [])
  await assert.rejects(history.get_session({ session_id: 'none' }), { code: 'not_found', message: 'Session not found' })
  assert.deepEqual(await history.record({ records: [record('a', 'nul \0 你好 😀'), record('b')] }), { stored: 2 })
  assert.deepEqual(await history.record({ records: [record('a')] }), { stored: 0 })
  const { id } = await history.post_message({ session_id: 'gw-default-1', role: 'assistant', content: 'posted' })
  const messages = await history.get_session({ session_id: 'gw-default-1' })
  assert.deepEqual(
    messages.map(({ content }) => content),
    ['nul \0 你好 😀', 'b', 'posted'],
  )
  assert.deepEqual([messages[2]?.id, messages[2]?.source, messages[2]?.bot_id], [id, 'telegram', 'default'])
  assert.equal((await history.list_sessions({ bot_id: '' }))[0]?.message_count, 3)
})

test('history - refuses what does not fit the contract and stores nothing of it', async (t) => {
  const home = tempDir(t)
  await start(t, home)
  const history = clientOf(t, home)
  const wrong = { session_id: 'x', role: 'system' as 'user', content: '' }
  await assert.rejects(history.post_message(wrong), { code: 'invalid_input' })
  await assert.rejects(history.post_message({ ...wrong, role: 'user', bot_id: '../x' }), { code: 'invalid_input' })
  assert.deepEqual(await history.list_sessions({}), [])
})

test('history - tells of each new message, and not of a repeat', async (t) => {
  const home = tempDir(t)
  await start(t, home)
  const history = clientOf(t, home)
  const told: { readonly id: number }[] = []
  const subscriber = openSubscriber({
    run_dir: path.join(home, 'run'),
    service: 'history',
    on: (_topic, payload) => told.push(payload as { id: number }),
  })
  t.after(() => subscriber.close())
  // A subscriber hears nothing of what was said before it was there.
  let tries = 0
  await eventually(async () => {
    tries += 1
    await history.record({ records: [record(`try ${tries}`)] })
    return told.length > 0
  })
  /** Stores a message and waits until it was told of: answers and hints come over two connections. How many had been told of by then. */
  const heard = async (name: string): Promise<number> => {
    await history.record({ records: [record(name)] })
    const messages = await history.get_session({ session_id: 'gw-default-1' })
    const { id } = messages.find(({ content }) => content === name) ?? {}
    return await eventually(() => (told.some((hint) => hint.id === id) ? told.length : null))
  }
  const before = await heard('mark')
  await history.record({ records: [record('try 1'), record('last')] })
  assert.equal(await heard('end'), before + 2)
})

test('history - killed again and again, it stores each record once', async (t) => {
  const home = tempDir(t)
  const history = clientOf(t, home)
  const names = Array.from({ length: 300 }, (_, index) => `record ${index}`)
  let child = await start(t, home)
  let acknowledged = 0
  const sender = (async () => {
    // As the outbox of sessions does it: a row is sent until it is acknowledged.
    for (const name of names) {
      await eventually(() => history.record({ records: [record(name)] }), { timeout_ms: 30_000 })
      acknowledged += 1
    }
  })()
  for (const mark of [30, 100, 200]) {
    await eventually(() => acknowledged >= mark, { timeout_ms: 30_000, every_ms: 1 })
    child.process.kill('SIGKILL')
    await child.exit
    child = await start(t, home)
  }
  await sender
  const stored = await history.get_session({ session_id: 'gw-default-1' })
  assert.deepEqual(
    stored.map(({ content }) => content),
    names,
  )
  assert.equal((await history.list_sessions({}))[0]?.message_count, names.length)
})

test('history - ends on a signal with status 0 and keeps what it had', async (t) => {
  const home = tempDir(t)
  const first = await start(t, home)
  const history = clientOf(t, home)
  await history.record({ records: [record('kept')] })
  first.process.kill('SIGTERM')
  assert.deepEqual(await first.exit, { code: 0, signal: null })
  await start(t, home)
  assert.equal((await history.get_session({ session_id: 'gw-default-1' })).length, 1)
})
