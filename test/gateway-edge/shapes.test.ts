import assert from 'node:assert/strict'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { type House, openHouse, openRaw } from './house.ts'

checkLeaks()

const MISSING = { type: 'missing', msg: 'Field required' }
const NO_STRING = { type: 'string_type', msg: 'Input should be a valid string' }
const NO_OBJECT = { type: 'model_attributes_type', msg: 'Input should be a valid dictionary or object to extract fields from' }

const faults = async (house: House, body: unknown, target = '/api/gateway/send'): Promise<unknown> => {
  const { status, json } = await house.post(target, body)
  assert.equal(status, 422, JSON.stringify(json))
  return (json as { detail: unknown }).detail
}

test('health - the short form is exactly this, the long one says what runs', async (t, adapter) => {
  const house = await openHouse(t)
  const short = await house.get('/api/health')
  assert.equal(short.text, '{"status":"ok"}')
  assert.equal(short.headers.get('content-type'), 'application/json')
  const long = await house.get('/health')
  assert.match(long.text, /^\{"status":"ok","uptime_seconds":\d+\.\d,"active_sessions":0,/)
  const { uptime_seconds, ...rest } = long.json as Record<string, unknown>
  assert.ok(typeof uptime_seconds === 'number')
  assert.deepEqual(rest, {
    status: 'ok',
    active_sessions: 0,
    agent: { kind: 'demo', version: null, problem: null },
    services: { sessions: 'up', history: 'up', scheduler: 'up', memory: 'up', metrics: 'up', reports: 'up' },
    adapter,
  })
})

test('health - says which services are down, still with 200', async (t) => {
  const house = await openHouse(t, { without: ['sessions', 'history'] })
  assert.equal((await house.get('/api/health')).text, '{"status":"ok"}')
  const { status, json } = await house.get('/health')
  const { services, active_sessions } = json as Record<string, unknown>
  assert.deepEqual(
    [status, active_sessions, services],
    [200, 0, { sessions: 'down', history: 'down', scheduler: 'up', memory: 'up', metrics: 'up', reports: 'up' }],
  )
})

test('send - answers with the end of the turn and the chat as it was sent', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(`you said ${turn.message}`) })
  const { status, text } = await house.post('/api/gateway/send', {
    chat_id: '-100123',
    message: 'nul \0 你好 😀',
    bot_id: 'my_bot',
    extra: 1,
  })
  assert.equal(status, 200)
  assert.equal(text, '{"response":"you said nul \\u0000 你好 😀","session_key":"-100123"}')
  assert.equal(house.sessions.turns[0]?.bot_id, 'my_bot')
})

test('send - half a surrogate pair becomes a replacement character', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(turn.message) })
  const { json } = await house.post('/api/gateway/send', '{"chat_id":"1","message":"lone \\ud800 pair \\ud83d\\ude00"}')
  assert.deepEqual(json, { response: 'lone \uFFFD pair 😀', session_key: '1' })
})

test('send - a message of 20 MB passes', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(String(turn.message.length)) })
  const { json } = await house.post('/api/gateway/send', { chat_id: '1', message: 'x'.repeat(20_000_000) })
  assert.deepEqual(json, { response: '20000000', session_key: '1' })
})

test('send - one key is one turn, and without a key every request is one', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(turn.message) })
  const body = { chat_id: '1', message: 'yes' }
  await house.post('/api/gateway/send', body, { 'idempotency-key': 'k1' })
  await house.post('/api/gateway/send', body, { 'idempotency-key': 'k1' })
  assert.equal(house.sessions.turns.length, 1)
  assert.equal(house.sessions.turns[0]?.key, 'k1')
  await house.post('/api/gateway/send', body)
  await house.post('/api/gateway/send', body)
  assert.equal(house.sessions.turns.length, 3)
  assert.equal(house.sessions.turns[2]?.key, undefined)
})

test('send - a key that is too long is said to be the header', async (t) => {
  const house = await openHouse(t)
  const { status, json } = await house.post(
    '/api/gateway/send',
    { chat_id: '1', message: 'x' },
    { 'idempotency-key': 'k'.repeat(300) },
  )
  assert.equal(status, 422)
  assert.deepEqual(
    (json as { detail: { loc: unknown; type: unknown }[] }).detail.map(({ loc, type }) => [loc, type]),
    [[['header', 'idempotency_key'], 'string_too_long']],
  )
})

test('validation - bad bodies are told as the predecessor told them', async (t) => {
  const house = await openHouse(t)
  const chat = (detail: object, input: unknown) => [{ ...detail, loc: ['body', 'chat_id'], input }]
  assert.deepEqual(await faults(house, { message: 'x' }), chat(MISSING, { message: 'x' }))
  assert.deepEqual(await faults(house, {}), [
    { ...MISSING, loc: ['body', 'chat_id'], input: {} },
    { ...MISSING, loc: ['body', 'message'], input: {} },
  ])
  for (const body of [undefined, '', ' ', 'null'])
    assert.deepEqual(await faults(house, body), [{ ...MISSING, loc: ['body'], input: null }])
  assert.deepEqual(await faults(house, '[]'), [{ ...NO_OBJECT, loc: ['body'], input: [] }])
  assert.deepEqual(await faults(house, '"str"'), [{ ...NO_OBJECT, loc: ['body'], input: 'str' }])
  assert.deepEqual(await faults(house, { chat_id: 5, message: 'x' }), chat(NO_STRING, 5))
  assert.deepEqual(await faults(house, { chat_id: '5', message: null }), [
    { ...NO_STRING, loc: ['body', 'message'], input: null },
  ])
  assert.deepEqual(await faults(house, { chat_id: true, message: ['x'], bot_id: {}, user_id: 7 }), [
    { ...NO_STRING, loc: ['body', 'chat_id'], input: true },
    { ...NO_STRING, loc: ['body', 'message'], input: ['x'] },
    { ...NO_STRING, loc: ['body', 'bot_id'], input: {} },
    { ...NO_STRING, loc: ['body', 'user_id'], input: 7 },
  ])
  assert.equal(house.sessions.turns.length, 0)
})

test('validation - a body that is no JSON is told where', async (t) => {
  const house = await openHouse(t)
  const at = (position: number, error: string) => [
    { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {}, ctx: { error } },
  ]
  assert.deepEqual(await faults(house, '{bad'), at(1, "Expected property name or '}'"))
  assert.deepEqual(await faults(house, '{"chat_id":"1"'), at(14, "Expected ',' or '}' after property value"))
  assert.deepEqual(await faults(house, '{"chat_id":NaN}'), at(0, "Unexpected token 'N'"))
  assert.deepEqual(await faults(house, Buffer.from([0xff, 0xfe, 0x7b, 0x7d])), at(0, 'The body is not UTF-8'))
})

test('validation - query values are turned into what the contract asks for', async (t) => {
  const house = await openHouse(t)
  for (const content of ['a', 'b', 'c']) await house.post('/api/chat/messages', { session_id: 's1', role: 'user', content })
  const contents = async (query: string): Promise<unknown> => {
    const { status, json } = await house.get(`/api/chat/sessions/s1?limit=${query}`)
    return status === 200 ? (json as { content: string }[]).map(({ content }) => content) : (json as { detail: unknown }).detail
  }
  assert.deepEqual(await contents('2'), ['b', 'c'])
  assert.deepEqual(await contents('1.0'), ['c'])
  assert.deepEqual(await contents('%201%20'), ['c'])
  assert.deepEqual(await contents('0'), ['a', 'b', 'c'])
  assert.deepEqual(await contents('-1'), [
    {
      type: 'greater_than_equal',
      msg: 'Input should be greater than or equal to 0',
      ctx: { ge: 0 },
      loc: ['query', 'limit'],
      input: '-1',
    },
  ])
  for (const text of ['abc', '', '1.5']) {
    assert.deepEqual(await contents(text), [
      {
        type: 'int_parsing',
        msg: 'Input should be a valid integer, unable to parse string as an integer',
        loc: ['query', 'limit'],
        input: text,
      },
    ])
  }
  assert.equal((await house.get(`/api/chat/sessions/s1?limit=${'9'.repeat(30)}`)).status, 422)
})

test('chat - lists, reads and stores in the predecessor\u2019s shapes', async (t) => {
  const house = await openHouse(t)
  assert.deepEqual((await house.get('/api/chat/sessions')).json, [])
  assert.deepEqual((await house.get('/api/chat/sessions/nope')).json, { detail: 'Session not found' })
  assert.equal((await house.get('/api/chat/sessions/nope')).status, 404)
  const stored = await house.post('/api/chat/messages', {
    session_id: 's 1/é',
    role: 'user',
    content: 'x',
    telegram_chat_id: '12',
  })
  assert.deepEqual([stored.status, stored.text], [201, '{"id":1}'])
  const { json } = await house.get(`/api/chat/sessions/${encodeURIComponent('s 1/é')}`)
  const [{ created_at, ...row }] = json as [{ created_at: string }]
  assert.match(created_at, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
  assert.deepEqual(row, {
    id: 1,
    session_id: 's 1/é',
    role: 'user',
    content: 'x',
    source: 'telegram',
    telegram_chat_id: 12,
    user_id: null,
    username: null,
    bot_id: 'default',
    turn_id: null,
  })
  assert.deepEqual((await house.get('/api/chat/sessions?bot_id=')).json, [
    { session_id: 's 1/é', bot_id: 'default', started_at: created_at, last_message_at: created_at, message_count: 1 },
  ])
  assert.deepEqual((await house.get('/api/chat/sessions?bot_id=none')).json, [])
})

test('chat - a role or a number that cannot be is told', async (t) => {
  const house = await openHouse(t)
  const post = (given: object) => faults(house, { session_id: 's1', role: 'user', content: 'x', ...given }, '/api/chat/messages')
  assert.deepEqual(await post({ role: 'system' }), [
    {
      type: 'literal_error',
      msg: "Input should be 'user' or 'assistant'",
      ctx: { expected: "'user' or 'assistant'" },
      loc: ['body', 'role'],
      input: 'system',
    },
  ])
  assert.deepEqual(await post({ telegram_chat_id: 'abc' }), [
    {
      type: 'int_parsing',
      msg: 'Input should be a valid integer, unable to parse string as an integer',
      loc: ['body', 'telegram_chat_id'],
      input: 'abc',
    },
  ])
  assert.deepEqual(await post({ telegram_chat_id: 1.5 }), [
    {
      type: 'int_from_float',
      msg: 'Input should be a valid integer, got a number with a fractional part',
      loc: ['body', 'telegram_chat_id'],
      input: 1.5,
    },
  ])
  assert.deepEqual(await post({ session_id: '' }), [
    {
      type: 'string_too_short',
      msg: 'String should have at least 1 character',
      ctx: { min_length: 1 },
      loc: ['body', 'session_id'],
      input: '',
    },
  ])
})

test('reset - takes the bot from the body, else from the query, else the default', async (t) => {
  const house = await openHouse(t)
  const reset = async (query: string, body?: unknown): Promise<unknown> =>
    ((await house.post(`/api/gateway/sessions/300/reset${query}`, body)).json as { bot_id: string }).bot_id
  assert.equal((await house.post('/api/gateway/sessions/300/reset')).text, '{"reset":true,"chat_id":"300","bot_id":"default"}')
  assert.equal(await reset('', { bot_id: 'botB' }), 'botB')
  assert.equal(await reset('?bot_id=botC'), 'botC')
  assert.equal(await reset('?bot_id=botC', { bot_id: 'botB' }), 'botB')
  assert.equal(await reset('?bot_id=botC', {}), 'botC')
  assert.equal(await reset('?bot_id=botC', 'null'), 'botC')
  assert.deepEqual(await faults(house, { bot_id: 5 }, '/api/gateway/sessions/300/reset'), [
    { ...NO_STRING, loc: ['body', 'bot_id'], input: 5 },
  ])
})

test('sessions - stop, list, interrupt and reap answer as the contract says', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('') })
  await house.post('/api/gateway/send', { chat_id: '300', message: 'x' })
  assert.equal(((await house.get('/api/gateway/sessions')).json as unknown[]).length, 1)
  assert.deepEqual((await house.get('/api/gateway/sessions?bot_id=')).json, [])
  assert.deepEqual((await house.get('/api/gateway/sessions?bot_id=nobody')).json, [])
  assert.equal((await house.post('/api/gateway/stop', { chat_id: '300' })).text, '{"stopped":true}')
  assert.equal((await house.post('/api/gateway/stop', { chat_id: '300' })).text, '{"stopped":false}')
  assert.equal((await house.post('/api/gateway/interrupt', { chat_id: '300' })).text, '{"interrupted":false}')
  for (const body of [undefined, {}]) {
    assert.equal((await house.post('/api/gateway/sessions/reap', body)).text, '{"reaped":[],"count":0}')
  }
  const id = house.sessions.turns[0]?.turn_id
  assert.equal(((await house.get(`/api/gateway/turns/${id}`)).json as { state: string }).state, 'answered')
  assert.deepEqual((await house.get('/api/gateway/turns/0b6b5dcb-24b5-4d4b-a7b2-111111111111')).json, {
    detail: 'Turn not found',
  })
})

test('routes - what is unknown is 404, a wrong method 405, a trailing slash a redirect', async (t) => {
  const house = await openHouse(t)
  for (const target of [
    '/',
    '/nope',
    '/API/HEALTH',
    '/api/gateway/send-by-post',
    '/api/chat/nothing?q=x',
    '/api/gateway/nobody',
  ]) {
    const { status, json } = await house.get(target)
    assert.deepEqual([status, json], [404, { detail: 'Not Found' }], target)
  }
  for (const [method, target, allow] of [
    ['POST', '/api/health', 'GET'],
    ['HEAD', '/api/health', 'GET'],
    ['OPTIONS', '/health', 'GET'],
    ['GET', '/api/gateway/send', 'POST'],
    ['DELETE', '/api/chat/sessions/x', 'GET'],
  ] as const) {
    const response = await fetch(house.url + target, { method })
    assert.deepEqual(
      [response.status, response.headers.get('allow'), response.headers.get('content-length')],
      [405, allow, '31'],
      target,
    )
    assert.equal(await response.text(), method === 'HEAD' ? '' : '{"detail":"Method Not Allowed"}')
  }
  for (const [target, location] of [
    ['/api/health/', '/api/health'],
    ['/api/gateway/send/?a=%20b', '/api/gateway/send?a=%20b'],
    ['/api/chat/sessions/s1/', '/api/chat/sessions/s1'],
  ] as const) {
    const { status, headers, text } = await house.post(target, { chat_id: '1', message: 'x' })
    assert.deepEqual([status, headers.get('location'), text], [307, house.url + location, ''])
  }
})

const CRAFTED = [
  '..',
  '.',
  '/',
  '../x',
  '/etc/passwd',
  'a/b',
  'a\0b',
  '\0',
  'x'.repeat(10_000),
  '',
  'a..b',
  '.hidden',
  'a b',
  '²',
  'a\nb',
  'a\\b',
  '~',
  '-x/..',
]

test('identifiers - crafted ones are refused wherever they stand, and touch nothing', async (t) => {
  const house = await openHouse(t)
  for (const id of CRAFTED) {
    const coded = encodeURIComponent(id).replaceAll('.', '%2E')
    const answers = [
      ...(await Promise.all(
        ['send', 'send-stream', 'stop', 'interrupt'].flatMap((verb) => [
          house.post(`/api/gateway/${verb}`, { chat_id: id, message: 'x' }),
          house.post(`/api/gateway/${verb}`, { chat_id: '1', bot_id: id, message: 'x' }),
        ]),
      )),
      await house.post(`/api/gateway/sessions/1/reset?bot_id=${coded}`),
      await house.post('/api/gateway/sessions/1/reset', { bot_id: id }),
    ]
    // By hand, since fetch would tidy up the path.
    const raw = openRaw(
      t,
      house.edge.port,
      `POST /api/gateway/sessions/${coded}/reset HTTP/1.1\r\nHost: 127.0.0.1:${house.edge.port}\r\nContent-Length: 0\r\n\r\n`,
    )
    await eventually(() => raw.text().includes('}'))
    assert.match(raw.text(), /^HTTP\/1\.1 422 /, `${JSON.stringify(id.slice(0, 20))} in the path`)
    assert.ok(raw.text().includes('"loc":["path","chat_id"]'))
    for (const { status, text } of answers) {
      assert.equal(status, 422, JSON.stringify(id.slice(0, 20)))
      assert.ok(text.length < 1_000, 'a long id is not repeated in full')
    }
  }
  for (const target of ['/api/gateway/sessions/../reset', '/api/gateway/sessions//reset', '/api/gateway/sessions/%ff/reset']) {
    const raw = openRaw(
      t,
      house.edge.port,
      `POST ${target} HTTP/1.1\r\nHost: 127.0.0.1:${house.edge.port}\r\nContent-Length: 0\r\n\r\n`,
    )
    await eventually(() => raw.text().includes('}'))
    assert.match(raw.text(), /^HTTP\/1\.1 422 /, target)
  }
  assert.equal((await house.get('/api/gateway/turns/..%2Fx')).status, 422)
  assert.equal((await house.get('/api/gateway/turns/')).status, 307, 'the list is meant')
  assert.equal((await house.get('/api/gateway/sessions')).text, '[]')
  assert.equal(house.sessions.turns.length, 0)
  for (const verb of ['send', 'stop', 'interrupt', 'reset'])
    assert.equal(house.sessions.calls[verb], undefined, `${verb} was reached`)
})

test('log - one line a request, with route and status and without a word of it', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('SECRET answer') })
  await house.post('/api/gateway/send', { chat_id: '1', message: 'SECRET question' })
  await house.get('/api/chat/sessions/SECRET?limit=SECRET')
  await eventually(() => house.lines.length === 2)
  const [sent, read] = house.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual([sent?.method, sent?.route, sent?.status], ['POST', 'POST /api/gateway/send', 200])
  assert.deepEqual([read?.method, read?.route, read?.status], ['GET', 'GET /api/chat/sessions/{session_id}', 422])
  assert.match(String(sent?.call_id), /^[0-9a-f-]{36}$/)
  assert.ok(!house.lines.join().includes('SECRET'))
})
