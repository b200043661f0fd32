/** A message and its answer: signs of life, taking back, and connections that break. */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Progress } from '@modelcontextprotocol/sdk/types.js'
import { createBackend } from '../../mcp/backend.ts'
import { converse } from '../../mcp/conversation.ts'
import type { ToolCall } from '../../mcp/tool.ts'
import type { FakeTurn } from '../fakes/fake-sessions.ts'
import { freePort } from '../free-port.ts'
import { type House, openHouse } from '../gateway-edge/house.ts'
import { checkLeaks, eventually, type Scope } from '../harness.ts'
import { errorOf, openClient, textsOf } from './client.ts'

checkLeaks()

const toolUse = (name: string, input: string) => ({ type: 'tool_use' as const, tool_use_id: 't', name, input })

const envOf = (house: House): Record<string, string> => ({ MCB_API_BASE: `${house.url}/api` })

/** An API that takes every message and answers what follows as a test wants, and a message to it. */
const openFollowed = async (t: Scope, answer: RequestListener, options: { absent_ms?: number; away_ms?: number } = {}) => {
  const server = createServer((request, response) => {
    if (request.method === 'POST') response.writeHead(200, { 'x-turn-id': 'turn' }).end('data: {"type":"turn"}\n\n')
    else answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close())
  const backend = createBackend({ api_base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`, ...options })
  const call: ToolCall = { signal: new AbortController().signal, wasTakenBack: async () => false, progress: () => undefined }
  const deps = { backend, chain: async () => [], timeout_ms: 60_000, ...options }
  return converse(deps, { bot_id: 'b', chat_id: '7', message: 'm' }, call)
}

/** The turn of a message, once it has arrived. */
const turnOf = (house: House, message: string): Promise<FakeTurn> =>
  eventually(() => house.sessions.turns.find((turn) => turn.message === message))

test('mcp conversation - the answer is that of the turn, in the words of the predecessor', async (t) => {
  const long = `${'😀'.repeat(100_000)} end`
  const house = await openHouse(t, { onTurn: (turn) => turn.end(turn.message === 'long' ? long : `echo ${turn.message}`) })
  const { call } = await openClient(t, envOf(house))
  const result = await call('send_gateway_message', { chat_id: '7', message: 'hello\nthere' })
  assert.deepEqual(textsOf(result), ['{\n  "response": "echo hello\\nthere",\n  "session_key": "7"\n}'])
  assert.deepEqual(result.structuredContent, { response: 'echo hello\nthere', session_key: '7' })
  assert.equal(house.sessions.turns[0]?.bot_id, 'default')
  const whole = await call('send_gateway_message', { chat_id: '7', message: 'long', bot_id: 'other' })
  assert.equal(whole.structuredContent?.response, long)
})

test('mcp conversation - an end that is no answer is a tool error with its words', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('[BUSY] too much to do', 'expired') })
  const { call } = await openClient(t, envOf(house))
  const result = await call('send_gateway_message', { chat_id: '7', message: 'm' })
  assert.equal(result.isError, true)
  assert.equal(result.structuredContent?.response, '[BUSY] too much to do')
})

test('mcp conversation - progress tells the last tool and the last words, and grows', async (t) => {
  const house = await openHouse(t)
  const { call } = await openClient(t, envOf(house))
  const told: Progress[] = []
  const answer = call('send_gateway_message', { chat_id: '7', message: 'm' }, { onprogress: (progress) => told.push(progress) })
  const turn = await turnOf(house, 'm')
  const hear = (words: string) => eventually(() => told.some((progress) => progress.message?.includes(words)))
  turn.say({ type: 'queued', ahead: 2 })
  await hear('Waiting, 2 ahead')
  turn.say({ type: 'running' }, toolUse('Bash', 'npm  test\n--all'))
  await hear('Running Bash: npm test --all')
  turn.text('These are ', 'the last words')
  await hear('Writing: These are the last words')
  turn.end('done')
  await answer
  for (const [index, { progress }] of told.entries()) assert.ok(index === 0 || progress > (told[index - 1]?.progress ?? 0))
})

test('mcp conversation - a silent turn is heard of again and again', async (t) => {
  const house = await openHouse(t)
  const lines: string[] = []
  const call: ToolCall = {
    signal: new AbortController().signal,
    wasTakenBack: async () => false,
    progress: (line) => void lines.push(line),
  }
  const backend = createBackend({ api_base: `${house.url}/api` })
  const deps = { backend, chain: async () => [], timeout_ms: 60_000, sign_of_life_ms: 20 }
  const answer = converse(deps, { bot_id: 'default', chat_id: '7', message: 'm' }, call)
  const turn = await turnOf(house, 'm')
  turn.say(toolUse('Bash', 'sleep 600'))
  await eventually(() => lines.filter((line) => line === 'Running Bash: sleep 600').length > 5)
  turn.end('done')
  assert.equal((await answer).structuredContent?.response, 'done')
  const heard = lines.length
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(lines.length, heard, 'nothing is told after the end')
})

test('mcp conversation - taking the call back ends the turn that runs; only that call ends', async (t) => {
  const house = await openHouse(t)
  const { call } = await openClient(t, envOf(house))
  const other = call('send_gateway_message', { chat_id: '8', message: 'other' })
  const taking = new AbortController()
  const answer = call('send_gateway_message', { chat_id: '7', message: 'm' }, { signal: taking.signal })
  const rejected = assert.rejects(answer)
  const turn = await turnOf(house, 'm')
  await eventually(() => house.edge.followed === 2)
  taking.abort()
  await rejected
  await eventually(() => house.sessions.calls.interrupt === 1)
  turn.end('[ERROR] interrupted', 'cancelled')
  ;(await turnOf(house, 'other')).end('still here')
  assert.equal((await other).structuredContent?.response, 'still here')
  assert.equal(house.sessions.calls.interrupt, 1)
})

test('mcp conversation - a client that goes away ends no turn', async (t) => {
  const house = await openHouse(t)
  const { call, client } = await openClient(t, envOf(house))
  const gone = assert.rejects(call('send_gateway_message', { chat_id: '7', message: 'm' }))
  await turnOf(house, 'm')
  await eventually(() => house.edge.followed === 1)
  await client.close()
  await gone
  await eventually(() => house.edge.followed === 0)
  assert.equal(house.sessions.calls.interrupt, undefined)
})

test('mcp conversation - survives a restart of sessions and of the edge: one turn, the whole answer', async (t) => {
  const port = await freePort()
  const house = await openHouse(t, { port })
  const { call } = await openClient(t, envOf(house))
  const told: string[] = []
  const answer = call(
    'send_gateway_message',
    { chat_id: '7', message: 'm' },
    { onprogress: ({ message = '' }) => told.push(message) },
  )
  const turn = await turnOf(house, 'm')
  turn.say(toolUse('First', '1'))
  await eventually(() => told.includes('Running First: 1'))
  await house.killSessions()
  await house.startSessions()
  turn.say(toolUse('Second', '2'))
  await eventually(() => told.includes('Running Second: 2'))
  // Every connection breaks, and for a moment nobody listens.
  await house.edge.drain()
  house.edge.close()
  const next = await openHouse(t, { port, without: ['sessions'] })
  Object.assign(next.sessions.handlers, house.sessions.handlers)
  await next.startSessions()
  turn.say(toolUse('Third', '3'))
  await eventually(() => told.includes('Running Third: 3'))
  turn.end('the whole answer')
  assert.equal((await answer).structuredContent?.response, 'the whole answer')
  assert.equal(house.sessions.turns.length, 1)
  assert.equal(told.filter((line) => line === 'Running First: 1').length, 1, 'what was seen is not read again')
})

test('mcp conversation - a connection that breaks before its first event does not lose the place', async (t) => {
  const asked: unknown[] = []
  const bodies = [
    'id: 1.5.0\ndata: {"type":"text","content":"a"}\n\n',
    '',
    'data: {"type":"done","state":"answered","content":"a"}\n\n',
  ]
  const result = await openFollowed(t, (request, response) => {
    response.end(`data: {"type":"turn"}\n\n${bodies[asked.length]}`)
    asked.push(request.headers['last-event-id'])
  })
  assert.equal(result.structuredContent?.response, 'a')
  assert.deepEqual(asked, [undefined, '1.5.0', '1.5.0'])
})

test('mcp conversation - an answer that cannot be followed any more: the message is not to be sent again', async (t) => {
  const answer = openFollowed(t, (_, response) => void response.writeHead(503).end('{"detail":"sessions is not running"}'), {
    absent_ms: 100,
    away_ms: 100,
  })
  await assert.rejects(answer, /not running.*Look whether it was done \(get_chat_session with session_id gw-b-7\)/)
})

test('mcp conversation - sessions away when the message is sent: it runs once when they are back', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('late'), without: ['sessions'] })
  const { call } = await openClient(t, envOf(house))
  const answer = call('send_gateway_message', { chat_id: '7', message: 'm' })
  await house.startSessions()
  assert.equal((await answer).structuredContent?.response, 'late')
  assert.equal(house.sessions.turns.length, 1)
})

test('mcp conversation - a log that is no longer kept: the reply is read from the turn', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('kept') })
  house.sessions.forgetLogs()
  const { call } = await openClient(t, envOf(house))
  assert.equal((await call('send_gateway_message', { chat_id: '7', message: 'm' })).structuredContent?.response, 'kept')
})

test('mcp conversation - time is up: told where the answer will be, and the turn goes on', async (t) => {
  const house = await openHouse(t)
  const { call } = await openClient(t, { ...envOf(house), MCB_GATEWAY_TIMEOUT: '2' })
  const error = errorOf(await call('send_gateway_message', { chat_id: '7', message: 'm' }))
  assert.match(error, /^No answer within 2 s \(MCB_GATEWAY_TIMEOUT\).*gw-default-7/)
  assert.equal(house.sessions.calls.interrupt, undefined)
  assert.equal(house.sessions.turns.length, 1)
})

test('mcp conversation - fifty at once, each with its own answer', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => setTimeout(() => turn.end(`to ${turn.message}`), 20) })
  const { call } = await openClient(t, envOf(house))
  const numbers = Array.from({ length: 50 }, (_, index) => String(index))
  const answers = await Promise.all(numbers.map((n) => call('send_gateway_message', { chat_id: n, message: n })))
  assert.deepEqual(
    answers.map((result) => result.structuredContent?.response),
    numbers.map((n) => `to ${n}`),
  )
  assert.equal(house.sessions.turns.length, 50)
})
