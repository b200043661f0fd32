/** Writes that fail at the worst moment, as they do on a full disk: nothing is lost, and it goes on by itself when there is room. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Turn } from '../../../protocol/sessions.ts'
import { openScriptedRig, type Rig } from '../../crash/rig.ts'
import { startBotApi } from '../../fakes/bot-api.ts'
import { fillDisk, wasRefused } from '../../full-disk.ts'
import { atEnd, checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

/** From now on SQLite refuses what matches, until the answer is called: that waits until something was refused. */
const refuse = (rig: Rig, writes: string): (() => Promise<void>) => {
  const makeRoom = fillDisk(join(rig.home, 'db', 'sessions.db'), writes)
  const from = rig.service('sessions').output().length
  return async () => {
    await eventually(() => wasRefused([rig.service('sessions').output().slice(from)]))
    makeRoom()
  }
}

// Long enough that an agent which is killed for no reason is killed in the middle.
const ORDER = '{{label=words tokens=20 delay_ms=50}} go'

/** The turn is answered, by one run, and so is the next message. */
const goesOn = async (rig: Rig, turnId: string): Promise<void> => {
  const turn = await rig.ended(turnId)
  assert.deepEqual([turn.state, turn.reply], ['answered', rig.answerOf('words', 20)])
  assert.equal(rig.runs(ORDER), 1)
  assert.equal((await rig.ended(await rig.ask('{{label=after tokens=1}} go'))).state, 'answered')
}

test('full disk - a hand-over that cannot be written down is no reason to end an agent', async (t) => {
  const rig = await openScriptedRig(t)
  const makeRoom = refuse(rig, "UPDATE OF state ON turns WHEN NEW.state = 'running'")
  const turnId = await rig.ask(ORDER)
  await eventually(() => rig.runs(ORDER) === 1)
  await makeRoom()
  await goesOn(rig, turnId)
})

test('full disk - a message that cannot even be given to an agent waits for room', async (t) => {
  const rig = await openScriptedRig(t)
  for (const writes of ['INSERT ON agents', "UPDATE OF state ON turns WHEN NEW.state = 'handing'"]) {
    const makeRoom = refuse(rig, writes)
    const turnId = await rig.ask('{{label=first tokens=2}} go')
    await makeRoom()
    assert.equal((await rig.ended(turnId)).reply, rig.answerOf('first', 2))
    await rig.sessions.reset({ chat_id: 'c1' })
  }
  assert.deepEqual(rig.query("SELECT n FROM agents WHERE state = 'live'"), [])
})

test('full disk - a stop asked for while a hand-over waits for room is not forgotten', async (t) => {
  const rig = await openScriptedRig(t)
  const long = '{{label=long tokens=2000 delay_ms=10}} go'
  const makeRoom = refuse(rig, "UPDATE ON turns WHEN NEW.state = 'running' OR NEW.cancel_asked = 1")
  const turnId = await rig.ask(long)
  await eventually(() => rig.runs(long) === 1)
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1' }), { interrupted: true })
  await makeRoom()
  assert.equal((await rig.ended(turnId)).state, 'cancelled')
})

test('full disk - a service that is to end leaves what it cannot write to its next life', async (t) => {
  const rig = await openScriptedRig(t)
  // The end of a turn; then a hand-over whose agent is at work.
  for (const state of ['answered', 'running']) {
    const chat = `c-${state}`
    const order = `{{label=words tokens=20 delay_ms=50}} ${state}`
    const makeRoom = fillDisk(join(rig.home, 'db', 'sessions.db'), `UPDATE OF state ON turns WHEN NEW.state = '${state}'`)
    const before = rig.service('sessions')
    const turnId = await rig.ask(order, chat)
    await eventually(() => wasRefused([before.output()]))
    before.process.kill('SIGTERM')
    await before.exit
    assert.equal(before.process.exitCode, 0, before.output())
    assert.doesNotMatch(before.output(), /Not all work ended within the deadline/)
    makeRoom()
    await rig.start('sessions')
    const turn = await rig.ended(turnId)
    assert.deepEqual([turn.state, turn.reply, rig.runs(order)], ['answered', rig.answerOf('words', 20), 1])
  }
})

test('full disk - a hand-over found again after a kill waits for room', async (t) => {
  const rig = await openScriptedRig(t)
  rig.arm('line_written')
  const turnId = await rig.ask(ORDER).catch(() => rig.query<Turn>('SELECT turn_id FROM turns')[0]?.turn_id ?? '')
  await rig.died()
  await eventually(() => rig.runs(ORDER) === 1)
  const makeRoom = fillDisk(join(rig.home, 'db', 'sessions.db'), "UPDATE OF state ON turns WHEN NEW.state = 'running'")
  const child = await rig.start('sessions')
  await eventually(() => wasRefused([child.output()]))
  makeRoom()
  await goesOn(rig, turnId)
})

test('full disk - a message whose agent died before it had it goes to another one when there is room', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=before tokens=1}} go'))
  process.kill(rig.agentPid(), 'SIGSTOP')
  const makeRoom = refuse(rig, "UPDATE OF state ON turns WHEN NEW.state = 'waiting'")
  const turnId = await rig.ask(ORDER)
  await eventually(() => rig.query<Turn>('SELECT state FROM turns WHERE turn_id = ?', turnId)[0]?.state === 'running')
  process.kill(rig.agentPid(), 'SIGKILL')
  await makeRoom()
  await goesOn(rig, turnId)
})

test('full disk - /clear waits for room, and the chat with it', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=before tokens=1}} go'))
  const makeRoom = refuse(rig, 'UPDATE OF conversation_id ON sessions')
  const cleared = await rig.ask('/clear')
  const turnId = await rig.ask(ORDER)
  await makeRoom()
  assert.match((await rig.ended(cleared)).reply ?? '', /cleared/)
  await goesOn(rig, turnId)
})

test('full disk - a turn that an agent began by itself is recorded when there is room, once, and before what follows', async (t) => {
  const rig = await openScriptedRig(t)
  const makeRoom = refuse(rig, "INSERT ON turns WHEN NEW.origin = 'agent'")
  const first = await rig.ask('{{label=first tokens=1 own_turn_after_ms=500 own_tokens=2}} go')
  assert.equal((await rig.ended(first)).state, 'answered')
  await eventually(() => rig.service('sessions').output().includes('began by itself could not be written'))
  // The one behind it may be handed over and run, but its end says that the log was folded up to there.
  const turnId = await rig.ask(ORDER)
  await eventually(() => rig.runs(ORDER) === 1)
  await makeRoom()
  await goesOn(rig, turnId)
  const own = rig.query<Turn>("SELECT reply FROM turns WHERE origin = 'agent'")
  assert.deepEqual(own, [{ reply: rig.answerOf('own', 2) }])
})

test('full disk - notes on an agent that cannot be written hold nobody up', async (t) => {
  const rig = await openScriptedRig(t, { AGENT_MAX_MB: '1' })
  const makeRoom = refuse(rig, 'UPDATE OF state, pid ON agents')
  const turnId = await rig.ask(ORDER)
  assert.equal((await rig.ended(turnId)).state, 'answered')
  await makeRoom()
  await goesOn(rig, turnId)
  await eventually(() => rig.query<{ state: string }>('SELECT state FROM agents WHERE n = 1')[0]?.state === 'dead')
})

test('full disk - a stop that cannot be written down stops all the same', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=long tokens=2000 delay_ms=10}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  const makeRoom = refuse(rig, 'UPDATE OF cancel_asked ON turns')
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1' }), { interrupted: true })
  assert.equal((await rig.ended(turnId)).state, 'cancelled')
  await makeRoom()
})

test('full disk - a question that is asked no more is withdrawn when there is room', async (t) => {
  const rig = await openScriptedRig(t, { CLAUDE_PERMISSION_MODE: 'ask' })
  const turnId = await rig.ask('{{label=tool tokens=1 tool=Bash command="true"}} go')
  const states = async () => (await rig.sessions.approvals({})).approvals.map(({ state }) => state)
  await eventually(async () => (await states()).includes('waiting'))
  const makeRoom = refuse(rig, "UPDATE OF state ON approvals WHEN NEW.state = 'withdrawn'")
  await rig.sessions.interrupt({ chat_id: 'c1' })
  assert.equal((await rig.ended(turnId)).state, 'cancelled')
  await makeRoom()
  await eventually(async () => (await states())[0] === 'withdrawn')
})

test('full disk - a task runs once, and its result is delivered once, when there is room for both', async (t) => {
  const fake = await startBotApi({})
  atEnd(t, () => fake.close())
  const rig = await openScriptedRig(t, { TELEGRAM_API_BASE: fake.url })
  const makeRoomForEnd = refuse(rig, 'INSERT ON deliveries')
  const makeRoomForEvidence = fillDisk(
    join(rig.home, 'db', 'sessions.db'),
    "UPDATE OF outcome ON delivery_attempts WHEN NEW.outcome = 'sent'",
  )
  await rig.sessions.start_task({ chat_id: '5', message: ORDER, bot_token: '12345:SECRET-token_of-bot' })
  await makeRoomForEnd()
  await eventually(() => rig.service('sessions').output().includes('what came of a delivery could not be written down'))
  makeRoomForEvidence()
  await eventually(() => rig.query<{ state: string }>('SELECT state FROM deliveries')[0]?.state === 'delivered')
  assert.deepEqual(
    fake.chat('5').map(({ text }) => text),
    [rig.answerOf('words', 20)],
  )
  assert.equal(rig.runs(ORDER), 1)
})
