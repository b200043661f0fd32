/** Invariant H: one request is one turn, also for a client that sends its message again when the answer broke off. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { openScriptedRig, type Rig } from '../../crash/rig.ts'
import { checkLeaks } from '../../harness.ts'

checkLeaks()

const EDGE = 'edge-1'
const MESSAGE = '{{label=yes tokens=2}} yes'

interface Sent {
  readonly turn_id: string
  readonly attached: boolean
  readonly response_id: string
}

const send = async (
  rig: Rig,
  { message = MESSAGE, edge = EDGE, chat_id = 'c1', bot_id = 'default', user_id = 'u1' } = {},
): Promise<Sent> => {
  const response_id = randomUUID()
  const answer = await rig.sessions.send({ chat_id, bot_id, message, user_id, response: { response_id, edge } })
  return { ...answer, response_id }
}

const end = (rig: Rig, { response_id }: Sent, completed: boolean) => rig.sessions.response_ended({ response_id, completed })

test('re-send - a broken response is taken up once, by the same turn', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await send(rig)
  await end(rig, first, false)
  const second = await send(rig)
  assert.deepEqual([second.turn_id, second.attached], [first.turn_id, true])
  const third = await send(rig)
  assert.notEqual(third.turn_id, first.turn_id, 'the second response is open: a person may say yes twice')
  await rig.ended(third.turn_id)
  assert.equal(rig.runs(MESSAGE), 2)
})

test('re-send - an answer that breaks again is taken up again, also after the turn has ended', async (t) => {
  const rig = await openScriptedRig(t)
  let sent = await send(rig)
  const { turn_id } = sent
  for (let again = 0; again < 5; again += 1) {
    await end(rig, sent, false)
    if (again === 2) await rig.ended(turn_id)
    sent = await send(rig)
    assert.equal(sent.turn_id, turn_id)
  }
  assert.equal(rig.runs(MESSAGE), 1)
})

test('re-send - a response that was completed or is open never matches', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await send(rig)
  await end(rig, first, true)
  await end(rig, first, false)
  assert.notEqual((await send(rig)).turn_id, first.turn_id, 'completed is an end')
})

test('re-send - a response of an edge that died is broken', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await send(rig)
  assert.equal((await send(rig, { edge: 'edge-2' })).turn_id, first.turn_id)
})

test('re-send - what was broken is known after a restart', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await send(rig)
  await end(rig, first, false)
  await rig.kill('sessions')
  await rig.start('sessions')
  assert.equal((await send(rig)).turn_id, first.turn_id)
})

test('re-send - another bot, chat, user or text, or a later message in between, is a message of its own', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await send(rig)
  await end(rig, first, false)
  for (const other of [{ bot_id: 'b2' }, { chat_id: 'c2' }]) assert.notEqual((await send(rig, other)).turn_id, first.turn_id)
  assert.notEqual((await send(rig, { user_id: 'u2' })).turn_id, first.turn_id)
  assert.notEqual((await send(rig)).turn_id, first.turn_id, 'the other user spoke in between')
})

test('re-send - a broken response is forgotten after 35 minutes', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await send(rig)
  await end(rig, first, false)
  await rig.kill('sessions')
  rig.change('UPDATE responses SET created_at = created_at - 36 * 60000')
  await rig.start('sessions')
  assert.notEqual((await send(rig)).turn_id, first.turn_id)
})

test('re-send - the edge’s own repeat of a call is the same turn', async (t) => {
  const rig = await openScriptedRig(t)
  const call = { chat_id: 'c1', message: MESSAGE, response: { response_id: randomUUID(), edge: EDGE } }
  const answers = await Promise.all([rig.sessions.send(call), rig.sessions.send(call)])
  assert.equal(answers[0]?.turn_id, answers[1]?.turn_id)
  await rig.ended(answers[0]?.turn_id ?? '')
  assert.equal(rig.runs(MESSAGE), 1)
})
