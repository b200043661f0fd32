import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { FakeTurn } from '../fakes/fake-sessions.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse, openRaw, postOf, readAsGo } from './house.ts'

checkLeaks()

const MESSAGE = { chat_id: '1', message: 'hello' }

/** The data lines behind the one that names the turn. */
const dataOf = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith('data: ')).slice(1)

/** Text that does not repeat itself, so that nothing matches by chance. */
const noise = (bytes: number): string =>
  randomBytes(Math.ceil(bytes / 2))
    .toString('hex')
    .slice(0, bytes)

test('stream - is exactly what the predecessor sent, with the turn in front, ids and comments between', async (t) => {
  const house = await openHouse(t, {
    onTurn: (turn) => {
      turn.say({ type: 'queued', ahead: 1 }, { type: 'running' }, { type: 'thinking', content: 'hmm' })
      turn.text('Grüße ', '你好 "😀"\n')
      turn.say({ type: 'tool_use', tool_use_id: 't', name: 'Bash', input: 'ls' }, { type: 'notice', content: 'x' })
      turn.end('Grüße 你好')
    },
  })
  const response = await fetch(`${house.url}/api/gateway/send-stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(MESSAGE),
  })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(response.headers.get('cache-control'), 'no-cache')
  assert.equal(response.headers.get('x-accel-buffering'), 'no')
  const text = await response.text()
  assert.equal(text.match(/^id: \d+\.\d+\.\d+\ndata: /gm)?.length, 4, 'every event has its id')
  assert.equal(
    text.replace(/^id: .*\n/gm, ''),
    `data: {"type":"turn","turn_id":"${house.sessions.turns[0]?.turn_id}"}\n\n: waiting\n\n` +
      'data: {"type":"thinking","content":"hmm"}\n\n' +
      'data: {"type":"text","content":"Grüße "}\n\n' +
      'data: {"type":"text","content":"你好 \\"😀\\"\\n"}\n\n' +
      'data: {"type":"done","content":"Grüße 你好"}\n\n',
  )
})

test('stream - the Go client is shown what `done` says', async (t) => {
  const house = await openHouse(t, {
    onTurn: (turn) => {
      turn.text('I will look. ', 'The answer.')
      turn.end('The answer.')
    },
  })
  assert.equal((await readAsGo(house.url, MESSAGE)).answer, 'The answer.')
})

test('stream - an end that is no answer is a `done` with its words', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('[BUSY] no slot', 'expired') })
  assert.equal((await readAsGo(house.url, MESSAGE)).answer, '[BUSY] no slot')
})

test('stream - an answer of 500 KB that was streamed arrives once, without `done`', async (t) => {
  const answer = noise(500_000)
  const house = await openHouse(t, {
    onTurn: (turn) => {
      for (let at = 0; at < answer.length; at += 100_000) turn.text(answer.slice(at, at + 100_000))
      turn.end(answer)
    },
  })
  const result = await readAsGo(house.url, MESSAGE)
  assert.equal(result.error, undefined)
  assert.ok(result.answer === answer)
  assert.ok(!result.lines.some((line) => line.includes('"done"')))
})

test('stream - of an answer of 500 KB only what was not streamed follows', async (t) => {
  const answer = noise(500_000)
  const house = await openHouse(t, {
    onTurn: (turn) => {
      turn.text('Let me see. ', answer.slice(0, 123_456))
      turn.end(answer)
    },
  })
  assert.ok((await readAsGo(house.url, MESSAGE)).answer === `Let me see. ${answer}`)
})

test('stream - an answer of 500 KB of which nothing was streamed arrives whole', async (t) => {
  const answer = '"\\\u0001你😀'.repeat(50_000)
  const house = await openHouse(t, { onTurn: (turn) => turn.end(answer) })
  const result = await readAsGo(house.url, MESSAGE)
  assert.ok(result.answer === answer)
  assert.ok(result.lines.every((line) => Buffer.byteLength(line) <= 65_535))
})

test('stream - after superseded text a small `done` decides, and the new text is streamed', async (t) => {
  const house = await openHouse(t, {
    onTurn: (turn) => {
      turn.text('broken off')
      turn.say({ type: 'replaced', content: 'anew ' })
      turn.text('and whole')
      turn.end('anew and whole')
    },
  })
  const result = await readAsGo(house.url, MESSAGE)
  assert.equal(result.answer, 'anew and whole')
  assert.deepEqual(
    dataOf(result.lines).map((line) => JSON.parse(line.slice(6)).content),
    ['broken off', 'anew ', 'and whole', 'anew and whole'],
  )
})

test('stream - a superseded answer that is too large ends with an excerpt that says where the rest is', async (t) => {
  const answer = '你'.repeat(100_000)
  const house = await openHouse(t, {
    onTurn: (turn) => {
      turn.text('broken off')
      turn.say({ type: 'replaced', content: answer })
      turn.end(answer)
    },
  })
  const { answer: shown = '', lines } = await readAsGo(house.url, MESSAGE)
  const [excerpt = '', advice = ''] = shown.split('\n\n')
  assert.equal(excerpt, '你'.repeat(20_000))
  assert.ok(advice.includes(`/api/gateway/turns/${house.sessions.turns[0]?.turn_id}`), advice)
  assert.ok(lines.every((line) => Buffer.byteLength(line) <= 65_535))
})

test('stream - a failure that is too large keeps its first words first', async (t) => {
  const house = await openHouse(t, {
    onTurn: (turn) => {
      turn.text('half an answer')
      turn.end(`[ERROR] ${noise(100_000)}`, 'failed')
    },
  })
  assert.match((await readAsGo(house.url, MESSAGE)).answer ?? '', /^\[ERROR] /)
})

test('stream - shows while it waits that it is alive', async (t) => {
  const house = await openHouse(t, { keep_alive_ms: 30, onTurn: (turn) => turn.say({ type: 'queued', ahead: 3 }) })
  const stream = readAsGo(house.url, MESSAGE)
  const turn = (await eventually(() => house.sessions.turns[0])) as FakeTurn
  const raw = openRaw(
    t,
    house.edge.port,
    postOf('/api/gateway/send-stream', { ...MESSAGE, idempotency_key: turn.key }, house.edge.port),
  )
  await eventually(() => raw.text().split(': waiting\n\n').length > 4)
  turn.end('at last')
  const { answer, lines } = await stream
  assert.equal(answer, 'at last')
  assert.ok(lines.filter((line) => line === ': waiting').length > 2)
})

test('stream - a bad message is refused before the stream begins', async (t) => {
  const house = await openHouse(t)
  const { status, json } = await house.post('/api/gateway/send-stream', { chat_id: '200' })
  assert.equal(status, 422)
  assert.deepEqual(json, {
    detail: [{ type: 'missing', msg: 'Field required', loc: ['body', 'message'], input: { chat_id: '200' } }],
  })
  assert.equal(house.sessions.turns.length, 0)
})

test('stream - many watch one turn through one puller, each sees all of it', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.text('first ') })
  const body = { ...MESSAGE, idempotency_key: 'same' }
  const seen: string[] = []
  const streams = Array.from({ length: 20 }, (_, index) => readAsGo(house.url, body, (text) => (seen[index] = text)))
  await eventually(() => seen.filter((text) => text === 'first ').length === 20)
  assert.equal(house.sessions.turns.length, 1)
  await eventually(() => house.sessions.waiting === 1)
  house.sessions.turns[0]?.text('second')
  await eventually(() => seen.every((text) => text === 'first second'))
  // One puller, and whoever came late asked once or twice for what was before.
  assert.ok(house.sessions.handedOut <= 2 + 20, `${house.sessions.handedOut} events were handed out`)
  house.sessions.turns[0]?.end('first second')
  assert.ok((await Promise.all(streams)).every(({ answer }) => answer === 'first second'))
  await eventually(() => house.edge.followed === 0)
})

test('stream - a client that goes away does not stop the turn, and nobody asks for its news any more', async (t) => {
  const house = await openHouse(t)
  const keyed = { ...MESSAGE, idempotency_key: 'k' }
  const raw = openRaw(t, house.edge.port, postOf('/api/gateway/send-stream', keyed, house.edge.port))
  await eventually(() => house.sessions.waiting === 1)
  raw.socket.destroy()
  await eventually(() => house.sessions.waiting === 0 && house.edge.followed === 0)
  assert.equal(house.sessions.calls.stop, undefined)
  assert.equal(house.sessions.calls.interrupt, undefined)
  const again = readAsGo(house.url, keyed)
  house.sessions.turns[0]?.end('still here')
  assert.equal((await again).answer, 'still here')
  await eventually(() => house.lines.some((line) => line.includes('"status":499')))
})

test('stream - the edge that closes breaks it without an end', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.text('some ') })
  const raw = openRaw(t, house.edge.port, postOf('/api/gateway/send-stream', MESSAGE, house.edge.port))
  const waiting = house.post('/api/gateway/send', { chat_id: '2', message: 'x' }).catch((error: unknown) => error)
  await eventually(() => raw.text().includes('some ') && house.sessions.turns.length === 2 && house.edge.followed === 2)
  await house.edge.drain()
  await raw.over
  assert.ok(!raw.text().endsWith('0\r\n\r\n'))
  assert.ok(!raw.text().includes('"done"') && !raw.text().includes('"error"'))
  assert.ok((await waiting) instanceof TypeError)
  await assert.rejects(house.get('/api/health'))
})
