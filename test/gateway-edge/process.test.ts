import assert from 'node:assert/strict'
import path from 'node:path'
import { openServer } from '../../protocol/wire/server.ts'
import { createFakeSessions, type FakeSessions } from '../fakes/fake-sessions.ts'
import { freePort } from '../free-port.ts'
import { type Child, checkLeaks, eventually, ready, type Scope, startModule, tempDir } from '../harness.ts'
import { adapterOf, test } from './each-adapter.ts'
import { openRaw, postOf } from './house.ts'

checkLeaks()

const start = (t: Scope, home: string, port: number, more: Record<string, string> = {}): Child =>
  startModule(t, 'gateway-edge/main.ts', {
    SWITCHBOARD_HOME: home,
    GATEWAY_PORT: String(port),
    GATEWAY_ADAPTER: adapterOf(t),
    ...more,
  })

const openSessions = async (t: Scope, home: string): Promise<FakeSessions> => {
  const sessions = createFakeSessions()
  const server = await openServer({
    run_dir: path.join(home, 'run'),
    service: 'sessions',
    instance: 'fake',
    handlers: sessions.handlers,
  })
  t.after(() => server.close())
  return sessions
}

test('edge - binds loopback only and says so', async (t) => {
  for (const host of ['0.0.0.0', '192.168.1.5', '::', 'example.com']) {
    const child = start(t, tempDir(t), 8_000, { GATEWAY_HOST: host })
    assert.equal((await child.exit).code, 1, host)
    assert.match(child.errors(), /GATEWAY_HOST: must be 127\.0\.0\.1, ::1 or localhost/)
  }
})

test('edge - what it cannot start with is told in a sentence that does not repeat it', async (t) => {
  const token = 'correct-horse-battery-staple'
  for (const [name, value, sentence] of [
    ['GATEWAY_TOKEN', 'short-secret', 'must have at least 16 characters'],
    ['GATEWAY_TOKEN', 'a secret with blanks in it', 'no space'],
    ['GATEWAY_HOST', 'example.com', 'must be an address of this machine'],
    ['GATEWAY_ALLOWED_HOSTS', 'https://secret.example', 'must be host names'],
    ['GATEWAY_ALLOWED_CHATS', '1,../2', 'must be chat ids'],
    ['GATEWAY_ALLOWED_USERS', ' , ', 'must be user ids'],
    ['GATEWAY_MAX_BODY_MB', '0', 'must be a whole number'],
  ] as const) {
    const child = start(t, tempDir(t), 8_000, { GATEWAY_TOKEN: token, [name]: value })
    assert.equal((await child.exit).code, 1, name)
    assert.match(child.errors(), new RegExp(`${name}: ${sentence}`.replace(': ', ': .*')))
    const said = child.output() + child.errors()
    assert.ok(!said.includes(token) && !(name === 'GATEWAY_TOKEN' && said.includes(value)), said)
  }
})

test('edge - with a token it may be bound to every address, and asks for the token there', async (t) => {
  const port = await freePort()
  const token = 'correct-horse-battery-staple'
  const child = start(t, tempDir(t), port, { GATEWAY_HOST: '0.0.0.0', GATEWAY_TOKEN: token, LOG_LEVEL: 'trace' })
  await ready(child)
  const ask = async (headers: Record<string, string>): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}/openapi.json`, { headers })
    // What is not read keeps its connection.
    await response.arrayBuffer()
    return response.status
  }
  assert.equal(await ask({}), 401)
  assert.equal(await ask({ authorization: `Bearer ${token}x` }), 401)
  assert.equal(await ask({ authorization: `Bearer ${token}` }), 200)
  child.process.kill('SIGTERM')
  assert.equal((await child.exit).code, 0)
  assert.ok(child.output().includes('"status":401') && !(child.output() + child.errors()).includes(token))
})

test('edge - answers on each name of loopback', async (t) => {
  for (const host of ['localhost', '::1']) {
    const port = await freePort()
    const child = start(t, tempDir(t), port, { GATEWAY_HOST: host })
    await ready(child)
    const name = host === '::1' ? '[::1]' : host
    assert.equal(await (await fetch(`http://${name}:${port}/api/health`)).text(), '{"status":"ok"}')
    child.process.kill('SIGTERM')
    assert.equal((await child.exit).code, 0)
  }
})

test('edge - does not share a port, and says which one is taken', async (t) => {
  const port = await freePort()
  const first = start(t, tempDir(t), port)
  await ready(first)
  const second = start(t, tempDir(t), port)
  await eventually(() => second.process.exitCode === 1)
  assert.match(second.output(), new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${port}`))
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/health`)).status, 200)
})

test('edge - told to end, it breaks streams, frees its port at once and leaves with status 0', async (t) => {
  const home = tempDir(t)
  const port = await freePort()
  const child = start(t, home, port)
  await ready(child)
  const sessions = await openSessions(t, home)
  const stream = openRaw(t, port, postOf('/api/gateway/send-stream', { chat_id: '1', message: 'x', idempotency_key: 'k' }, port))
  await eventually(() => sessions.waiting === 1)
  sessions.turns[0]?.text('some')
  await eventually(() => stream.text().includes('some'))
  const began = performance.now()
  child.process.kill('SIGTERM')
  await stream.over
  assert.deepEqual(await child.exit, { code: 0, signal: null })
  assert.ok(performance.now() - began < 5_000, 'it did not wait for a turn')
  assert.ok(!stream.text().endsWith('0\r\n\r\n') && !stream.text().includes('"done"'))

  const next = start(t, home, port)
  await ready(next)
  const again = openRaw(t, port, postOf('/api/gateway/send-stream', { chat_id: '1', message: 'x', idempotency_key: 'k' }, port))
  await eventually(() => again.text().includes('some'))
  sessions.turns[0]?.end('some answer')
  await eventually(() => again.text().endsWith('0\r\n\r\n'))
  assert.ok(again.text().includes('{"type":"done","content":"some answer"}'))
  assert.equal(sessions.turns.length, 1)
})
