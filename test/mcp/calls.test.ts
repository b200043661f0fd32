/** Tools over a real edge: results in the words of the predecessor, failures that say what to do, nothing else on standard output. */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createBackend } from '../../mcp/backend.ts'
import { freePort } from '../free-port.ts'
import { openHouse } from '../gateway-edge/house.ts'
import { checkLeaks, eventually, type Scope } from '../harness.ts'
import { errorOf, HELLO, openClient, openHand, textsOf } from './client.ts'

checkLeaks()

const TOKEN = 'a-token-that-nobody-guesses'

/** An API that answers as a test wants. */
const openApi = async (t: Scope, listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
}

test('mcp calls - an object is one text with an indent of two, a list one text for each element; both are structured, too', async (t) => {
  const house = await openHouse(t)
  const { call } = await openClient(t, { MCB_API_BASE: `${house.url}/api` })
  assert.deepEqual(await call('health_check'), {
    content: [{ type: 'text', text: '{\n  "status": "ok"\n}' }],
    structuredContent: { status: 'ok' },
  })
  assert.deepEqual(await call('list_chat_sessions', { bot_id: null }), { content: [], structuredContent: { result: [] } })
  for (const content of ['one', 'two'])
    await house.post('/api/chat/messages', { session_id: 'gw-default-7', role: 'user', content })
  const result = await call('get_chat_session', { session_id: 'gw-default-7' })
  const { json } = await house.get('/api/chat/sessions/gw-default-7')
  assert.deepEqual(
    textsOf(result),
    (json as object[]).map((line) => JSON.stringify(line, null, 2)),
  )
  assert.deepEqual(result.structuredContent, { result: json })
})

test('mcp calls - path, query and body hold what the arguments say, and null is absent', async (t) => {
  const seen: { url: string; body: string }[] = []
  const api_base = await openApi(t, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      seen.push({ url: `${request.method} ${request.url}`, body })
      response.setHeader('content-type', 'application/json')
      response.end('{"stopped":true,"reset":true,"chat_id":"","bot_id":"","status":"started"}')
    })
  })
  const { call } = await openClient(t, { MCB_API_BASE: api_base, MCB_BOT_ID: 'other' })
  await call('reset_gateway_session', { chat_id: 'a/../b?c', bot_id: null })
  await call('stop_gateway_session', { chat_id: -1001 })
  await call('send_background_message', { chat_id: '1', message: 'm', unknown: 1, user_id: 'u' })
  await call('get_gateway', {})
  assert.deepEqual(seen, [
    { url: 'POST /api/gateway/sessions/a%2F..%2Fb%3Fc/reset', body: '{}' },
    { url: 'POST /api/gateway/stop', body: '{"chat_id":"-1001"}' },
    { url: 'POST /api/gateway/send-background', body: '{"chat_id":"1","message":"m"}' },
  ])
})

test('mcp calls - failures are tool errors that say what is wrong and what to do', async (t) => {
  const house = await openHouse(t, { access: { token: TOKEN } })
  const MCB_API_BASE = `${house.url}/api`
  const stranger = await openClient(t, { MCB_API_BASE })
  assert.match(errorOf(await stranger.call('list_chat_sessions')), /^HTTP 401: .*MCB_TOKEN/)
  const { call, stderr } = await openClient(t, { MCB_API_BASE, GATEWAY_TOKEN: TOKEN })
  assert.match(errorOf(await call('get_chat_session', { session_id: 'none' })), /^HTTP 404: .*not found/i)
  assert.match(errorOf(await call('get_chat_session', {})), /^session_id: is missing/)
  assert.match(errorOf(await call('stop_gateway_session', { chat_id: '../x' })), /^HTTP 422: chat_id: .*Correct that/)
  assert.match(errorOf(await call('stop_gateway_session', {})), /^HTTP 422: chat_id: Field required/)
  assert.match(errorOf(await call('no_such_tool')), /There is no tool no_such_tool/)
  assert.equal(stderr(), '')
})

test('mcp calls - a secret is in no error: not the token, not that of a bot', async (t) => {
  const house = await openHouse(t, { access: { token: TOKEN } })
  Object.assign(house.sessions.handlers, { send_background: async () => ({ status: 'started' }) })
  const wrong = 'a-wrong-token-of-some-length'
  const port = new URL(house.url).port
  const { call, stderr } = await openClient(t, { MCB_API_BASE: `http://x:${wrong}@127.0.0.1:${port}/api` })
  const bot_token = '123:bot-secret'
  const refused = await call('send_background_message', { chat_id: '1', message: 'm', bot_token })
  const right = await openClient(t, { MCB_API_BASE: `${house.url}/api`, MCB_TOKEN: TOKEN })
  const faulty = await right.call('send_background_message', { chat_id: '../1', message: 7, bot_token: [bot_token] })
  const words = [errorOf(refused), errorOf(faulty), stderr(), right.stderr()].join('\n')
  assert.match(words, /401/)
  assert.match(words, /422/)
  for (const secret of [wrong, TOKEN, 'bot-secret']) assert.equal(words.includes(secret), false)
})

test('mcp calls - nobody there: told within the time of a restart, and it works again when the edge does', async (t) => {
  const port = await freePort()
  const { call } = await openClient(t, { MCB_API_BASE: `http://127.0.0.1:${port}/api`, MCB_MCP_TIMEOUT: '1' })
  assert.match(
    errorOf(await call('list_gateway_sessions')),
    new RegExp(`^Cannot connect to Switchboard at http://127.0.0.1:${port}/api.*npm start`),
  )
  assert.match(errorOf(await call('send_gateway_message', { chat_id: '1', message: 'm' })), /^Cannot connect/)
  await openHouse(t, { port })
  assert.deepEqual(textsOf(await call('list_gateway_sessions')), [])
})

test('mcp calls - a call during a restart waits for the edge', async (t) => {
  const port = await freePort()
  const { call } = await openClient(t, { MCB_API_BASE: `http://127.0.0.1:${port}/api` })
  const answer = call('list_gateway_sessions')
  // Also what may not be asked twice: nothing has arrived anywhere.
  const other = call('set_nirmana_mode', { chat_id: '1', action: 'away' })
  const house = await openHouse(t, { port, without: ['sessions'] })
  Object.assign(house.sessions.handlers, { set_nirmana: async () => ({ status: 'ok', message: null, briefing: null }) })
  await house.startSessions()
  assert.deepEqual(textsOf(await answer), [])
  // Sessions may have been away when the edge was asked: then it is told, and not asked again.
  const result = await other
  if (result.isError === true) assert.match(errorOf(result), /^HTTP 503: .*Look whether it was done \(get_nirmana_state\)/)
  else assert.deepEqual(result.structuredContent, { status: 'ok', message: null, briefing: null })
})

test('mcp calls - what may not be asked twice is asked once, what may is asked until it is answered', async (t) => {
  const asked: Record<string, number> = {}
  const api_base = await openApi(t, (request, response) => {
    const route = `${request.method} ${request.url}`
    asked[route] = (asked[route] ?? 0) + 1
    if ((asked[route] ?? 0) < 3) return void request.socket.destroy()
    response.setHeader('content-type', 'application/json')
    response.end('[]')
  })
  const { call } = await openClient(t, { MCB_API_BASE: api_base })
  assert.deepEqual(textsOf(await call('list_chat_sessions')), [])
  assert.match(errorOf(await call('set_nirmana_mode', { chat_id: '1', action: 'away' })), /broke off.*Look whether it was done/)
  // The second one would stop the answer after the one that was meant.
  assert.match(errorOf(await call('interrupt_gateway_session', { chat_id: '1' })), /broke off.*Look.*list_open_turns/)
  assert.deepEqual(asked, { 'GET /api/chat/sessions': 3, 'POST /api/gateway/nirmana': 1, 'POST /api/gateway/interrupt': 1 })
})

test('mcp calls - what may have been done is not to be tried again blindly; what changes nothing, or was refused at the door, is', async (t) => {
  let status = 503
  const api_base = await openApi(t, (request, response) => {
    if (status === 0) return void request.socket.destroy()
    response.writeHead(status, { 'retry-after': '60' }).end('{"detail":"Not now"}')
  })
  const { call } = await openClient(t, { MCB_API_BASE: api_base, MCB_MCP_TIMEOUT: '5', MCB_GATEWAY_TIMEOUT: '5' })
  const create = { name: 'n', cron_expression: '* * * * *', command: 'date' }
  const message = { chat_id: '7', message: 'm' }
  for (status of [502, 503, 504]) {
    assert.match(
      errorOf(await call('create_cron_job', create)),
      /Look whether it was done \(list_cron_jobs\) before you call again\.$/,
    )
    // Each call makes a key of its own: a second call is a second run, or message.
    assert.match(errorOf(await call('run_cron_job', { job_id: 1 })), /\(get_cron_job_history\) before you call again\.$/)
    assert.match(errorOf(await call('send_gateway_message', message)), /\(get_chat_session with session_id gw-default-7\) before/)
    assert.match(errorOf(await call('delete_cron_job', { job_id: 1 })), /Try again in 60 s\.$/)
    assert.match(errorOf(await call('list_cron_jobs')), /Try again in 60 s\.$/)
  }
  status = 429
  for (const [name, args] of [
    ['create_cron_job', create],
    ['send_gateway_message', message],
  ] as const)
    assert.match(errorOf(await call(name, args)), /Try again in 60 s\.$/)
})

test('mcp calls - nobody there after an attempt that may have arrived: that attempt decides what is advised', async () => {
  const server = createServer((request) => {
    server.close()
    request.socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const backend = createBackend({ api_base: `http://127.0.0.1:${port}/api`, absent_ms: 300 })
  const question = {
    method: 'POST',
    path: '/x',
    timeout_ms: 5_000,
    repeatable: true,
    doubt: { look: 'list_tasks', arrived: false },
  }
  await assert.rejects(backend.ask(question), /Cannot connect.*Look whether it was done \(list_tasks\)/)
  await assert.rejects(backend.ask(question), /Cannot connect.*Then call again\./)
})

test('mcp calls - slow, garbled, huge and busy answers are told as such', async (t) => {
  const api_base = await openApi(t, (request, response) => {
    if (request.url === '/api/health') return void response.end('<html>')
    if (request.url?.startsWith('/api/chat/sessions/huge') === true) return void response.end('x'.repeat(17 * 1_048_576))
    if (request.url?.startsWith('/api/chat/sessions/busy') === true)
      return void response.writeHead(429, { 'retry-after': '7' }).end('{"detail":"Too many requests"}')
    if (request.url?.startsWith('/api/chat/sessions/moved') === true)
      return void response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end()
    // Everything else is never answered.
  })
  const { call } = await openClient(t, { MCB_API_BASE: api_base, MCB_MCP_TIMEOUT: '0.5' })
  assert.match(
    errorOf(await call('list_chat_sessions')),
    /^Timed out: GET \/chat\/sessions gave no answer within 0.5 s.*MCB_MCP_TIMEOUT/,
  )
  const patient = await openClient(t, { MCB_API_BASE: api_base })
  assert.match(errorOf(await patient.call('health_check')), /is not Switchboard/)
  assert.match(errorOf(await patient.call('get_chat_session', { session_id: 'huge' })), /larger than 16 MB/)
  assert.match(
    errorOf(await patient.call('get_chat_session', { session_id: 'busy' })),
    /^HTTP 429: Too many requests. Try again in 7 s\./,
  )
  assert.match(errorOf(await patient.call('get_chat_session', { session_id: 'moved' })), /^HTTP 307/)
})

test('mcp calls - a meta-loop answers with its JSON as text', async (t) => {
  const seen: string[] = []
  const api_base = await openApi(t, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body}`)
      response.end('{"running":true}')
    })
  })
  const META_LOOP_BASE = api_base.replace(/\/api$/, '')
  const { call } = await openClient(t, { META_LOOP_BASE })
  const text = '{\n  "running": true\n}'
  assert.deepEqual(await call('meta_loop_status'), { content: [{ type: 'text', text }], structuredContent: { result: text } })
  await call('meta_loop_trigger')
  await call('meta_loop_signal', { source: 's', payload: 'no json' })
  await call('meta_loop_approve', { change_id: 'a/b' })
  assert.deepEqual(seen, [
    'GET /api/meta-loop/status ',
    'POST /api/meta-loop/trigger {"trigger":"manual"}',
    'POST /api/meta-loop/signal {"source":"s","priority":"normal","payload":{"raw":"no json"}}',
    'POST /api/meta-loop/approve/a%2Fb ',
  ])
  const absent = await openClient(t, { META_LOOP_BASE: `http://127.0.0.1:${await freePort()}`, MCB_MCP_TIMEOUT: '0.2' })
  assert.match(errorOf(await absent.call('meta_loop_status')), /^Cannot connect to the meta-loop/)
})

test('mcp calls - standard output holds the protocol alone, whatever goes wrong', async (t) => {
  const api_base = await openApi(t, (request) => void request.socket.destroy())
  const hand = await openHand(t, { MCB_API_BASE: api_base, MCB_MCP_TIMEOUT: '0.3', MCB_GATEWAY_TIMEOUT: '0.3' })
  hand.write('this is no JSON\n{"jsonrpc":"1.0"}\n[]\n\n')
  await hand.ask('initialize', HELLO)
  for (const name of ['list_chat_sessions', 'send_gateway_message', 'nothing'])
    await hand.ask('tools/call', { name, arguments: { chat_id: '1', message: 'm' } })
  await hand.ask('tools/call', { name: 7 })
  await hand.ask('no/such/method')
  await hand.ask('resources/list')
  await hand.ask('resources/read', { uri: 'chat://%E0%A4%A' })
  await hand.ask('prompts/get', { name: 'remember' })
  for (const message of hand.messages()) assert.equal((message as { jsonrpc?: string }).jsonrpc, '2.0')
  assert.equal(hand.process.exitCode, null)
  assert.notEqual(hand.errors(), '')
})

test('mcp calls - it ends with its client, on a signal, and with a sentence when it is set wrongly', async (t) => {
  const left = await openHand(t, {})
  await left.ask('initialize', HELLO)
  left.process.stdin.end()
  assert.deepEqual(await left.exit, { code: 0, signal: null })
  const stopped = await openHand(t, {})
  await stopped.ask('initialize', HELLO)
  stopped.process.kill('SIGTERM')
  assert.deepEqual(await stopped.exit, { code: 0, signal: null })
  const deaf = await openHand(t, {})
  await deaf.ask('initialize', HELLO)
  deaf.process.stdout.destroy()
  await eventually(() => {
    deaf.write('{"jsonrpc":"2.0","id":99,"method":"tools/list"}\n')
    return deaf.process.exitCode !== null
  })
  assert.equal((await deaf.exit).code, 0)
  const wrong = await openHand(t, { MCB_MCP_TIMEOUT: 'soon' })
  assert.deepEqual(await wrong.exit, { code: 1, signal: null })
  assert.match(wrong.errors(), /MCB_MCP_TIMEOUT: must be a number of seconds/)
  assert.equal(wrong.output(), '')
})
