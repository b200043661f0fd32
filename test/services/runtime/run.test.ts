import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../../protocol/client.ts'
import { openSubscriber } from '../../../protocol/wire/bus.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { atEnd, type Child, checkLeaks, eventually, ready, type Scope, startModule, tempDir } from '../../harness.ts'

checkLeaks()

const POST = { session_id: 's', role: 'user', content: 'x' } as const
const GRACEFUL = { code: 0, signal: null }

const start = (t: Scope, home: string, env: Record<string, string> = {}): Child =>
  startModule(t, 'test/fakes/tiny-service.ts', { SWITCHBOARD_HOME: home, ...env })

const openHistory = (t: Scope, home: string) => {
  const link = openLink({ run_dir: path.join(home, 'run'), service: 'history' })
  atEnd(t, () => link.close())
  return { link, client: createClient('history', link.call) }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`run - a whole life, ended by ${signal}: each step in its order, status 0`, async (t) => {
    const home = tempDir(t)
    const child = await ready(start(t, home))
    const { client, link } = openHistory(t, home)
    assert.deepEqual(await client.post_message(POST), { id: child.pid })
    assert.equal((await link.ping()).calls, 1)
    child.process.kill(signal)
    assert.deepEqual(await child.exit, GRACEFUL)
    assert.deepEqual(child.messages, ['open', 'start', 'ready', 'drain', 'released second', 'released first'])
    assert.equal(existsSync(path.join(home, 'run', 'history.sock')), false)
    assert.equal(child.errors(), '')
  })
}

test('run - the loss of the manager ends it like a signal', async (t) => {
  const child = await ready(start(t, tempDir(t)))
  child.process.disconnect()
  assert.deepEqual(await child.exit, GRACEFUL)
  assert.match(child.output(), /process manager went away/)
})

test('run - a running call is waited for, new ones are refused', async (t) => {
  const home = tempDir(t)
  const child = await ready(start(t, home))
  const { client } = openHistory(t, home)
  const held = client.post_message({ ...POST, content: 'hold' }, { timeout_ms: 20_000 })
  await eventually(() => child.messages.includes('held'))
  child.process.kill('SIGTERM')
  await eventually(() => child.messages.includes('drain'))
  await assert.rejects(client.post_message(POST), { code: 'closing' })
  assert.ok(!child.messages.includes('released first'))
  child.process.send('release')
  assert.deepEqual(await held, { id: child.pid })
  assert.deepEqual(await child.exit, GRACEFUL)
})

test('run - a call that does not end is aborted at the deadline', async (t) => {
  const home = tempDir(t)
  const child = await ready(start(t, home, { TINY_SHUTDOWN_MS: '300' }))
  const { client } = openHistory(t, home)
  const held = client.post_message({ ...POST, content: 'hold' }, { timeout_ms: 20_000 })
  const refused = assert.rejects(held, { code: 'closing' })
  await eventually(() => child.messages.includes('held'))
  const began = performance.now()
  child.process.kill('SIGTERM')
  await refused
  assert.deepEqual(await child.exit, GRACEFUL)
  const took = performance.now() - began
  assert.ok(took >= 295 && took < 3_000, `took ${took} ms`)
})

test('run - a second signal ends it at once', async (t) => {
  const home = tempDir(t)
  const child = await ready(start(t, home))
  const { client } = openHistory(t, home)
  const held = assert.rejects(client.post_message({ ...POST, content: 'hold' }, { timeout_ms: 20_000 }), { code: 'unavailable' })
  await eventually(() => child.messages.includes('held'))
  child.process.kill('SIGINT')
  await eventually(() => child.messages.includes('drain'))
  child.process.kill('SIGTERM')
  assert.deepEqual(await child.exit, { code: 1, signal: null })
  await held
})

test('run - a second instance waits for the first to leave, and no longer than it may', async (t) => {
  const home = tempDir(t)
  const first = await ready(start(t, home))
  const refused = start(t, home, { TINY_LOCK_WAIT_MS: '200' })
  assert.deepEqual(await refused.exit, { code: 1, signal: null })
  assert.match(refused.output(), /Another instance of history is running/)
  assert.deepEqual(refused.messages, [])
  const { client } = openHistory(t, home)
  assert.deepEqual(await client.post_message(POST), { id: first.pid })
  const second = start(t, home)
  first.process.kill('SIGTERM')
  await ready(second)
  assert.deepEqual(await client.post_message(POST), { id: second.pid })
})

test('run - a signal while it waits for the first ends it with 0', async (t) => {
  const home = tempDir(t)
  await ready(start(t, home))
  const waiting = start(t, home, { LOG_LEVEL: 'debug' })
  await eventually(() => /Waiting for the lock/.test(waiting.output()))
  waiting.process.kill('SIGTERM')
  assert.deepEqual(await waiting.exit, GRACEFUL)
})

test('run - what nobody foresaw ends it with 1 and is in its last words; the next life begins', async (t) => {
  const home = tempDir(t)
  const child = await ready(start(t, home))
  const { client } = openHistory(t, home)
  await client
    .post_message({ ...POST, content: 'die' })
    .catch((error: { code: string }) => assert.equal(error.code, 'unavailable'))
  assert.deepEqual(await child.exit, { code: 1, signal: null })
  const last = JSON.parse(child.output().trim().split('\n').at(-1) ?? '') as { level: string; err: { message: string } }
  assert.deepEqual([last.level, last.err.message], ['fatal', 'nobody foresaw this'])
  await ready(start(t, home))
})

test('run - a store that cannot be opened ends it with 1; secrets stay out of the log', async (t) => {
  const child = start(t, tempDir(t), { TINY_FAIL_AT: 'open', TINY_TOKEN: 'very-secret-value' })
  assert.deepEqual(await child.exit, { code: 1, signal: null })
  assert.match(child.output(), /could not open with \[redacted\]/)
  assert.doesNotMatch(child.output() + child.errors(), /very-secret/)
  assert.ok(!child.messages.includes('ready'))
})

test('run - something that cannot be let go of does not keep the rest, and the status tells', async (t) => {
  const child = await ready(start(t, tempDir(t), { TINY_FAIL_AT: 'release' }))
  child.process.kill('SIGTERM')
  assert.deepEqual(await child.exit, { code: 1, signal: null })
  assert.deepEqual(child.messages.slice(-2), ['released second', 'released first'])
})

test('run - wrong settings are told together on standard error, before anything is made', async (t) => {
  const home = path.join(tempDir(t), 'home')
  const child = start(t, home, { TINY_FAIL_AT: 'nowhere', LOG_LEVEL: 'loud' })
  assert.deepEqual(await child.exit, { code: 1, signal: null })
  assert.match(child.errors(), /LOG_LEVEL: .*\n.*TINY_FAIL_AT: /)
  assert.equal(existsSync(home), false)
})

test('run - one call id is in the log of the service that was asked, its secrets are not', async (t) => {
  const home = tempDir(t)
  const child = await ready(start(t, home, { TINY_TOKEN: 'very-secret-value' }))
  const { client } = openHistory(t, home)
  await client.post_message(POST, { call_id: 'followed' })
  await assert.rejects(client.post_message({ ...POST, content: 'throw' }, { call_id: 'failed' }), {
    code: 'internal',
    message: /nobody foresaw/,
  })
  await eventually(() =>
    /"call_id":"failed"[^\n]*detail that must not leave|detail that must not leave[^\n]*"call_id":"failed"/.test(child.output()),
  )
  assert.match(child.output(), /"call_id":"followed"/)
  assert.doesNotMatch(child.output(), /not to be seen|very-secret/)
})

test('run - topics of the service are published', async (t) => {
  const home = tempDir(t)
  const child = await ready(start(t, home))
  const { client } = openHistory(t, home)
  const heard: unknown[] = []
  const subscriber = openSubscriber({
    run_dir: path.join(home, 'run'),
    service: 'history',
    on: (topic, payload) => heard.push([topic, payload]),
  })
  atEnd(t, () => subscriber.close())
  await eventually(async () => {
    await client.post_message(POST)
    return heard.length > 0
  })
  assert.deepEqual(heard[0], ['message_recorded', { id: child.pid, session_id: 's', bot_id: 'b', role: 'user' }])
})
