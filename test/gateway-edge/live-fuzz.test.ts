/** Anything may be said over a WebSocket: each text gets the answers that JSON-RPC asks for, and the edge lives. */
import assert from 'node:assert/strict'
import { OWN_METHODS } from '../../gateway-edge/live/own-methods.ts'
import { table } from '../../protocol/contract.ts'
import { checkLeaks } from '../harness.ts'
import fc from '../property.ts'
import { test } from './each-adapter.ts'
import { openHouse } from './house.ts'
import { type Answer, connect } from './live-client.ts'

checkLeaks()

/** The seed of a failure stands in its message; this one makes runs repeatable. */
const SEED = 20_260_102

const METHODS = [...table.map(({ name }) => name), ...Object.keys(OWN_METHODS), '__proto__', '']
const FIELDS = [
  'chat_id',
  'bot_id',
  'message',
  'turn_id',
  'after',
  'session_id',
  'subscription',
  'topics',
  'id',
  'limit',
  'role',
  'content',
  '__proto__',
]

const params = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...FIELDS), fc.jsonValue()))
const request = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, { weight: 1, arbitrary: fc.jsonValue() }),
    id: fc.oneof(fc.integer(), fc.string({ maxLength: 20 }), fc.constant(null), fc.jsonValue()),
    method: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...METHODS) }, { weight: 1, arbitrary: fc.jsonValue() }),
    params,
  },
  { requiredKeys: [] },
)
const frame = fc.oneof(
  request.map((value) => JSON.stringify(value)),
  fc.array(request, { maxLength: 5 }).map((batch) => JSON.stringify(batch)),
  fc.json(),
  fc.string({ maxLength: 200 }),
)

const isAnswer = (value: unknown): boolean => {
  const answer = value as Partial<Answer> & { jsonrpc?: unknown }
  const hasOne = Object.hasOwn(answer, 'result') !== Object.hasOwn(answer, 'error')
  return (
    answer.jsonrpc === '2.0' && Object.hasOwn(answer, 'id') && hasOne && (!answer.error || Number.isInteger(answer.error.code))
  )
}

test('live-fuzz - whatever is said, what comes back is JSON-RPC, and the connection still answers', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('') })
  const client = await connect(t, house.edge.port)
  let seen = 0
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 8 }), async (frames) => {
      for (const text of frames) client.socket.send(text)
      assert.equal((await client.ask('ping')).result, 'pong')
      for (const message of client.came.slice(seen)) {
        const all = Array.isArray(message) ? message : [message]
        for (const one of all) assert.ok('method' in (one as object) || isAnswer(one), JSON.stringify(one).slice(0, 300))
      }
      seen = client.came.length
    }),
    { numRuns: 150, seed: SEED },
  )
  assert.equal((await house.get('/api/health')).status, 200)
})
