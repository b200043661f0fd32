import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Validator } from '@seriousme/openapi-schema-validator'
import { curlOf } from '../../gateway-edge/http/docs-operation.ts'
import { resolve } from '../../gateway-edge/http/openapi-document.ts'
import { OWN_ROUTES } from '../../gateway-edge/http/own-routes.ts'
import { table } from '../../protocol/contract.ts'
import { ERRORS } from '../../protocol/errors.ts'
import type { FakeTurn } from '../fakes/fake-sessions.ts'
import { FAKE_DELIVERY, FAKE_TASK } from '../fakes/fake-tasks.ts'
import { checkLeaks } from '../harness.ts'
import { textOf } from '../source-tree.ts'
import { dataOf, describedBy } from './described.ts'
import { test } from './each-adapter.ts'
import { openHouse } from './house.ts'

checkLeaks()

/** Everything that may happen in a turn. */
const play = (turn: FakeTurn): void => {
  turn.say(
    { type: 'queued', ahead: 1 },
    { type: 'running' },
    { type: 'thinking', content: 'Hm' },
    { type: 'tool_use', tool_use_id: 't1', name: 'Read', input: '{}' },
    { type: 'approval', approval_id: '1-2048', tool_use_id: 't1', tool_name: 'Read', title: 'Read', input: '{}' },
    { type: 'tool_result', tool_use_id: 't1', is_error: false, content: 'x' },
    { type: 'retrying', attempt: 1, max_attempts: 3, delay_ms: 5, reason: 'overloaded' },
    { type: 'notice', content: 'n' },
  )
  turn.text('He', 'llo')
  turn.say({ type: 'replaced', content: 'Hello' })
  turn.end('Hello')
}

const SEND = { chat_id: '1', message: 'Hi' }

test('openapi - is valid for an independent validator, and says the version of the package', async (t) => {
  const house = await openHouse(t)
  const answer = await house.get('/openapi.json')
  assert.equal(answer.headers.get('content-type'), 'application/json')
  const { info, openapi } = answer.json as { info: { version: string }; openapi: string }
  assert.equal(openapi, '3.1.0')
  assert.equal(info.version, (JSON.parse(textOf('package.json')) as { version: string }).version)
  assert.deepEqual(await new Validator().validate(JSON.parse(answer.text)), { valid: true })
  const broken = { ...(JSON.parse(answer.text) as object), info: {} }
  assert.equal((await new Validator().validate(broken)).valid, false, 'the validator can tell')
})

test('openapi - has every route of the contract and of the edge, and nothing else', async (t) => {
  const { document, operations } = await describedBy(await openHouse(t))
  const declared = table.flatMap((row) => (row.http ?? []).map(({ route }) => route))
  assert.deepEqual(operations.map(([route]) => route).sort(), [...declared, ...Object.keys(OWN_ROUTES)].sort())
  const ids = operations.map(([, { operationId }]) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  const tags = document.tags.map(({ name }) => name)
  for (const row of table)
    for (const { route } of row.http ?? []) {
      const operation = new Map(operations).get(route)
      assert.deepEqual(operation?.tags, [row.service])
      assert.ok(tags.includes(row.service))
      assert.ok(operation?.summary.startsWith(row.summary))
    }
})

test('openapi - every field of an input has its place, and no other', async (t) => {
  const { document, operations } = await describedBy(await openHouse(t))
  const placesOf = (route: string): string[] => {
    const operation = new Map(operations).get(route)
    const schema = operation?.requestBody?.content['application/json']?.schema
    const { properties = {} } = (schema === undefined ? {} : resolve(document, schema)) as { properties?: object }
    const parameters = operation?.parameters?.map((parameter) => `${parameter.in} ${parameter.name}`) ?? []
    return [...parameters, ...Object.keys(properties).map((name) => `body ${name}`)].sort()
  }
  const message = [
    'body bot_id',
    'body chain',
    'body chat_id',
    'body idempotency_key',
    'body message',
    'body unattended',
    'body user_id',
    'body username',
  ]
  assert.deepEqual(placesOf('POST /api/gateway/send'), [...message, 'header Idempotency-Key', 'header X-Switchboard-Chain'])
  assert.deepEqual(placesOf('POST /api/gateway/send-stream'), [
    ...message,
    'header Idempotency-Key',
    'header X-Switchboard-Chain',
  ])
  assert.deepEqual(placesOf('GET /api/gateway/turns/{turn_id}/events'), ['header Last-Event-ID', 'path turn_id', 'query after'])
  assert.deepEqual(placesOf('POST /api/gateway/sessions/{chat_id}/reset'), ['body bot_id', 'path chat_id'])
  assert.deepEqual(placesOf('GET /api/chat/sessions/{session_id}'), [
    'path session_id',
    'query before_id',
    'query from_id',
    'query limit',
  ])
  for (const [route, { parameters = [] }] of operations) {
    const named = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    assert.deepEqual(
      parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
      named,
      route,
    )
  }
})

test('openapi - each code that a method declares is documented with its status', async (t) => {
  const { document, operations } = await describedBy(await openHouse(t))
  const always = [
    'invalid_input',
    'unavailable',
    'timeout',
    'closing',
    'bad_output',
    'internal',
    'unauthorized',
    'forbidden',
  ] as const
  for (const row of table)
    for (const { route } of row.http ?? []) {
      const responses = new Map(operations).get(route)?.responses ?? {}
      for (const code of [...(row.errors ?? []), ...always]) {
        if (code === 'invalid_input' && Object.keys((row.input as { shape?: object }).shape ?? {}).length === 0) continue
        const response = responses[ERRORS[code].status]
        assert.ok(response, `${route} ${code}`)
        const codes = resolve(document, response)['x-errors']?.map((error) => error.code)
        assert.ok(codes?.includes(code), `${route} ${code}`)
      }
    }
})

test('openapi - what is shared is written once, every reference leads somewhere and every component is used', async (t) => {
  const { document } = await describedBy(await openHouse(t))
  const text = JSON.stringify(document)
  const refs = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref)
  assert.ok(refs.length > 50)
  for (const $ref of refs) assert.ok(resolve(document, { $ref }), $ref)
  for (const kind of ['schemas', 'responses', 'headers'] as const)
    for (const name of Object.keys(document.components[kind]))
      assert.ok(refs.includes(`#/components/${kind}/${name}`), `${kind}/${name} is used`)
  for (const field of [
    '"first_token_ms":{',
    '"first_done":{',
    '"telegram_chat_id":{"anyOf":[{"type":"integer"},{"type":"null"}]}',
  ])
    assert.equal(text.split(field).length, 2, field)
  const perPath = text.length / Object.keys(document.paths).length
  assert.ok(perPath < 2_500, `${perPath} characters a path`)
})

test('openapi - real answers are as described, the good ones of every route among them', async (t) => {
  const house = await openHouse(t, { onTurn: play, access: { token: 'a-token-for-this-test' } })
  const authorization = 'Bearer a-token-for-this-test'
  const key = { authorization }
  const described = await describedBy({ ...house, get: (path) => house.get(path, key) })
  const get = async (route: string, path = route.slice(4), headers = {}): Promise<void> =>
    described.check(route, await house.get(path, { ...key, ...headers }))
  const post = async (route: string, body?: unknown, path = route.slice(5)): Promise<void> =>
    described.check(route, await house.post(path, body, key))

  await post('POST /api/gateway/send', SEND)
  await post('POST /api/gateway/send-stream', SEND)
  await post('POST /api/chat/messages', { session_id: 's', role: 'user', content: 'x' })
  const [turn] = house.sessions.turns
  assert.ok(turn)
  const EVENTS = 'GET /api/gateway/turns/{turn_id}/events'
  const events = `/api/gateway/turns/${turn.turn_id}/events`
  await get(EVENTS, events)
  const stream = (await house.get(events, key)).text
  assert.equal(new Set(dataOf(stream).map((line) => (line as { type: string }).type)).size, 12, 'every kind of line but `error`')
  await get(EVENTS, events, { 'last-event-id': /id: (\S+)\ndata: \{"type":"done"/.exec(stream)?.[1] })
  await get('GET /api/gateway/turns/{turn_id}', `/api/gateway/turns/${turn.turn_id}`)
  await get('GET /api/gateway/sessions')
  await get('GET /api/gateway/turns')
  await get('GET /api/spend')
  await get('GET /api/gateway/approvals')
  await post('POST /api/gateway/approvals/{approval_id}', { decision: 'deny' }, '/api/gateway/approvals/1-2048')
  await get('GET /api/chat/sessions')
  await get('GET /api/chat/sessions/{session_id}', '/api/chat/sessions/s')
  await post('POST /api/gateway/interrupt', { chat_id: '1' })
  await post('POST /api/gateway/stop', { chat_id: '1' })
  await post('POST /api/gateway/sessions/{chat_id}/reset', undefined, '/api/gateway/sessions/1/reset')
  await post('POST /api/gateway/sessions/reap')
  const ORDER = { chat_id: '1', message: 'Tidy up' }
  await post('POST /api/tasks', ORDER)
  await post('POST /api/gateway/send-background', ORDER)
  await post('POST /api/tasks/{task_id}/cancel', undefined, `/api/tasks/${FAKE_TASK}/cancel`)
  await post('POST /api/gateway/cleanup/{chat_id}', {}, '/api/gateway/cleanup/1')
  await post('POST /api/gateway/nirmana', { chat_id: '1', action: 'away' })
  for (const end of ['start', 'stop']) await post(`POST /api/gateway/away/${end}`, { chat_id: '1' })
  for (const what of ['background-status', 'harness-status', 'queue-status', 'nirmana'])
    await get(`GET /api/gateway/${what}/{chat_id}`, `/api/gateway/${what}/1`)
  await get('GET /api/tasks')
  await get('GET /api/tasks/{task_id}', `/api/tasks/${FAKE_TASK}`)
  const TASK_EVENTS = 'GET /api/tasks/{turn_id}/events'
  const taskEvents = `/api/tasks/${turn.turn_id}/events`
  await get(TASK_EVENTS, taskEvents)
  await get(TASK_EVENTS, taskEvents, { 'last-event-id': /id: (\S+)\ndata: \{"type":"done"/.exec(stream)?.[1] })
  await get('GET /api/deliveries')
  await get('GET /api/deliveries/{delivery_id}', `/api/deliveries/${FAKE_DELIVERY}`)
  // Of services that answer the least that the contract allows: each of their routes as its example asks.
  for (const [route, operation] of described.operations) {
    if (!/^\w+ \/api\/(cron|doctor|memory|metrics|reports|chat\/search)/.test(route)) continue
    const [method = '', path = ''] = route.split(' ')
    const command = curlOf(described.document, { verb: method.toLowerCase(), path, operation }, house.url)
    const [url = ''] = /http:[^'\s]+/.exec(command) ?? []
    const body = / -d '(.*)'$/s.exec(command)?.[1] ?? (method === 'PUT' ? '{}' : null)
    const headers = { ...key, 'content-type': 'application/json' }
    const response = await fetch(url, { method, headers, body: method === 'POST' ? (body ?? '{}') : body })
    const text = await response.text()
    const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined
    described.check(route, { status: response.status, headers: response.headers, text, json })
  }
  await post('POST /api/login', { token: 'a-token-for-this-test' })
  await post('POST /api/logout')
  for (const path of ['/api/health', '/healthz', '/readyz', '/health', '/metrics', '/openapi.json', '/docs'])
    await get(`GET ${path}`)

  const successes = described.operations.flatMap(([route, { responses }]) =>
    Object.keys(responses).flatMap((status) => (status.startsWith('2') ? [`${route} ${status}`] : [])),
  )
  assert.deepEqual(
    [...described.seen].filter((seen) => !successes.includes(seen)),
    [],
  )
  assert.deepEqual(
    successes.filter((success) => !described.seen.has(success)),
    [],
  )
})

test('openapi - real errors are as described', async (t) => {
  const house = await openHouse(t, { onTurn: play, access: { token: 'a-token-for-this-test' }, give_up_ms: 50 })
  const key = { authorization: 'Bearer a-token-for-this-test' }
  const described = await describedBy({ ...house, get: (path) => house.get(path, key) })
  const TURN = 'GET /api/gateway/turns/{turn_id}'
  const EVENTS = 'GET /api/gateway/turns/{turn_id}/events'
  const SENDING = 'POST /api/gateway/send'
  const send = async (body: unknown, headers: Record<string, string> = key): Promise<void> =>
    described.check(SENDING, await house.post('/api/gateway/send', body, headers))

  described.check(TURN, await house.get(`/api/gateway/turns/${randomUUID()}`, key))
  described.check(TURN, await house.get('/api/gateway/turns/x', key))
  described.check(TURN, await house.get(`/api/gateway/turns/${randomUUID()}`))
  described.check('POST /api/login', await house.post('/api/login', { token: 'wrong' }))
  await send({ chat_id: 1 })
  await send('{"chat_id')
  await send('[]')
  await send(SEND, { ...key, 'content-type': 'text/plain' })
  await send(SEND, { ...key, origin: 'http://elsewhere.example' })
  await send(SEND)
  house.sessions.forgetLogs()
  const [turn] = house.sessions.turns
  described.check(EVENTS, await house.get(`/api/gateway/turns/${turn?.turn_id}/events`, key))
  await house.killSessions()
  await send(SEND)
  described.check('GET /readyz', await house.get('/readyz'))
  described.check('GET /health', await house.get('/health', key))

  const errors = [...described.seen].filter((words) => !words.endsWith(' 200'))
  assert.deepEqual(errors.sort(), [
    'GET /api/gateway/turns/{turn_id} 401',
    'GET /api/gateway/turns/{turn_id} 404',
    'GET /api/gateway/turns/{turn_id} 422',
    'GET /api/gateway/turns/{turn_id}/events 410',
    'GET /readyz 503',
    'POST /api/gateway/send 403',
    'POST /api/gateway/send 415',
    'POST /api/gateway/send 422',
    'POST /api/gateway/send 503',
    'POST /api/login 401',
  ])
})

test('openapi - an answer that is not as described is noticed', async (t) => {
  const house = await openHouse(t)
  const { check } = await describedBy(house)
  const good = await house.get('/health')
  const fields = good.json as Record<string, unknown>
  check('GET /health', good)
  assert.throws(() => check('GET /health', { ...good, json: { ...fields, active_sessions: 'many' } }), /active_sessions/)
  assert.throws(() => check('GET /health', { ...good, json: { ...fields, more: 1 } }), /additional/)
  assert.throws(() => check('GET /health', { ...good, status: 418 }), /418 is described/)
  assert.throws(() => check('GET /nope', good), /nope is described/)
})
