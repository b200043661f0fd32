/**
 * The loop guard with everything real but the model: the edge, sessions, the Claude CLI in each chat, and the MCP server that
 * the CLI starts, to which sessions tell through the agent's environment in whose turn it is.
 */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { openRig } from '../crash/rig.ts'
import { realClaudeOrSkip } from '../fakes/claude-cli.ts'
import { openToolModel } from '../fakes/tool-model.ts'
import { freePort } from '../free-port.ts'
import { checkLeaks, ready, startModule, tempDir } from '../harness.ts'
import { mcpMain } from './client.ts'

checkLeaks()

/** `pass on: b c.` makes the agent send `pass on: c.` to the chat b, and so on. */
const choose = (message: string) => {
  const [next, ...rest] = /pass on: ([\w ]*)\./.exec(message)?.[1]?.trim().split(/\s+/) ?? []
  if (!next) return undefined
  return {
    name: 'mcp__switchboard__send_gateway_message',
    input: { chat_id: next, message: `pass on: ${rest.join(' ')}.` },
  }
}

/** What the chats say, and which of them had a turn, eldest first. Undefined where the CLI cannot be had. */
const pass = async (t: TestContext, chats: string) => {
  const claude = await realClaudeOrSkip(t)
  if (claude === null) return undefined
  const model = await openToolModel(t, choose)
  const port = await freePort()
  const home = tempDir(t)
  const config_dir = path.join(home, 'claude')
  mkdirSync(config_dir, { recursive: true })
  const server = { command: process.execPath, args: [mcpMain], env: { MCB_API_BASE: `http://127.0.0.1:${port}/api` } }
  writeFileSync(path.join(config_dir, '.claude.json'), JSON.stringify({ mcpServers: { switchboard: server } }))
  const agentEnv = claude.env({ api_url: model.url, config_dir })
  const rig = await openRig(t, 'real', { ...agentEnv, CLAUDE_PERMISSION_MODE: 'bypassPermissions' }, home)
  if (rig === null) return undefined
  const edge = startModule(t, 'gateway-edge/main.ts', { ...rig.env, GATEWAY_PORT: String(port) })
  await ready(edge)
  const [first = '', ...rest] = chats.split(' ')
  const turn = await rig.ended(await rig.ask(`pass on: ${rest.join(' ')}.`, first))
  const turns = rig.query<{ chat_id: string; chain: string | null }>('SELECT chat_id, chain FROM turns ORDER BY seq')
  return { reply: turn.reply ?? '', chats: turns.map(({ chat_id }) => chat_id), chains: turns.map(({ chain }) => chain) }
}

test('mcp chats - a chat that writes to itself is told so at once, and nothing waits for ever', async (t) => {
  const found = await pass(t, 'a a')
  if (found === undefined) return
  assert.match(found.reply, /default\/a is the chat that you are answering/)
  assert.deepEqual(found.chats, ['a'])
})

test('mcp chats - back to a chat that waits is refused', async (t) => {
  const found = await pass(t, 'a b a')
  if (found === undefined) return
  assert.match(found.reply, /default\/a waits for your answer already/)
  assert.deepEqual(
    [found.chats, found.chains],
    [
      ['a', 'b'],
      [null, 'default/a'],
    ],
  )
})

test('mcp chats - five deep stops behind the third message', async (t) => {
  const found = await pass(t, 'a b c d e')
  if (found === undefined) return
  assert.match(found.reply, /3 messages led to this one/)
  assert.deepEqual(found.chats, ['a', 'b', 'c', 'd'])
  assert.equal(found.chains.at(-1), 'default/a,default/b,default/c')
})
