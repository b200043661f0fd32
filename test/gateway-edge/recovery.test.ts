import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeTurn } from '../fakes/fake-sessions.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse, openRaw, postOf, readAsGo } from './house.ts'

checkLeaks()

const MESSAGE = { chat_id: '1', message: 'hello' }

test('recovery - sessions ends and comes back in mid-stream again and again: no event is lost or doubled', async (t) => {
  const house = await openHouse(t, { wait_ms: 2_000 })
  let shown = ''
  const streams = Array.from({ length: 5 }, (_, index) =>
    readAsGo(house.url, { chat_id: String(index), message: 'x' }, (text) => {
      if (index === 0) shown = text
    }),
  )
  await eventually(() => house.sessions.turns.length === 5)
  let said = ''
  const speak = async (pieces: number): Promise<void> => {
    for (let piece = 0; piece < pieces; piece += 1) {
      said += `${said.length} `
      for (const turn of house.sessions.turns) turn.text(said.slice(said.lastIndexOf(' ', said.length - 2) + 1))
      if (piece % 10 === 0) await sleep(1)
    }
  }
  await speak(100)
  await eventually(() => shown !== '')
  for (let round = 0; round < 3; round += 1) {
    await house.killSessions()
    await speak(50)
    await house.startSessions()
    await speak(50)
    await eventually(() => shown === said, { timeout_ms: 20_000 })
  }
  for (const turn of house.sessions.turns) turn.end('done')
  for (const { answer, lines } of await Promise.all(streams)) {
    assert.equal(answer, 'done')
    const texts = lines
      .filter((line) => line.includes('"text"'))
      .map((line) => (JSON.parse(line.slice(6)) as { content: string }).content)
    assert.equal(texts.join(''), said)
  }
})

test('recovery - a message sent while sessions is away is taken once when it comes back', async (t) => {
  const house = await openHouse(t, { without: ['sessions'], onTurn: (turn) => turn.end('answered') })
  const sent = [house.post('/api/gateway/send', MESSAGE), house.post('/api/gateway/send', { ...MESSAGE, chat_id: '2' })]
  const streamed = readAsGo(house.url, { ...MESSAGE, chat_id: '3' })
  await sleep(300)
  await house.startSessions()
  for (const { status, json } of await Promise.all(sent))
    assert.deepEqual([status, (json as { response: string }).response], [200, 'answered'])
  assert.equal((await streamed).answer, 'answered')
  assert.equal(house.sessions.turns.length, 3)
})

test('recovery - when sessions stays away a message is refused, and a stream asks to be sent again', async (t) => {
  const house = await openHouse(t, { give_up_ms: 300, wait_ms: 100 })
  const stream = readAsGo(house.url, MESSAGE)
  const waiting = house.post('/api/gateway/send', { ...MESSAGE, chat_id: '2' })
  await eventually(() => house.sessions.turns.length === 2 && house.edge.followed === 2)
  await house.killSessions()
  assert.match((await stream).error ?? '', /not running/)
  const { status, json } = await waiting
  assert.equal(status, 503)
  assert.match((json as { detail: string }).detail, /not running/)
  await eventually(() => house.edge.followed === 0)
})

test('recovery - of a turn whose events are no longer kept the end is told', async (t) => {
  const house = await openHouse(t, {
    onTurn: (turn) => {
      turn.text('long ')
      turn.end('long ago')
    },
  })
  const body = { ...MESSAGE, idempotency_key: randomUUID() }
  assert.equal((await readAsGo(house.url, body)).answer, 'long ago')
  house.sessions.forgetLogs()
  assert.equal((await readAsGo(house.url, body)).answer, 'long ago')
  assert.deepEqual((await house.post('/api/gateway/send', body)).json, { response: 'long ago', session_key: '1' })
  assert.equal(house.sessions.turns.length, 1)
})

/** 100 MB in pieces of 10 KB. */
const pour = (turn: FakeTurn): void => {
  const piece = 'x'.repeat(10_000)
  for (let count = 0; count < 10_000; count += 1) turn.say({ type: 'text', content: piece })
}

test('slow client - nothing is pulled for it that it does not take, others are not held up, and it is cut off', async (t) => {
  const house = await openHouse(t)
  const body = { ...MESSAGE, idempotency_key: 'same' }
  const slow = openRaw(t, house.edge.port, postOf('/api/gateway/send-stream', body, house.edge.port))
  slow.socket.pause()
  const turn = (await eventually(() => house.sessions.turns[0])) as FakeTurn
  pour(turn)
  const pulled = await eventually(
    async () => {
      const before = house.sessions.handedOut
      await sleep(500)
      return house.sessions.handedOut === before ? before : null
    },
    { timeout_ms: 30_000 },
  )
  // What the kernel takes on loopback, and a batch or two: a few MB of the 100.
  assert.ok(pulled < 2_000, `${pulled} events were pulled for a client that reads nothing`)
  await sleep(500)
  assert.equal(house.sessions.handedOut, pulled, 'more was pulled while nothing was read')

  let length = 0
  const fast = readAsGo(house.url, body, (text) => (length = text.length))
  await eventually(() => length === 100_000_000, { timeout_ms: 60_000 })
  turn.end('all of it')
  assert.equal((await fast).answer, 'all of it')
  await eventually(() => house.edge.followed === 0, { timeout_ms: 30_000 })
  slow.socket.resume()
  await slow.over
  assert.ok(!slow.text().includes('"done"'))
})

test('slow client - one that reads in its own time gets all of it', async (t) => {
  const house = await openHouse(t)
  const raw = openRaw(t, house.edge.port, postOf('/api/gateway/send-stream', MESSAGE, house.edge.port))
  raw.socket.pause()
  const turn = (await eventually(() => house.sessions.turns[0])) as FakeTurn
  const piece = 'y'.repeat(50_000)
  for (let count = 0; count < 400; count += 1) turn.text(piece)
  turn.end('the end')
  await sleep(500)
  for (let step = 0; step < 5; step += 1) {
    raw.socket.resume()
    await sleep(5)
    raw.socket.pause()
    await sleep(100)
  }
  raw.socket.resume()
  await eventually(() => raw.text().endsWith('0\r\n\r\n'), { timeout_ms: 30_000, every_ms: 200 })
  assert.equal(raw.text().split(piece).length - 1, 400)
  assert.ok(raw.text().includes('{"type":"done","content":"the end"}'))
})
