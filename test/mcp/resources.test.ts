/** Resources and prompts, over a real edge and the real history. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHouse } from '../gateway-edge/house.ts'
import { checkLeaks } from '../harness.ts'
import { openClient } from './client.ts'

checkLeaks()

test('mcp resources - chats are listed in pages and read as text, the newest messages of a long one', async (t) => {
  const house = await openHouse(t)
  const say = (session_id: string, content: string) => house.post('/api/chat/messages', { session_id, role: 'user', content })
  for (let n = 0; n < 101; n += 1) await say(`gw-default-${n}`, 'hi')
  for (let n = 1; n < 250; n += 1) await say('gw-default-long', `message ${n}.`)
  const { client } = await openClient(t, { MCB_API_BASE: `${house.url}/api` })
  const first = await client.listResources()
  assert.equal(first.resources.length, 100)
  const second = await client.listResources({ cursor: first.nextCursor })
  const chats = [...first.resources, ...second.resources].filter(({ uri }) => uri.startsWith('chat://'))
  assert.equal(new Set(chats.map(({ uri }) => uri)).size, 102)
  assert.ok(chats.some(({ uri }) => uri === 'chat://gw-default-long'))

  const { contents } = await client.readResource({ uri: 'chat://gw-default-long' })
  const text = (contents[0] as { text: string }).text
  assert.match(text, /^# gw-default-long\n\nOnly the newest 200 messages\.\n\n\*\*user\*\* \(.* UTC\)\n\nmessage 50\./)
  assert.match(text, /message 249\.$/)
  const whole = await client.readResource({ uri: 'chat://gw-default-1' })
  assert.doesNotMatch((whole.contents[0] as { text: string }).text, /Only the newest/)
})

test('mcp resources - what is not there, not known or not an address is an error with a reason', async (t) => {
  const house = await openHouse(t)
  const { client } = await openClient(t, { MCB_API_BASE: `${house.url}/api` })
  const read = (uri: string) => client.readResource({ uri })
  await assert.rejects(read('chat://gw-default-none'), /404/)
  await assert.rejects(read('chat://..%2F..%2Fhealth'), /404/)
  await assert.rejects(read('chat://%E0%A4%A'), /well-formed/)
  await assert.rejects(read('file:///etc/passwd'), /no resource/)
  assert.deepEqual((await client.listResources({ cursor: 'nonsense' })).resources, [])
  const { resourceTemplates } = await client.listResourceTemplates()
  assert.ok(resourceTemplates.some(({ uriTemplate }) => uriTemplate === 'chat://{session_id}'))
})

test('mcp resources - a service that is down is left out of the list at once, and told when it is read', async (t) => {
  const house = await openHouse(t, { without: ['history'] })
  const { client, stderr } = await openClient(t, { MCB_API_BASE: `${house.url}/api`, MCB_MCP_TIMEOUT: '20' })
  const began = performance.now()
  assert.deepEqual((await client.listResources()).resources, [])
  assert.ok(performance.now() - began < 10_000, 'it is not waited for as for a tool')
  assert.match(stderr(), /The list of resources is not whole/)
  await assert.rejects(client.readResource({ uri: 'chat://gw-default-1' }), /503|Timed out/)
})

test('mcp prompts - name tools that are there, take arguments, and miss what is missing', async (t) => {
  const { client } = await openClient(t, {})
  const { prompts } = await client.listPrompts()
  const tools = new Set((await client.listTools()).tools.map(({ name }) => name))
  assert.ok(prompts.some(({ name }) => name === 'summarise_chat'))
  for (const { name, arguments: wanted = [] } of prompts) {
    const given = Object.fromEntries(wanted.map((argument) => [argument.name, 'xyz']))
    const { messages } = await client.getPrompt({ name, arguments: given })
    const [message] = messages
    assert.ok(message)
    const { text } = message.content as { text: string }
    if (wanted.length > 0) assert.match(text, /xyz/)
    for (const [tool] of text.matchAll(/\b[a-z]+_[a-z]+(_[a-z]+)*\b/g))
      assert.ok(tools.has(tool) || ['job_type', 'session_id'].includes(tool), `${name} names ${tool}`)
  }
  await assert.rejects(client.getPrompt({ name: 'ask_chat', arguments: { chat_id: '1' } }), /question is missing/)
  await assert.rejects(client.getPrompt({ name: 'none' }), /There is no prompt none/)
})
