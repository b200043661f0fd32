/** Coming back to a turn: by event id, or by sending the message again. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { FakeTurn } from '../fakes/fake-sessions.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse, readAsGo } from './house.ts'

checkLeaks()

interface Message {
  readonly id: string | undefined
  readonly data: Readonly<Record<string, unknown>>
}

/** The messages of an event stream, comments left out. */
const messagesOf = (text: string): Message[] =>
  text
    .split('\n\n')
    .filter((block) => block.includes('data: '))
    .map((block) => {
      const lines = block.split('\n')
      const value = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      return { id: value('id'), data: JSON.parse(value('data') ?? '{}') }
    })

const play = (turn: FakeTurn): void => {
  turn.say({ type: 'tool_use', tool_use_id: 't', name: 'Bash', input: '{}' })
  turn.text('a', 'b', 'c')
  turn.end('abc')
}

test('resume - a stream names its turn first, and each event by its id', async (t) => {
  const house = await openHouse(t, { onTurn: play })
  const answer = await house.post('/api/gateway/send-stream', { chat_id: '1', message: 'x' })
  const [turn] = house.sessions.turns
  assert.equal(answer.headers.get('x-turn-id'), turn?.turn_id)
  const messages = messagesOf(answer.text)
  assert.deepEqual(messages[0], { id: undefined, data: { type: 'turn', turn_id: turn?.turn_id } })
  assert.deepEqual(
    messages.slice(1).map(({ data }) => [data.type, data.content]),
    [
      ['text', 'a'],
      ['text', 'b'],
      ['text', 'c'],
      ['done', 'abc'],
    ],
  )
  assert.equal(
    messages.slice(1).every(({ id }) => /^\d+\.\d+\.\d+$/.test(id ?? '')),
    true,
  )
  const sent = await house.post('/api/gateway/send', { chat_id: '1', message: 'y' })
  assert.equal(sent.headers.get('x-turn-id'), house.sessions.turns[1]?.turn_id)
})

test('resume - from any event on, exactly what lies behind it comes', async (t) => {
  const house = await openHouse(t, { onTurn: play })
  await house.post('/api/gateway/send', { chat_id: '1', message: 'x' })
  const path = `/api/gateway/turns/${house.sessions.turns[0]?.turn_id}/events`
  const all = messagesOf((await house.get(path)).text).slice(1)
  assert.deepEqual(
    all.map(({ data }) => data.type),
    ['queued', 'tool_use', 'text', 'text', 'text', 'done'].slice(-all.length),
  )
  assert.equal(all.at(-1)?.data.state, 'answered')
  for (const [index, { id }] of all.slice(0, -1).entries()) {
    const rest = messagesOf((await house.get(path, { 'last-event-id': id ?? '' })).text).slice(1)
    assert.deepEqual(rest, all.slice(index + 1))
    assert.deepEqual(messagesOf((await house.get(`${path}?after=${id}`)).text).slice(1), rest)
  }
  const nothing = await house.get(path, { 'last-event-id': all.at(-1)?.id ?? '' })
  assert.deepEqual([nothing.status, nothing.text], [204, ''])
})

test('resume - a client that comes back while the turn goes on misses nothing', async (t) => {
  const house = await openHouse(t)
  const controller = new AbortController()
  const body = JSON.stringify({ chat_id: '1', message: 'x' })
  const response = await fetch(`${house.url}/api/gateway/send-stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: controller.signal,
  })
  const turn = (await eventually(() => house.sessions.turns[0])) as FakeTurn
  turn.text('one ', 'two ')
  let seen = ''
  const reader = (response.body as unknown as ReadableStream<Uint8Array>).getReader()
  while (!seen.includes('two')) seen += Buffer.from((await reader.read()).value ?? []).toString()
  controller.abort()
  const last = messagesOf(seen).at(-1)?.id ?? ''
  turn.text('three ')
  const resumed = house.get(`/api/gateway/turns/${turn.turn_id}/events`, { 'last-event-id': last })
  await eventually(() => house.sessions.waiting > 0)
  turn.text('four')
  turn.end('one two three four')
  const rest = messagesOf((await resumed).text).slice(1)
  assert.deepEqual(
    rest.map(({ data }) => data.content),
    ['three ', 'four', 'one two three four'],
  )
})

test('resume - what cannot be followed is refused in words', async (t) => {
  const house = await openHouse(t, { onTurn: play })
  assert.equal((await house.get(`/api/gateway/turns/${randomUUID()}/events`)).status, 404)
  assert.equal((await house.get(`/api/gateway/turns/${randomUUID()}`)).status, 404)
  assert.equal((await house.get('/api/gateway/turns/..%2F..%2Fetc/events')).status, 422)
  await house.post('/api/gateway/send', { chat_id: '1', message: 'x' })
  const path = `/api/gateway/turns/${house.sessions.turns[0]?.turn_id}/events`
  const bad = await house.get(path, { 'last-event-id': 'x'.repeat(5_000) })
  assert.equal(bad.status, 422)
  assert.deepEqual((bad.json as { detail: { loc: unknown }[] }).detail[0]?.loc, ['header', 'after'])
})

test('re-send - sessions is told of a response and how it ended', async (t) => {
  const house = await openHouse(t)
  const done = readAsGo(house.url, { chat_id: '1', message: 'x' })
  const turn = (await eventually(() => house.sessions.turns[0])) as FakeTurn
  turn.text('a')
  turn.end('a')
  await done
  await eventually(() => house.sessions.responses.length === 1)
  assert.equal(house.sessions.responses[0]?.completed, true)

  const controller = new AbortController()
  const body = JSON.stringify({ chat_id: '1', message: 'y' })
  const cut = fetch(`${house.url}/api/gateway/send`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: controller.signal,
  })
  await eventually(() => house.sessions.waiting > 0)
  controller.abort()
  await assert.rejects(cut)
  await eventually(() => house.sessions.responses.length === 2)
  assert.equal(house.sessions.responses[1]?.completed, false)
})

test('re-send - a stream that asks to be sent again was not completed, and sessions knows before the repeat comes', async (t) => {
  const known: number[] = []
  const house = await openHouse(t, { give_up_ms: 300, wait_ms: 100, onTurn: () => known.push(house.sessions.responses.length) })
  const stream = readAsGo(house.url, { chat_id: '1', message: 'x' })
  await eventually(() => house.edge.followed === 1)
  await house.killSessions()
  assert.match((await stream).error ?? '', /not running/)
  await house.startSessions()
  const repeat = readAsGo(house.url, { chat_id: '1', message: 'x' })
  const turn = (await eventually(() => house.sessions.turns[1])) as FakeTurn
  // Once or twice: the wire repeats the first telling by itself when sessions is back.
  assert.ok(known[0] === 0 && (known[1] ?? 0) >= 1)
  assert.equal(house.sessions.responses[0]?.completed, false)
  turn.end('a')
  await repeat
})

test('re-send - closing the edge breaks its responses, and sessions hears of it', async (t) => {
  const house = await openHouse(t)
  const cut = readAsGo(house.url, { chat_id: '1', message: 'x' })
  await eventually(() => house.sessions.waiting > 0)
  await house.edge.drain()
  assert.match((await cut).error ?? '', /^broken|empty/)
  assert.deepEqual(
    house.sessions.responses.map(({ completed }) => completed),
    [false],
  )
})

test('re-send - a client with a key of its own is known by it, and what it says of responses is not believed', async (t) => {
  const house = await openHouse(t, { onTurn: play })
  const message = { chat_id: '1', message: 'x', response: { response_id: randomUUID(), edge: 'mine' } }
  const keyed = { 'idempotency-key': 'k1' }
  const first = await house.post('/api/gateway/send', message, keyed)
  const second = await house.post('/api/gateway/send', message, keyed)
  assert.equal(first.headers.get('x-turn-id'), second.headers.get('x-turn-id'))
  assert.deepEqual(house.sessions.responses, [])
})
