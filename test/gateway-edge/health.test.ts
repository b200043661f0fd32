import assert from 'node:assert/strict'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse } from './house.ts'

checkLeaks()

const ALIVE = '{"status":"ok"}'

/** Patience is one second; the machine may be busy. */
const SOON_MS = 4_000

test('health - whether the edge lives is told in the same bytes on both paths, whatever stands behind it', async (t) => {
  const house = await openHouse(t, { without: ['sessions', 'history'] })
  for (const path of ['/api/health', '/healthz']) {
    const answer = await house.get(path)
    assert.equal(answer.status, 200)
    assert.equal(answer.text, ALIVE)
    assert.equal(answer.headers.get('content-type'), 'application/json')
  }
  assert.ok(!house.lines.some((line) => line.includes('health')), 'being asked leaves no line in the log')
})

test('health - ready while sessions and history answer, and again when they are back', async (t) => {
  const house = await openHouse(t)
  const ready = await house.get('/readyz')
  assert.deepEqual([ready.status, ready.text], [200, ALIVE])
  await house.killSessions()
  const down = await house.get('/readyz')
  assert.equal(down.status, 503)
  assert.deepEqual(down.json, { status: 'unavailable', detail: 'sessions does not answer' })
  await house.startSessions()
  await eventually(async () => (await house.get('/readyz')).status === 200)
})

test('health - what is not there is named', async (t) => {
  const house = await openHouse(t, { without: ['history'] })
  assert.deepEqual((await house.get('/readyz')).json, { status: 'unavailable', detail: 'history does not answer' })
  await house.killSessions()
  const both = await house.get('/readyz')
  assert.deepEqual(both.json, { status: 'unavailable', detail: 'sessions and history do not answer' })
})

test('health - a service that is there and silent counts as down after a second', async (t) => {
  const house = await openHouse(t)
  Object.assign(house.sessions.handlers, {
    status: (_input: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  })
  const began = performance.now()
  const [ready, health] = await Promise.all([house.get('/readyz'), house.get('/health')])
  assert.ok(performance.now() - began < SOON_MS)
  assert.deepEqual(ready.json, { status: 'unavailable', detail: 'sessions does not answer' })
  assert.deepEqual((health.json as { services: object }).services, {
    sessions: 'down',
    history: 'up',
    scheduler: 'up',
    memory: 'up',
    metrics: 'up',
    reports: 'up',
  })
})

test('health - the long answer has the fields of old, what is up, the server in use and the agent', async (t) => {
  const house = await openHouse(t)
  const { status, text, json } = await house.get('/health')
  assert.equal(status, 200)
  const { uptime_seconds, ...rest } = json as { uptime_seconds: number }
  assert.deepEqual(rest, {
    status: 'ok',
    active_sessions: 0,
    agent: { kind: 'demo', version: null, problem: null },
    services: { sessions: 'up', history: 'up', scheduler: 'up', memory: 'up', metrics: 'up', reports: 'up' },
    adapter: house.edge.adapter,
  })
  assert.ok(uptime_seconds >= 0)
  assert.match(text, /^\{"status":"ok","uptime_seconds":\d+\.\d,"active_sessions":0,/)
})

test('health - whether we live and are ready is told without the token, more is not', async (t) => {
  const house = await openHouse(t, { access: { token: 'a-token-for-this-test' } })
  for (const path of ['/api/health', '/healthz', '/readyz']) assert.equal((await house.get(path)).text, ALIVE, path)
  for (const path of ['/health', '/docs', '/openapi.json']) assert.equal((await house.get(path)).status, 401, path)
})
