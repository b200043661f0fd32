/**
 * The loop guard end to end, with agents that do nothing but pass a message on: each turn has an MCP server of its own, in the
 * place of that chat, with the file of its turn, as sessions gives them to an agent.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { request as ask, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { CHAIN_HEADER } from '../../protocol/chain.ts'
import type { FakeTurn } from '../fakes/fake-sessions.ts'
import { type House, openHouse } from '../gateway-edge/house.ts'
import { checkLeaks, type Scope, tempDir } from '../harness.ts'
import { openClient, textsOf } from './client.ts'

checkLeaks()

/** An API in front of the house that remembers which chain came with which key. */
const openRemembering = async (t: Scope, house: () => House): Promise<{ api_base: string; chainOf(key: string): string }> => {
  const chains = new Map<string, string>()
  const server = createServer((request, response) => {
    const { host: _host, ...headers } = request.headers
    const key = headers['idempotency-key']
    if (typeof key === 'string') chains.set(key, String(headers[CHAIN_HEADER] ?? ''))
    const onward = ask(`${house().url}${request.url}`, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    api_base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    chainOf: (key) => chains.get(key) ?? '',
  }
}

/** A message `b c d` to the chat a: its agent sends `c d` to b, and so on; each answers with its name around what it got. */
const pass = async (t: Scope, tool: string, chats: string): Promise<{ answer: string; turns: string[] }> => {
  const folder = tempDir(t)
  const play = async (turn: FakeTurn): Promise<void> => {
    const [next, ...rest] = turn.message.split(' ').filter(Boolean)
    if (next === undefined) return turn.end(turn.chat_id)
    const file = path.join(folder, `${turn.turn_id}.json`)
    writeFileSync(file, JSON.stringify({ chain: remembering.chainOf(turn.key ?? '') }))
    const place = { SWITCHBOARD_CHAT: `${turn.bot_id}/${turn.chat_id}`, SWITCHBOARD_TURN_FILE: file }
    const { call } = await openClient(t, { MCB_API_BASE: remembering.api_base, ...place })
    const result = await call(tool, { chat_id: next, message: rest.join(' ') })
    turn.end(`${turn.chat_id}(${textsOf(result).join('')})`)
  }
  const house = await openHouse(t, {
    onTurn: (turn) => void play(turn).catch((error: Error) => turn.end(String(error), 'failed')),
  })
  const remembering = await openRemembering(t, () => house)
  const [first = '', ...rest] = chats.split(' ')
  const person = await openClient(t, { MCB_API_BASE: remembering.api_base })
  const result = await person.call('send_gateway_message', { chat_id: first, message: rest.join(' ') })
  return { answer: textsOf(result).join(''), turns: house.sessions.turns.map((turn) => turn.chat_id) }
}

test('mcp loops - a chat that writes to itself is told so at once', async (t) => {
  const { answer, turns } = await pass(t, 'send_gateway_message', 'a a')
  assert.match(answer, /default\/a is the chat that you are answering/)
  assert.deepEqual(turns, ['a'])
})

test('mcp loops - a chat that writes back to one that waits for it is told so at once', async (t) => {
  const { answer, turns } = await pass(t, 'send_gateway_message', 'a b a')
  assert.match(answer, /default\/a waits for your answer already \(default\/a → default\/b\)/)
  assert.deepEqual(turns, ['a', 'b'])
})

test('mcp loops - three messages deep goes through, the fourth does not', async (t) => {
  const through = await pass(t, 'send_gateway_message', 'a b c d')
  assert.deepEqual(through.turns, ['a', 'b', 'c', 'd'])
  assert.doesNotMatch(through.answer, /error/)
  const stopped = await pass(t, 'send_gateway_message', 'a b c d e')
  assert.deepEqual(stopped.turns, ['a', 'b', 'c', 'd'])
  assert.match(stopped.answer, /3 messages led to this one .*default\/a → default\/b → default\/c → default\/d/)
})
