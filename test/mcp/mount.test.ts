/** The MCP server over Streamable HTTP, for both HTTP servers. */
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { createBodyReader } from '../../gateway-edge/http/body.ts'
import { createMcpMount, type McpMount } from '../../gateway-edge/mcp/mount.ts'
import { ADAPTERS, adapterOf, test } from '../gateway-edge/each-adapter.ts'
import { type House, type HouseOptions, openHouse } from '../gateway-edge/house.ts'
import { atEnd, checkLeaks, eventually, type Scope } from '../harness.ts'
import { errorOf } from './client.ts'

checkLeaks()

const TOKEN = 'a-token-that-nobody-guesses'

/** A house, and beside it a server that answers at `/mcp` for it. */
const openMounted = async (
  t: Scope,
  options: HouseOptions & { calls_max?: number } = {},
): Promise<{ house: House; mount: McpMount; url: string }> => {
  const { calls_max, ...rest } = options
  const house = await openHouse(t, rest)
  const mount = createMcpMount({
    host: '127.0.0.1',
    port: () => house.edge.port,
    readBody: createBodyReader(),
    version: '1',
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    ...(calls_max === undefined ? {} : { calls_max }),
  })
  const server = await ADAPTERS[adapterOf(t)]({
    host: '127.0.0.1',
    port: 0,
    handle: (exchange) =>
      void mount.answer(exchange).catch((error: Error) => exchange.reply(503, {}, JSON.stringify({ detail: error.message }))),
    onFault: (error) => assert.fail(String(error)),
  })
  atEnd(t, () => server.close())
  return { house, mount, url: `http://127.0.0.1:${server.port}/mcp` }
}

const connect = async (t: Scope, url: string, headers: Record<string, string> = {}): Promise<Client> => {
  const client = new Client({ name: 'test', version: '1' })
  atEnd(t, () => client.close())
  // Its type says less of its session than the interface does with exact optional properties.
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }) as never)
  return client
}

test('mcp mount - lists and calls tools, with progress, and keeps nothing afterwards', async (t) => {
  const { house, mount, url } = await openMounted(t)
  const client = await connect(t, url)
  assert.ok((await client.listTools()).tools.length > 10)
  const told: string[] = []
  const answer = client.callTool({ name: 'send_gateway_message', arguments: { chat_id: '7', message: 'm' } }, undefined, {
    onprogress: ({ message = '' }) => told.push(message),
  })
  const turn = await eventually(() => house.sessions.turns[0])
  turn.say({ type: 'tool_use', tool_use_id: 't', name: 'Bash', input: 'ls' })
  await eventually(() => told.includes('Running Bash: ls'))
  turn.end('done 😀')
  assert.equal(((await answer).structuredContent as { response: string }).response, 'done 😀')
  await eventually(() => mount.open === 0)
})

test('mcp mount - the tools may what the client may: no token, no answer', async (t) => {
  const { url } = await openMounted(t, { access: { token: TOKEN } })
  const call = async (headers: Record<string, string>) =>
    (await (await connect(t, url, headers)).callTool({ name: 'list_gateway_sessions', arguments: {} })) as CallToolResult
  assert.match(errorOf(await call({})), /^HTTP 401/)
  assert.deepEqual(await call({ authorization: `Bearer ${TOKEN}` }), { content: [], structuredContent: { result: [] } })
})

test('mcp mount - a client that goes away leaves its turn, and nothing of itself', async (t) => {
  const { house, mount, url } = await openMounted(t)
  const client = await connect(t, url)
  const gone = assert.rejects(client.callTool({ name: 'send_gateway_message', arguments: { chat_id: '7', message: 'm' } }))
  await eventually(() => house.edge.followed === 1)
  await client.close()
  await gone
  await eventually(() => mount.open === 0 && house.edge.followed === 0)
  assert.equal(house.sessions.calls.interrupt, undefined)
})

test('mcp mount - a chain that the client shows is guarded as that of an agent', async (t) => {
  const { house, url } = await openMounted(t)
  const client = await connect(t, url, { 'x-switchboard-chain': 'default/7' })
  const call = { name: 'send_gateway_message', arguments: { chat_id: '7', message: 'm' } }
  assert.match(errorOf((await client.callTool(call)) as CallToolResult), /the chat that you are answering/)
  assert.equal(house.sessions.turns.length, 0)
})

test('mcp mount - other methods, other bodies and too many calls are refused', async (t) => {
  const { house, mount, url } = await openMounted(t, { calls_max: 2 })
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  for (const method of ['GET', 'DELETE']) assert.equal((await fetch(url, { method })).status, 405)
  const post = async (body: string, more: Record<string, string> = {}) => {
    const response = await fetch(url, { method: 'POST', headers: { ...headers, ...more }, body })
    return { status: response.status, text: await response.text() }
  }
  assert.equal((await post('{')).status, 400)
  assert.equal((await post('7')).status, 400)
  assert.equal((await post('{}', { accept: 'text/html' })).status, 406)
  assert.equal((await post('{"jsonrpc":"2.0","method":"notifications/initialized"}')).status, 202)
  const send = { name: 'send_gateway_message', arguments: { chat_id: '7', message: 'm' } }
  const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: send })
  const answers = [post(call), post(call)]
  await eventually(() => house.sessions.turns.length === 2)
  const refused = await post(call)
  assert.equal(refused.status, 503)
  assert.match(refused.text, /Too many MCP calls/)
  for (const turn of house.sessions.turns) turn.end('done')
  for (const { status, text } of await Promise.all(answers)) assert.match(`${status} ${text}`, /^200 .*data: .*done/s)
  await eventually(() => mount.open === 0)
})
