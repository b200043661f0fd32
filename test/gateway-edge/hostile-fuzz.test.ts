import assert from 'node:assert/strict'
import { OWN_ROUTES } from '../../gateway-edge/http/own-routes.ts'
import { table } from '../../protocol/contract.ts'
import { checkLeaks, type Scope } from '../harness.ts'
import fc from '../property.ts'
import { test } from './each-adapter.ts'
import { type House, openHouse, openRaw } from './house.ts'

checkLeaks()

/** The seed of a failure stands in its message; this one makes runs repeatable. */
const SEED = 20_260_101
const RUNS = 600

const ROUTES = [...table.flatMap((row) => (row.http ?? []).map(({ route }) => route)), ...Object.keys(OWN_ROUTES)]
const FIELDS = [
  'chat_id',
  'bot_id',
  'message',
  'user_id',
  'session_id',
  'limit',
  'turn_id',
  'after',
  'wait_ms',
  'role',
  'content',
  'token',
]

const latin = (max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: max })

/** What may stand in a request line or a header without ending it. */
const inLine = (max: number): fc.Arbitrary<string> => latin(max).map((text) => text.replace(/[\r\n]/g, ''))

const segment = fc.oneof(
  inLine(20).map((text) => text.replaceAll(' ', '+')),
  fc.constantFrom('..', '%00', '%2e%2e%2f', '%', '%ff', '1', ''),
)

const target = fc.oneof(
  fc
    .constantFrom(...ROUTES)
    .chain((route) =>
      fc
        .array(segment, { minLength: 2, maxLength: 2 })
        .map(([one = '', query = '']) => `${(route.split(' ')[1] ?? '').replace(/\{\w+\}/g, one)}?${query}`),
    ),
  fc.array(segment, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`),
)

const value = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"1"', 'null', '1e999', '-0', '"\\ud800"'),
)

const json = fc
  .array(fc.tuple(fc.constantFrom(...FIELDS, '__proto__', 'constructor', ''), value), { maxLength: 8 })
  .map((pairs) => `{${pairs.map(([name, one]) => `${JSON.stringify(name)}:${one}`).join(',')}}`)

const body = fc.oneof(
  json.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)

const header = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      'content-type',
      'origin',
      'authorization',
      'cookie',
      'last-event-id',
      'idempotency-key',
      'accept',
      'expect',
      'range',
      'upgrade',
      'connection',
      'sec-fetch-site',
      'te',
      'x',
    ),
    fc.string({ unit: fc.constantFrom(...'abcXYZ-_019'), minLength: 1, maxLength: 20 }),
  ),
  inLine(60),
)

const method = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('GET', 'POST') },
  { weight: 1, arbitrary: fc.constantFrom('PUT', 'HEAD', 'DELETE', 'OPTIONS', 'get', 'QUERY', 'X Y', '') },
)

/** Nothing but HTTP of ours comes back: an answer with a status below 500 (or one that says what is not spoken), or an end. */
const check = async (t: Scope, house: House, bytes: Buffer): Promise<void> => {
  const connection = openRaw(t, house.edge.port, '')
  const { socket } = connection
  socket.write(bytes)
  // No more comes, so a server that waits for the rest gives up.
  socket.end('\r\n')
  await Promise.race([connection.over, new Promise<void>((resolve) => socket.once('data', () => resolve()))])
  const text = connection.text()
  socket.destroy()
  if (text === '') return
  assert.match(text, /^HTTP\/1\.1 (1\d\d|2\d\d|3\d\d|4\d\d|501|503|505) /, text.slice(0, 300))
  assert.doesNotMatch(text, /node_modules|\.ts:|\.js:|at \w+ \(/, 'no stack leaves the house')
}

const open = (t: Scope): Promise<House> => openHouse(t, { onTurn: (turn) => turn.end('ok') })

const runAll = async <T>(t: Scope, house: House, arbitrary: fc.Arbitrary<T>, toBytes: (given: T) => Buffer): Promise<void> => {
  await fc.assert(
    fc.asyncProperty(arbitrary, (given) => check(t, house, toBytes(given))),
    { seed: SEED, numRuns: RUNS },
  )
  assert.equal((await house.get('/api/health')).text, '{"status":"ok"}')
  const sent = await house.post('/api/gateway/send', { chat_id: '1', message: 'still here' })
  assert.deepEqual(sent.json, { response: 'ok', session_key: '1' })
  for (const line of house.lines) assert.doesNotMatch(line, /"A request failed"/, line)
  for (const turn of house.sessions.turns) {
    assert.match(turn.chat_id, /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/)
    assert.match(turn.bot_id, /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/)
  }
}

test('fuzz - whatever the request line, headers and body are, it is answered or ended, and nothing breaks', async (t) => {
  const house = await open(t)
  const request = fc.tuple(method, target, fc.array(header, { maxLength: 8 }), body)
  await runAll(t, house, request, ([verb, path, headers, content]) => {
    const lines = headers.map(([field, one]) => `${field}: ${one}\r\n`).join('')
    const head = `${verb} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${house.edge.port}\r\n${lines}Content-Length: ${content.length}\r\n\r\n`
    return Buffer.concat([Buffer.from(head, 'latin1'), content])
  })
})

test('fuzz - whatever JSON comes, in whatever fields, is answered', async (t) => {
  const house = await open(t)
  const posts = ROUTES.filter((route) => route.startsWith('POST ')).map((route) => route.slice(5).replace('{chat_id}', '1'))
  await runAll(t, house, fc.tuple(fc.constantFrom(...posts), body), ([path, content]) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${house.edge.port}\r\nContent-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n`
    return Buffer.concat([Buffer.from(head), content])
  })
})

test('fuzz - bytes that are no HTTP at all end the connection and nothing else', async (t) => {
  const house = await open(t)
  await runAll(t, house, fc.uint8Array({ minLength: 1, maxLength: 500 }), (bytes) => Buffer.from(bytes))
})
