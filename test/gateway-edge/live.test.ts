/** Calls over a WebSocket. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { BATCH_MAX } from '../../gateway-edge/live/json-rpc.ts'
import { OWN_METHODS } from '../../gateway-edge/live/own-methods.ts'
import { table } from '../../protocol/contract.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse } from './house.ts'
import { type Answer, connect, type RpcFailure } from './live-client.ts'

checkLeaks()

const rpc = (id: unknown, method: string, params?: unknown): string => JSON.stringify({ jsonrpc: '2.0', id, method, params })

const codeOf = (answer: unknown): unknown => (answer as Answer).error?.code

test('live - every row of the contract that shows itself here is a method, and no other', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('') })
  const client = await connect(t, house.edge.port)
  assert.ok(table.some(({ ws }) => ws === true) && table.some(({ ws }) => ws !== true))
  for (const row of table) {
    const { error } = await client.ask(row.name, {})
    assert.equal(error?.code === -32_601, row.ws !== true, row.name)
  }
  for (const name of Object.keys(OWN_METHODS)) assert.notEqual((await client.ask(name)).error?.code, -32_601, name)
  for (const name of ['', 'sessions', 'send', 'sessions.', 'sessions.toString', '__proto__', 'constructor', 'SESSIONS.SEND'])
    assert.equal((await client.ask(name)).error?.code, -32_601, name)
})

test('live - a message is sent once for each key, and without a key every call is one', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const message = { chat_id: '1', message: 'lone \ud800 pair 😀', idempotency_key: 'k' }
  const first = await client.call('sessions.send', { ...message, response: { response_id: randomUUID(), edge: 'mine' } })
  const second = await client.call('sessions.send', message)
  const [turn] = house.sessions.turns
  assert.deepEqual(first, { turn_id: turn?.turn_id, attached: false })
  assert.deepEqual(second, { turn_id: turn?.turn_id, attached: true })
  assert.equal(turn?.message, 'lone \uFFFD pair 😀')
  await client.call('sessions.send', { chat_id: '1', message: 'yes' })
  await client.call('sessions.send', { chat_id: '1', message: 'yes' })
  assert.equal(house.sessions.turns.length, 3)
  assert.match(house.sessions.turns[2]?.key ?? '', /^[0-9a-f-]{36}$/, 'the edge made a key')
  assert.deepEqual(house.sessions.responses, [], 'what a client says of responses is not believed')
})

test('live - a message sent while sessions is away is taken once when it comes back', async (t) => {
  const house = await openHouse(t, { without: ['sessions'] })
  const client = await connect(t, house.edge.port)
  const sent = client.call('sessions.send', { chat_id: '1', message: 'x' })
  assert.equal(await client.call('ping'), 'pong', 'nothing else waits for it')
  await house.startSessions()
  assert.equal((await sent).turn_id, house.sessions.turns[0]?.turn_id)
  assert.equal(house.sessions.turns.length, 1)
})

test('live - when sessions stays away the client is told, with the key under which it may go on', async (t) => {
  const house = await openHouse(t, { without: ['sessions'], give_up_ms: 100 })
  const client = await connect(t, house.edge.port)
  const { error } = await client.ask('sessions.send', { chat_id: '1', message: 'x' })
  const { idempotency_key, ...rest } = (error?.data ?? {}) as Record<string, unknown>
  assert.deepEqual([error?.code, rest], [-32_000, { code: 'unavailable', retry: 'later' }])
  await house.startSessions()
  await client.call('sessions.send', { chat_id: '1', message: 'x', idempotency_key })
  assert.equal(house.sessions.turns[0]?.key, idempotency_key)
})

test('live - calls run side by side and are answered as they end', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const { turn_id } = await client.call('sessions.send', { chat_id: '1', message: 'x' })
  const polls = Array.from({ length: 3 }, () => client.call('sessions.events', { turn_id, wait_ms: 20_000 }))
  await eventually(() => house.sessions.waiting === 3)
  assert.deepEqual(await client.call('history.list_sessions'), [])
  assert.equal(((await client.call('sessions.turn', { turn_id })) as { message: string }).message, 'x')
  house.sessions.turns[0]?.text('a')
  for (const { events } of await Promise.all(polls)) assert.equal((events as unknown[]).length, 1)
})

test('live - the sixty-fifth call at one time is refused, and room is made by an answer', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const { turn_id } = await client.call('sessions.send', { chat_id: '1', message: 'x' })
  const polls = Array.from({ length: 64 }, () => client.call('sessions.events', { turn_id, wait_ms: 20_000 }))
  await eventually(() => house.sessions.waiting === 64)
  const { error } = await client.ask('sessions.turn', { turn_id })
  assert.deepEqual([error?.code, error?.data], [-32_000, { code: 'busy', retry: 'later' }])
  assert.equal(await client.call('ping'), 'pong')
  house.sessions.turns[0]?.text('a')
  await Promise.all(polls)
  await client.call('sessions.turn', { turn_id })
})

test('live - faults of the input are invalid parameters with every issue; other errors say when to try again', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const wrong = (await client.ask('sessions.send', { chat_id: 5 })).error as RpcFailure
  assert.deepEqual(
    [wrong.code, wrong.data?.code, wrong.data?.issues?.map(({ path }) => path)],
    [-32_602, 'invalid_input', [['chat_id'], ['message']]],
  )
  for (const id of ['..', '../x', 'a/b', '', 'x'.repeat(10_000), 'a\0b'])
    assert.equal((await client.ask('sessions.send', { chat_id: id, message: 'x' })).error?.code, -32_602)
  assert.equal((await client.ask('sessions.send', ['1', 'x'])).error?.code, -32_602, 'by position')
  assert.equal((await client.ask('turns.follow', { turn_id: 'x' })).error?.data?.issues?.length, 1)
  assert.equal((await client.ask('topics.subscribe', { topics: ['nope'] })).error?.code, -32_602)
  const missing = (await client.ask('sessions.turn', { turn_id: randomUUID() })).error
  assert.deepEqual(missing, { code: -32_000, message: 'Turn not found', data: { code: 'not_found', retry: 'never' } })
  assert.equal(house.sessions.turns.length, 0)
})

test('live - what is no call is answered as the specification says', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  for (const [text, code, id] of [
    ['', -32_700, null],
    ['{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32_700, null],
    ['{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32_600, null],
    ['1', -32_600, null],
    ['null', -32_600, null],
    ['[]', -32_600, null],
    [JSON.stringify(Array(BATCH_MAX + 1).fill(1)), -32_600, null],
    ['{"id":1,"method":"ping"}', -32_600, 1],
    ['{"jsonrpc":"2.0","id":2}', -32_600, 2],
    ['{"jsonrpc":"2.0","id":3,"method":"ping","params":"x"}', -32_600, 3],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32_600, null],
    [`{"jsonrpc":"2.0","id":"${'x'.repeat(201)}","method":"ping"}`, -32_600, null],
  ] as const) {
    const [answer] = await client.say(text)
    assert.deepEqual([codeOf(answer), (answer as Answer).id], [code, id], text.slice(0, 50))
  }
  assert.deepEqual(await client.say(rpc(null, 'ping')), [{ jsonrpc: '2.0', id: null, result: 'pong' }])
  assert.deepEqual(await client.say(rpc(1.5, 'ping')), [{ jsonrpc: '2.0', id: 1.5, result: 'pong' }])
  assert.deepEqual(
    await client.say('{"jsonrpc":"2.0","id":4,"method":"ping","params":[]}').then((all) => all.map(codeOf)),
    [-32_602],
  )
})

test('live - a batch is answered by a list, without the notifications in it; notifications alone by nothing', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const call = (id: unknown, method: string, params?: unknown) => ({ jsonrpc: '2.0', id, method, params })
  const [answers] = await client.say(
    JSON.stringify([
      call(1, 'ping'),
      call(undefined, 'sessions.send', { chat_id: '1', message: 'unanswered' }),
      { foo: 'boo' },
      call('2', 'foo.get', { name: 'myself' }),
      1,
      call(3, 'history.list_sessions'),
      call(undefined, 'sessions.send', {}),
    ]),
  )
  assert.deepEqual(
    (answers as Answer[]).map(({ id, result, error }) => [id, result ?? error?.code]),
    [
      [1, 'pong'],
      [null, -32_600],
      ['2', -32_601],
      [null, -32_600],
      [3, []],
    ],
  )
  assert.equal(house.sessions.turns[0]?.message, 'unanswered')
  client.socket.send(JSON.stringify([call(undefined, 'ping'), call(undefined, 'nope'), call(undefined, 'ping', [1])]))
  client.socket.send(JSON.stringify(call(undefined, 'nope')))
  const before = client.came.length
  await client.call('ping')
  assert.equal(client.came.length, before + 1)
})

test('live - a call can be taken back, and an id serves one call at a time', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const { turn_id } = await client.call('sessions.send', { chat_id: '1', message: 'x' })
  client.socket.send(rpc(7, 'sessions.events', { turn_id, wait_ms: 20_000 }))
  await eventually(() => house.sessions.waiting === 1)
  assert.equal(codeOf((await client.say(rpc(7, 'sessions.turn', { turn_id })))[0]), -32_600)
  assert.deepEqual(await client.call('rpc.cancel', { id: 8 }), { cancelled: false })
  assert.deepEqual(await client.call('rpc.cancel', { id: 7 }), { cancelled: true })
  await eventually(() => house.sessions.waiting === 0)
  const answer = await eventually(() => (client.came as Answer[]).find(({ id, error }) => id === 7 && error?.code === -32_000))
  assert.equal(answer.error?.data?.code, 'cancelled')
})

test('live - a send that is taken back is answered at once, with its key', async (t) => {
  const house = await openHouse(t, { without: ['sessions'] })
  const client = await connect(t, house.edge.port)
  client.socket.send(rpc(1, 'sessions.send', { chat_id: '1', message: 'x', idempotency_key: 'mine' }))
  await eventually(async () => (await client.call('rpc.cancel', { id: 1 })).cancelled)
  const { error } = await eventually(() => (client.came as Answer[]).find(({ id }) => id === 1))
  assert.deepEqual(error?.data, { code: 'cancelled', retry: 'never', idempotency_key: 'mine' })
})

test('live - only chats and users that may speak are heard', async (t) => {
  const house = await openHouse(t, { access: { chats: ['1'], users: ['u'] } })
  const client = await connect(t, house.edge.port)
  const send = async (params: object): Promise<unknown> =>
    (await client.ask('sessions.send', { chat_id: '1', user_id: 'u', message: 'x', ...params })).error?.data?.code
  assert.equal(await send({}), undefined)
  assert.equal(await send({ chat_id: '2' }), 'forbidden')
  assert.equal(await send({ user_id: 'v' }), 'forbidden')
  assert.equal((await client.ask('sessions.stop', { chat_id: '2' })).error?.data?.code, 'forbidden')
  assert.equal(house.sessions.turns.length, 1)
})

test('live - the log has a line for each call, without a word of it', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  await client.call('sessions.send', { chat_id: '1', message: 'SECRET' })
  await client.ask('sessions.send', { chat_id: 'SECRET/', message: 'SECRET' })
  const lines = house.lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ method }) => method !== 'GET')
  assert.deepEqual(
    lines.map(({ method, code }) => [method, code]),
    [
      ['sessions.send', 'ok'],
      ['sessions.send', 'invalid_input'],
    ],
  )
  assert.ok(!house.lines.join().includes('SECRET'))
})
