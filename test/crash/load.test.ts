/** Under load: 20 chats stream through the edge while sessions and history are killed again and again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatMessage } from '../../protocol/history.ts'
import { openGoClient } from '../fakes/go-client.ts'
import { freePort } from '../free-port.ts'
import { checkLeaks, eventually, ready, startModule } from '../harness.ts'
import { openScriptedRig } from './rig.ts'

checkLeaks()

const CHATS = 20
const KILLS = 5

test('load - 20 chats stream while sessions and history are killed five times each', { timeout: 180_000 }, async (t) => {
  const rig = await openScriptedRig(t)
  const port = await freePort()
  const edge = startModule(t, 'gateway-edge/main.ts', { ...rig.env, GATEWAY_PORT: String(port) })
  await ready(edge)
  const client = openGoClient({ url: `http://127.0.0.1:${port}` })
  t.after(() => client.close())
  const messages = Array.from({ length: CHATS }, (_, index) => `{{label=chat${index} tokens=1500 delay_ms=20}} go`)
  const asked = Promise.all(messages.map((message, index) => client.ask({ chat_id: `chat${index}`, message })))
  // Every chat is streaming before the first kill.
  await eventually(() => messages.every((message) => rig.runs(message) === 1), { timeout_ms: 60_000 })
  for (let kill = 0; kill < KILLS; kill += 1) {
    for (const name of ['sessions', 'history'] as const) {
      await rig.kill(name)
      await rig.start(name)
    }
  }
  const stillRunning = (await rig.sessions.status({}, { timeout_ms: 20_000 })).running_turns
  assert.equal(stillRunning > 0, true, 'the kills fell while chats were streaming')
  const answers = await asked
  for (const [index, answer] of answers.entries()) {
    const expected = rig.answerOf(`chat${index}`, 1500)
    assert.equal(answer.answer, expected)
    assert.equal(answer.via, 'stream', 'no client noticed more than a pause')
    const words = answer.events.filter((event) => event.type === 'text').map((event) => event.content)
    assert.equal(words.join(''), expected, 'every word once, in order')
    assert.equal(rig.runs(messages[index] ?? ''), 1)
    const rows: ChatMessage[] = await eventually(async () => {
      const all: ChatMessage[] = await rig.history.get_session({ session_id: `gw-default-chat${index}` })
      return all.length >= 2 ? all : null
    })
    assert.deepEqual(
      rows.map((row) => [row.role, row.content]),
      [
        ['user', messages[index]],
        ['assistant', expected],
      ],
    )
  }
})
