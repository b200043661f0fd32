/** The real Claude CLI with `--mcp-config`: it finds the tools, calls one, and gets the result; its server is in its chat. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { realClaudeOrSkip } from '../fakes/claude-cli.ts'
import { makePlace, startHost } from '../fakes/stream-json-host.ts'
import { openToolModel, type ToolUse } from '../fakes/tool-model.ts'
import { freePort } from '../free-port.ts'
import { openHouse } from '../gateway-edge/house.ts'
import { checkLeaks } from '../harness.ts'
import { mcpMain } from './client.ts'

checkLeaks()

/** One turn of the CLI in which the model calls a tool of ours. Undefined where the CLI cannot be had. */
const turnWith = async (t: TestContext, api_base: string, use: ToolUse, chat?: string) => {
  const claude = await realClaudeOrSkip(t)
  if (claude === null) return undefined
  const model = await openToolModel(t, () => use)
  const place = makePlace(t)
  const config = path.join(place.config_dir, 'mcp.json')
  const server = { command: process.execPath, args: [mcpMain], env: { MCB_API_BASE: api_base } }
  writeFileSync(config, JSON.stringify({ mcpServers: { switchboard: server } }))
  const args = [
    '--mcp-config',
    config,
    '--strict-mcp-config',
    '--setting-sources',
    'user',
    '--permission-mode',
    'bypassPermissions',
  ]
  const env = { ...claude.env({ api_url: model.url, config_dir: place.config_dir }), ...(chat && { SWITCHBOARD_CHAT: chat }) }
  const host = startHost(t, [claude.bin], { place, args: ['--session-id', randomUUID(), ...args], env })
  await host.ended(host.message('hello'))
  const init = host.lines.find((line) => line.subtype === 'init') as
    | { mcp_servers?: { name: string; status: string }[]; tools?: string[] }
    | undefined
  assert.equal(host.lines.find((line) => line.type === 'result')?.subtype, 'success', host.stderr())
  await host.close()
  return { init, results: model.results }
}

test('mcp claude - the real CLI calls a tool and gets the answer of another chat', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(`echo ${turn.message}`) })
  const use = { name: 'mcp__switchboard__send_gateway_message', input: { chat_id: '7', message: 'from claude' } }
  const found = await turnWith(t, `${house.url}/api`, use)
  if (found === undefined) return
  const [server] = found.init?.mcp_servers ?? []
  assert.deepEqual([server?.name, server?.status], ['switchboard', 'connected'])
  assert.ok(found.init?.tools?.includes('mcp__switchboard__list_chat_sessions'))
  assert.equal(house.sessions.turns[0]?.message, 'from claude')
  assert.match(found.results.join(''), /echo from claude/)
})

test('mcp claude - the server that the CLI starts knows its chat, and refuses a message to it', async (t) => {
  const house = await openHouse(t)
  const use = { name: 'mcp__switchboard__send_gateway_message', input: { chat_id: '7', message: 'to myself' } }
  const found = await turnWith(t, `${house.url}/api`, use, 'default/7')
  if (found === undefined) return
  assert.match(found.results.join(''), /default\/7 is the chat that you are answering/)
  assert.equal(house.sessions.turns.length, 0)
})

test('mcp claude - no backend: the CLI is told what to do', async (t) => {
  const use = { name: 'mcp__switchboard__list_chat_sessions', input: {} }
  const found = await turnWith(t, `http://127.0.0.1:${await freePort()}/api`, use)
  if (found === undefined) return
  assert.match(found.results.join(''), /Cannot connect to Switchboard at http:\/\/127.0.0.1:\d+\/api.*npm start/)
})
