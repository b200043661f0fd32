import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { test } from '../gateway-edge/each-adapter.ts'
import { openHouse } from '../gateway-edge/house.ts'
import { checkLeaks } from '../harness.ts'

checkLeaks()
test('mcp edge - behind the guard', async (t) => {
  const token = 'a-token-that-nobody-guesses'
  const house = await openHouse(t, { access: { token }, onTurn: (turn) => turn.end('echo') })
  assert.equal((await house.post('/mcp', {})).status, 401)
  assert.equal((await house.post('/mcp', {}, { authorization: `Bearer ${token}`, origin: 'http://evil' })).status, 403)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${house.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }) as never,
  )
  const r = await client.callTool({ name: 'send_gateway_message', arguments: { chat_id: '7', message: 'm' } })
  assert.deepEqual(r.structuredContent, { response: 'echo', session_key: '7' })
  for (let i = 0; i < 200; i++) await client.callTool({ name: 'list_gateway_sessions', arguments: {} })
  await client.close()
})
