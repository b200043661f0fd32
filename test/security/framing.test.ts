/** Bytes on the edge's sockets that were never sent by an honest client, over both servers: answered or ended, and nothing else. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { VALUES_MAX } from '../../gateway-edge/json.ts'
import { test } from '../gateway-edge/each-adapter.ts'
import { type House, openHouse } from '../gateway-edge/house.ts'
import { connect } from '../gateway-edge/live-client.ts'
import { checkLeaks, eventually } from '../harness.ts'
import fc from '../property.ts'
import { ambiguous, flood, frames, HIDDEN, OUTER, UPGRADE } from './framing.ts'
import { looked } from './runs.ts'

checkLeaks()

/** How long a server may be silent that waits for more, and then is sent the end. */
const SILENCE_MS = 40
/** How long it may take where an answer must come. */
const ANSWER_MS = 20_000

interface Sending {
  readonly pieces?: number
  /** Until the first bytes come; a pause behind them is the end. */
  readonly patience_ms?: number
}

/** Sends bytes in pieces and gives back all that comes, when the server ends or has said what it has to say. */
const exchange = (port: number, bytes: Buffer, { pieces = 1, patience_ms = SILENCE_MS }: Sending = {}): Promise<string> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    const parts: Buffer[] = []
    socket.on('data', (part) => {
      parts.push(part)
      socket.setTimeout(SILENCE_MS)
    })
    socket.on('error', () => undefined)
    socket.setTimeout(patience_ms, () => socket.destroy())
    socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')))
    const size = Math.ceil(bytes.length / pieces)
    for (let from = 0; from < bytes.length; from += size) socket.write(bytes.subarray(from, from + size))
  })

const isWell = async (house: House): Promise<void> => {
  assert.equal((await house.get('/api/health')).text, '{"status":"ok"}')
  assert.equal((await house.post('/api/gateway/send', { chat_id: '1', message: 'honest' })).status, 200)
  for (const line of house.lines) assert.doesNotMatch(line, /"A request failed"/, line)
}

const statusesOf = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

test('framing - whatever a request says of its length, what hides behind it is never run', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('ok') })
  let refused = 0
  await fc.assert(
    fc.asyncProperty(ambiguous(house.edge.port), fc.integer({ min: 1, max: 3 }), async (bytes, pieces) => {
      const before = house.sessions.turns.length
      const text = await exchange(house.edge.port, bytes, { pieces })
      for (const status of statusesOf(text)) assert.ok(status < 500 || status === 501 || status === 505, text)
      refused += Number(/ (400|501|422) /.test(text))
      const begun = house.sessions.turns.slice(before).map(({ message }) => message)
      assert.ok(begun.length <= 1 && begun.every((message) => message.startsWith(OUTER)), `${JSON.stringify(begun)} of ${bytes}`)
    }),
    looked(50),
  )
  assert.ok(refused > 3, `${refused} refused`)
  assert.ok(!house.sessions.turns.some(({ message }) => message === HIDDEN))
  await isWell(house)
})

test('framing - more headers than anybody has are refused, and cost nothing that stays', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('ok') })
  await fc.assert(
    fc.asyncProperty(flood, fc.boolean(), async (head, isWhole) => {
      const ending = isWhole ? `Host: 127.0.0.1:${house.edge.port}\r\n\r\n` : ''
      const text = await exchange(house.edge.port, Buffer.from(head + ending, 'latin1'), { pieces: 2 })
      for (const status of statusesOf(text))
        assert.ok([400, 404, 414, 431, 505].includes(status), `${head.slice(0, 60)} ${head.length}: ${text.slice(0, 300)}`)
    }),
    looked(15),
  )
  await isWell(house)
})

test('framing - a body of very many values is refused before it is read, wherever JSON is taken', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('ok') })
  const dense = (values: number): string =>
    `{"jsonrpc":"2.0","id":1,"chat_id":"1","message":"[{,\\\\\\"[{,","x":[${'[],'.repeat(values)}0]}`
  const honest = await house.post('/api/gateway/send', dense(Math.floor(VALUES_MAX / 2) - 10))
  assert.equal(honest.status, 200, 'a few less')
  assert.equal(house.sessions.turns[0]?.message, '[{,\\"[{,')
  const refused = await house.post('/api/gateway/send', dense(VALUES_MAX))
  assert.equal(refused.status, 422)
  assert.match(refused.text, /More than 200000 values/)
  const tool = await house.post('/mcp', dense(VALUES_MAX), { accept: 'application/json, text/event-stream' })
  assert.equal(tool.status, 400)
  const client = await connect(t, house.edge.port)
  const [answer] = await client.say(dense(VALUES_MAX))
  assert.equal((answer as { error: { code: number } }).error.code, -32_700)
  // What a person says may be as long as it likes.
  const long = await house.post('/api/gateway/send', { chat_id: '1', message: '[{,"\\'.repeat(100_000) })
  assert.equal(long.status, 200)
  await isWell(house)
})

test('framing - frames that no client made end their connection at most, and nobody else notices', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('ok') })
  const { port } = house.edge
  const honest = await connect(t, port)
  await fc.assert(
    fc.asyncProperty(frames, async (bytes) => {
      const head = Buffer.from(`GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${UPGRADE}`)
      assert.match(await exchange(port, Buffer.concat([head, bytes]), { patience_ms: ANSWER_MS }), /^HTTP\/1\.1 (101|400) /)
      assert.equal(await honest.call('ping'), 'pong')
    }),
    looked(25),
  )
  await eventually(() => house.edge.live.connections === 1)
  assert.equal(({} as { x?: unknown }).x, undefined)
  await isWell(house)
})
