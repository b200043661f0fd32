/** Turns and topics over a WebSocket. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeTurn } from '../fakes/fake-sessions.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse } from './house.ts'
import { connect, type LiveClient, type Told, textsOf } from './live-client.ts'

checkLeaks()

interface EventTold {
  readonly subscription: string
  readonly event: { readonly id: string; readonly type: string; readonly content?: string }
}

const eventsOf = (client: LiveClient, subscription: unknown): EventTold['event'][] =>
  (client.told('turn.event').map(({ params }) => params) as unknown as EventTold[])
    .filter((params) => params.subscription === subscription)
    .map(({ event }) => event)

const ended = (client: LiveClient, subscription: unknown): Told | undefined =>
  client.told().find(({ method, params }) => method !== 'turn.event' && params.subscription === subscription)

const play = (turn: FakeTurn): void => {
  turn.say({ type: 'queued', ahead: 1 }, { type: 'running' })
  turn.text('a', 'b', 'c')
  turn.end('abc')
}

test('live follow - a message is sent and followed in one call; its answer comes before its events', async (t) => {
  const house = await openHouse(t, { onTurn: play })
  const client = await connect(t, house.edge.port)
  const { subscription, ...rest } = await client.call('sessions.send', { chat_id: '1', message: 'x', follow: true })
  const [turn] = house.sessions.turns
  assert.deepEqual(rest, { turn_id: turn?.turn_id, attached: false })
  await eventually(() => ended(client, subscription))
  assert.deepEqual(
    eventsOf(client, subscription).map(({ type, content }) => content ?? type),
    ['queued', 'running', 'a', 'b', 'c', 'abc'],
  )
  assert.deepEqual(ended(client, subscription), {
    jsonrpc: '2.0',
    method: 'turn.ended',
    params: { subscription, turn_id: turn?.turn_id },
  })
  assert.ok('id' in (client.came[0] as object), 'the answer is the first of all')
  assert.equal(house.edge.followed, 0)
})

test('live follow - from any event on, exactly what lies behind it comes; behind the last one only the end', async (t) => {
  const house = await openHouse(t, { onTurn: play })
  const client = await connect(t, house.edge.port)
  const { turn_id, subscription } = await client.call('sessions.send', { chat_id: '1', message: 'x', follow: true })
  await eventually(() => ended(client, subscription))
  const all = eventsOf(client, subscription)
  for (const [index, { id }] of all.entries()) {
    const again = await client.call('turns.follow', { turn_id, after: id })
    await eventually(() => ended(client, again.subscription))
    assert.deepEqual(eventsOf(client, again.subscription), all.slice(index + 1))
  }
})

test('live follow - a turn that is not there ends with the reason', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const { subscription } = await client.call('turns.follow', { turn_id: randomUUID() })
  const { params } = await eventually(() => ended(client, subscription))
  assert.deepEqual(params.error, { code: -32_000, message: 'Turn not found', data: { code: 'not_found', retry: 'never' } })
  assert.equal(house.edge.followed, 0)
})

test('live follow - who follows no more is told no more, and the turn goes on', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const { turn_id, subscription } = await client.call('sessions.send', { chat_id: '1', message: 'x', follow: true })
  house.sessions.turns[0]?.text('seen')
  await eventually(() => eventsOf(client, subscription).length === 1)
  assert.deepEqual(await client.call('turns.unfollow', { subscription }), { unfollowed: true })
  assert.deepEqual(await client.call('turns.unfollow', { subscription }), { unfollowed: false })
  await eventually(() => house.edge.followed === 0 && house.sessions.waiting === 0)
  house.sessions.turns[0]?.text('unseen')
  assert.equal(((await client.call('sessions.turn', { turn_id })) as { state: string }).state, 'running')
  assert.equal(client.told().length, 1)
  assert.equal(house.sessions.calls.interrupt, undefined)
})

test('live follow - a connection that ends lets go of everything', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  for (let chat = 0; chat < 10; chat += 1) await client.call('sessions.send', { chat_id: `${chat}`, message: 'x', follow: true })
  await client.call('topics.subscribe', { topics: ['sessions.turn_changed', 'history.message_recorded'] })
  const poll = { turn_id: house.sessions.turns[0]?.turn_id, wait_ms: 30_000 }
  client.socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'sessions.events', params: poll }))
  await eventually(() => house.sessions.waiting === 11)
  assert.deepEqual([house.edge.followed, house.edge.live], [10, { connections: 1, subscribed: 2 }])
  client.socket.terminate()
  await eventually(() => house.sessions.waiting === 0)
  assert.deepEqual([house.edge.followed, house.edge.live], [0, { connections: 0, subscribed: 0 }])
})

test('live follow - at most 256 turns are followed on one connection', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const { turn_id } = await client.call('sessions.send', { chat_id: '1', message: 'x', follow: true })
  for (let count = 1; count < 256; count += 1)
    client.socket.send(`{"jsonrpc":"2.0","method":"turns.follow","params":{"turn_id":"${turn_id}"}}`)
  assert.equal((await client.ask('turns.follow', { turn_id })).error?.data?.code, 'busy')
  assert.equal((await client.ask('sessions.send', { chat_id: '1', message: 'x', follow: true })).error?.data?.code, 'busy')
  assert.equal(house.sessions.turns.length, 1, 'nothing was sent for the one that was refused')
  house.sessions.turns[0]?.end('done')
  await eventually(() => client.told('turn.ended').length === 256)
  await client.call('turns.follow', { turn_id })
})

test('live follow - a hundred connections follow one turn through one puller, and each sees all of it', async (t) => {
  const house = await openHouse(t)
  const clients = await Promise.all(Array.from({ length: 100 }, () => connect(t, house.edge.port)))
  const sent = await Promise.all(
    clients.map((client) => client.call('sessions.send', { chat_id: '1', message: 'x', idempotency_key: 'k', follow: true })),
  )
  assert.equal(house.sessions.turns.length, 1)
  await eventually(() => house.sessions.waiting === 1)
  const words = Array.from({ length: 300 }, (_, index) => `${index} `)
  for (const word of words) {
    house.sessions.turns[0]?.text(word)
    if (word.endsWith('0 ')) await sleep(1)
  }
  house.sessions.turns[0]?.end('done')
  await eventually(() => clients.every((client, index) => ended(client, sent[index]?.subscription)))
  for (const client of clients) assert.deepEqual(textsOf(client.told('turn.event')), words)
  assert.ok(house.sessions.handedOut < 2 * 301, `${house.sessions.handedOut} events were handed out`)
  assert.equal(house.edge.followed, 0)
})

test('live follow - sessions ends and comes back in the middle: no event is lost or doubled', async (t) => {
  const house = await openHouse(t, { wait_ms: 2_000 })
  const clients = await Promise.all(Array.from({ length: 5 }, () => connect(t, house.edge.port)))
  for (const [index, client] of clients.entries())
    await client.call('sessions.send', { chat_id: `${index}`, message: 'x', follow: true })
  const words: string[] = []
  const speak = (): void => {
    for (let count = 0; count < 50; count += 1) {
      words.push(`${words.length} `)
      for (const turn of house.sessions.turns) turn.text(words.at(-1) ?? '')
    }
  }
  for (let round = 0; round < 3; round += 1) {
    speak()
    await house.killSessions()
    speak()
    await house.startSessions()
    await eventually(() => clients.every((client) => client.told('turn.event').length === words.length), { timeout_ms: 20_000 })
  }
  for (const client of clients) assert.deepEqual(textsOf(client.told('turn.event')), words)
})

test('live follow - a client that reads nothing is told that it lags, holds up nobody, and resumes without a loss', async (t) => {
  const house = await openHouse(t, { live: { lag_ms: 1_500 } })
  const slow = await connect(t, house.edge.port)
  const fast = await connect(t, house.edge.port)
  const message = { chat_id: '1', message: 'x', idempotency_key: 'k', follow: true }
  const { turn_id, subscription } = await slow.call('sessions.send', message)
  const other = await fast.call('sessions.send', message)
  await eventually(() => house.sessions.waiting === 1)
  slow.socket.pause()
  const turn = house.sessions.turns[0] as FakeTurn
  const words = Array.from({ length: 4_000 }, (_, index) => `${index} ${'x'.repeat(10_000)}`)
  turn.text(...words.slice(0, 3_000))
  await eventually(() => fast.told('turn.event').length === 3_000, { timeout_ms: 30_000 })
  // Long enough to be called slow, and for whatever more might be pulled.
  await sleep(2_500)
  turn.text(...words.slice(3_000))
  turn.end('all of it')
  await eventually(() => ended(fast, other.subscription), { timeout_ms: 30_000 })
  assert.deepEqual(textsOf(fast.told('turn.event')), words)

  slow.socket.resume()
  const last = await eventually(() => ended(slow, subscription), { timeout_ms: 30_000 })
  assert.equal(last.method, 'lagging')
  const seen = eventsOf(slow, subscription)
  assert.ok(seen.length > 0 && seen.length < 3_000, `${seen.length} events were sent`)
  assert.deepEqual(last.params, { subscription, turn_id, after: seen.at(-1)?.id })
  const again = await slow.call('turns.follow', { turn_id, after: last.params.after })
  await eventually(() => ended(slow, again.subscription), { timeout_ms: 30_000 })
  assert.equal(ended(slow, again.subscription)?.method, 'turn.ended')
  assert.deepEqual(textsOf(slow.told('turn.event')), words)
})

test('live follow - a client that reads in its own time, but reads, is not called slow', async (t) => {
  const house = await openHouse(t, { live: { lag_ms: 2_000 } })
  const client = await connect(t, house.edge.port)
  const { subscription } = await client.call('sessions.send', { chat_id: '1', message: 'x', follow: true })
  const words = Array.from({ length: 3_000 }, (_, index) => `${index} ${'x'.repeat(10_000)}`)
  house.sessions.turns[0]?.text(...words)
  house.sessions.turns[0]?.end('done')
  for (let step = 0; step < 10; step += 1) {
    client.socket.pause()
    await sleep(100)
    client.socket.resume()
    await sleep(20)
  }
  await eventually(() => ended(client, subscription), { timeout_ms: 30_000 })
  assert.equal(ended(client, subscription)?.method, 'turn.ended')
  assert.deepEqual(textsOf(client.told('turn.event')), words)
})

test('live topics - hints come to those who asked, until they ask no more', async (t) => {
  const house = await openHouse(t)
  const [one, two] = [await connect(t, house.edge.port), await connect(t, house.edge.port)]
  const changed = { turn_id: randomUUID(), bot_id: 'b', chat_id: '1', state: 'running' as const }
  const recorded = { id: 1, session_id: 's', bot_id: 'b', role: 'user' as const }
  assert.deepEqual(await one.call('topics.subscribe', { topics: ['sessions.turn_changed'] }), {
    topics: ['sessions.turn_changed'],
  })
  await two.call('topics.subscribe', { topics: ['sessions.turn_changed', 'history.message_recorded'] })
  await eventually(() => {
    house.publish.sessions.turn_changed(changed)
    house.publish.history.message_recorded(recorded)
    return one.told('topic').length > 0 && two.told('topic').length > 1
  })
  for (const { params } of one.told('topic')) assert.deepEqual([params.topic, params.payload], ['sessions.turn_changed', changed])
  const stored = two.told('topic').filter(({ params }) => params.topic === 'history.message_recorded')
  assert.deepEqual(stored[0]?.params.payload, recorded)
  assert.ok(Number.isSafeInteger(stored[0]?.params.seq))
  assert.deepEqual(await two.call('topics.unsubscribe', { topics: ['sessions.turn_changed'] }), {
    topics: ['history.message_recorded'],
  })
  const before = two.told('topic').filter(({ params }) => params.topic === 'sessions.turn_changed').length
  const others = one.told('topic').length
  house.publish.sessions.turn_changed(changed)
  await eventually(() => one.told('topic').length > others)
  await two.call('ping')
  assert.equal(two.told('topic').filter(({ params }) => params.topic === 'sessions.turn_changed').length, before)
})

test('live topics - a gap is told', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  await client.call('topics.subscribe', { topics: ['sessions.turn_changed', 'history.message_recorded'] })
  const changed = { turn_id: randomUUID(), bot_id: 'b', chat_id: '1', state: 'running' as const }
  await eventually(() => {
    house.publish.sessions.turn_changed(changed)
    return client.told('topic').length > 0
  })
  await house.killSessions()
  await house.startSessions()
  await eventually(() => client.told('topic.gap').length > 0)
  assert.deepEqual(client.told('topic.gap')[0]?.params, { topic: 'sessions.turn_changed' })
})

test('live topics - a client that reads nothing gets no heap of hints, but is told that some are missing', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  await client.call('topics.subscribe', { topics: ['history.message_recorded'] })
  client.socket.pause()
  const payload = { id: 1, session_id: 's'.repeat(100_000), bot_id: 'b', role: 'user' as const }
  for (let count = 0; count < 400; count += 1) {
    house.publish.history.message_recorded(payload)
    if (count % 10 === 0) await sleep(5)
  }
  await sleep(200)
  client.socket.resume()
  await eventually(() => client.told('topic.gap').length > 0)
  assert.ok(client.told('topic').length < 300, `${client.told('topic').length} hints came`)
})
