/** The two functions against a store that behaves as Vercel's does. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { toListener } from '../../dashboard/functions/listener.ts'
import { createMetrics } from '../../dashboard/functions/metrics.ts'
import { createPush, type PushOptions } from '../../dashboard/functions/push.ts'
import { ITEM_KEY, PAYLOAD_LIMIT_BYTES } from '../../protocol/dashboard.ts'
import { toPayload } from '../../services/metrics/dashboard/payload.ts'
import { startEdgeConfig } from '../fakes/edge-config.ts'
import { atEnd, checkLeaks } from '../harness.ts'
import { enormous, measured } from '../services/metrics/dashboard/measured.ts'

checkLeaks()

const SECRET = 'a-secret-of-the-owner'
const payloadOf = (input: unknown = measured()) =>
  toPayload(input, {
    ...{ title: 'Switchboard', show: ['job_names', 'memory_categories'], past: null },
    ...{ sampled_at: 1, next_push_by: 2, writes: { used: 1, budget: 2 } },
  })

const openStore = async (t: TestContext, more: Partial<PushOptions> = {}) => {
  const store = await startEdgeConfig()
  atEnd(t, () => store.close())
  const options = {
    secret: SECRET,
    api_token: store.api_token,
    store_id: store.id,
    api_base: store.url,
    api_path: '/v1/edge-config',
  }
  const push = createPush({ ...options, ...more })
  const post = async (body: unknown, headers: Record<string, string> = { authorization: `Bearer ${SECRET}` }) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await push(new Request('http://x/api/push', { method: 'POST', headers, body: text }))
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as { ok: boolean; error?: string; detail?: string },
    }
  }
  const metrics = createMetrics({ connection: store.connection })
  const get = async () => {
    const response = await metrics(new Request('http://x/api/metrics'))
    return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> }
  }
  return { store, push, post, get }
}

test('dashboard functions - what is pushed is what is read', async (t) => {
  const { store, post, get } = await openStore(t)
  assert.deepEqual((await get()).status, 404, 'nothing yet')
  for (const input of [measured(), enormous(), {}]) {
    assert.deepEqual((await post(payloadOf(input))).body, { ok: true })
    const read = await get()
    assert.equal(read.status, 200)
    assert.deepEqual(read.body, payloadOf(input))
    assert.equal(read.headers.get('cache-control'), 'no-store', 'browsers keep nothing')
    assert.match(read.headers.get('vercel-cdn-cache-control') ?? '', /^max-age=\d+/)
  }
  assert.deepEqual([...store.items.keys()], [ITEM_KEY])
  assert.equal(store.writes.length, 3)
})

test('dashboard functions - a push with another secret is refused and reaches no store', async (t) => {
  const { store, post } = await openStore(t)
  const wrong = [
    '',
    'Bearer',
    'Bearer x',
    `Bearer ${SECRET}x`,
    `Bearer ${SECRET.slice(0, -1)}`,
    `Basic ${SECRET}`,
    SECRET,
    `Bearer ${SECRET} x`,
  ]
  for (const authorization of wrong) {
    const { status, body } = await post(payloadOf(), { authorization })
    assert.deepEqual([status, body], [401, { ok: false, error: 'unauthorized' }], authorization)
  }
  assert.equal((await post('no JSON', { authorization: 'Bearer x' })).status, 401, 'strangers learn nothing about the body')
  assert.equal(store.writes.length, 0)
})

test('dashboard functions - a body that is too large, no JSON or no payload is refused', async (t) => {
  const { store, post, push } = await openStore(t)
  assert.deepEqual((await post('{'.repeat(PAYLOAD_LIMIT_BYTES + 1))).status, 413)
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) })
  const headers = { authorization: `Bearer ${SECRET}` }
  const streamed = { method: 'POST', headers, body: endless, duplex: 'half' } as RequestInit
  assert.equal((await push(new Request('http://x/api/push', streamed))).status, 413)
  for (const body of [
    '',
    '{',
    'null',
    '[]',
    '{}',
    JSON.stringify({ ...payloadOf(), version: 2 }),
    JSON.stringify({ ...payloadOf(), title: 5 }),
  ]) {
    const refused = await post(body)
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid payload'], body)
  }
  const more = await post({ ...payloadOf(), hostname: 'box' })
  assert.equal(more.status, 200)
  assert.ok(!JSON.stringify([...store.items]).includes('hostname'), 'what is not in the schema is not kept')
})

test('dashboard functions - only POST pushes and only GET reads', async (t) => {
  const { push, store } = await openStore(t)
  assert.equal((await push(new Request('http://x/api/push'))).status, 405)
  const metrics = createMetrics({ connection: store.connection })
  assert.equal((await metrics(new Request('http://x/api/metrics', { method: 'POST' }))).status, 405)
  const head = await metrics(new Request('http://x/api/metrics', { method: 'HEAD' }))
  assert.deepEqual([head.status, await head.text()], [404, ''])
})

test('dashboard functions - what is not set up is named, without a value', async (t) => {
  for (const [more, words] of [
    [{ secret: undefined }, 'METRICS_SECRET'],
    [{ secret: '' }, 'METRICS_SECRET'],
    [{ api_token: undefined }, 'VERCEL_API_TOKEN'],
    [{ store_id: undefined }, 'EDGE_CONFIG'],
  ] as const) {
    const { post } = await openStore(t, more)
    const { status, body } = await post(payloadOf())
    assert.equal(status, 500)
    assert.ok(JSON.stringify(body).includes(words))
  }
  assert.equal((await createMetrics({ connection: undefined })(new Request('http://x/'))).status, 500)
})

test('dashboard functions - what the store refuses is told to the pusher', async (t) => {
  const { store, post } = await openStore(t)
  const cases = [
    [{ status: 401 }, 502, /edge config: 401.*VERCEL_API_TOKEN is wrong/],
    [{ status: 402 }, 502, /edge config: 402.*used up/],
    [{ status: 500 }, 502, /edge config: 500/],
    [{ status: 429, headers: { 'retry-after': '77' } }, 429, /edge config: 429/],
    ['reset', 502, /unreachable.*no connection/],
  ] as const
  for (const [writing, status, words] of cases) {
    store.writing = writing
    const refused = await post(payloadOf())
    assert.equal(refused.status, status)
    assert.match(JSON.stringify(refused.body), words)
    assert.ok(!JSON.stringify(refused.body).includes(store.api_token))
    if (status === 429) assert.equal(refused.headers.get('retry-after'), '77')
  }
  assert.equal(store.items.size, 0)
})

test('dashboard functions - the store really refuses: a wrong token, another store, and one that is full', async (t) => {
  const wrongToken = await openStore(t, { api_token: 'expired' })
  assert.match(
    JSON.stringify((await wrongToken.post(payloadOf())).body),
    /edge config: 403.*has expired .*refresh-vercel-token.*may not write/,
  )
  const otherStore = await openStore(t, { store_id: 'ecfg_other' })
  assert.match(JSON.stringify((await otherStore.post(payloadOf())).body), /edge config: 404.*no such store/)
  const full = await openStore(t)
  full.store.items.set('somebody_elses', 'x'.repeat(8_000))
  assert.match(JSON.stringify((await full.post(payloadOf())).body), /edge config: 413.*the store is full/)
  assert.ok(!full.store.items.has(ITEM_KEY))
})

test('dashboard functions - a store under another name and of a team is written, too', async (t) => {
  const { store, post } = await openStore(t, { api_path: '/v1/global-config', team_id: 'team_a&b' })
  assert.equal((await post(payloadOf())).status, 200)
  assert.deepEqual([store.writes[0]?.path, store.writes[0]?.team_id], [`/v1/global-config/${store.id}/items`, 'team_a&b'])
})

test('dashboard functions - a store that hangs is given up', async (t) => {
  const { store, post } = await openStore(t, { timeout_ms: 100 })
  store.writing = 'hang'
  assert.match(JSON.stringify((await post(payloadOf())).body), /no answer within 0\.1 s/)
})

test('dashboard functions - reading tells nothing there from a wrong token and another store', async (t) => {
  const { store, get } = await openStore(t)
  const read = async (connection: string) => {
    const response = await createMetrics({ connection })(new Request('http://x/api/metrics'))
    return [response.status, await response.text()] as const
  }
  assert.equal((await get()).body.error, 'no metrics data yet')
  assert.match((await read(store.connection.replace('read-token', 'old-token'))).join(), /502.*read token.*refused/)
  assert.match((await read(store.connection.replace('ecfg_0', 'ecfg_1'))).join(), /502.*no such store/)
  store.reading = { status: 429 }
  assert.match((await read(store.connection)).join(), /502.*status code 429/)
  store.reading = 'reset'
  const cut = await read(store.connection)
  assert.equal(cut[0], 502)
  assert.ok(!cut[1].includes(store.url))
  assert.equal((await read('no address')).at(0), 502)
})

test('dashboard functions - what another version has left in the store is not shown', async (t) => {
  const { store, get } = await openStore(t)
  store.items.set(ITEM_KEY, JSON.stringify({ timestamp: '2026-01-01', memory: { items: [{ content: 'private' }] } }))
  const { status, body } = await get()
  assert.equal(status, 502)
  assert.ok(!JSON.stringify(body).includes('private'))
})

test('dashboard functions - as a listener of Node.js: body, headers, status, and a plain 500 for what nobody foresaw', async (t) => {
  const echo = async (request: Request): Promise<Response> => {
    if (request.url.endsWith('/throw')) throw new Error('a token in a text')
    return Response.json(
      { text: await request.text(), given: request.headers.get('x-given') },
      { status: 207, headers: { 'x-made': 'yes' } },
    )
  }
  const server = createServer(toListener(echo))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const response = await fetch(`${base}/api/x`, { method: 'POST', body: 'héllo', headers: { 'x-given': 'a' } })
  assert.deepEqual([response.status, response.headers.get('x-made')], [207, 'yes'])
  assert.deepEqual(await response.json(), { text: 'héllo', given: 'a' })
  const thrown = await fetch(`${base}/throw`)
  assert.equal(thrown.status, 500)
  assert.ok(!(await thrown.text()).includes('token'))
})
