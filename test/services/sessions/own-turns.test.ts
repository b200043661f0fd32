/** Turns that the CLI begins by itself, and tools in the background: across restarts, and when they hang. */
import assert from 'node:assert/strict'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Turn } from '../../../protocol/sessions.ts'
import { controlLine } from '../../../services/sessions/agent/writer.ts'
import { openScriptedRig, type Rig } from '../../crash/rig.ts'
import { checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

const ownTurns = (rig: Rig): Pick<Turn, 'state' | 'reply'>[] =>
  rig.query<Turn>("SELECT state, reply FROM turns WHERE origin = 'agent'")

/** A chat whose agent is in a turn of its own that never ends, and may no longer be used. */
const openHanging = async (t: Parameters<typeof openScriptedRig>[0], extra: Record<string, string> = {}): Promise<Rig> => {
  const rig = await openScriptedRig(t, extra)
  const first = await rig.ask('{{label=first tokens=1 own_turn_after_ms=10 own_tokens=9 own_delay_ms=3600000}} go')
  assert.equal((await rig.ended(first)).state, 'answered')
  await eventually(() => rig.agentLog().includes('task_notification'))
  return rig
}

test('own turns - one that hangs holds a message up for as long as an agent may be silent, no longer', {
  timeout: 60_000,
}, async (t) => {
  const rig = await openHanging(t, { GATEWAY_CLAUDE_TIMEOUT: '5' })
  assert.match((await rig.ended(await rig.ask('/clear'))).reply ?? '', /cleared/)
  assert.equal((await rig.ended(await rig.ask('{{label=after tokens=1}} go'))).reply, rig.answerOf('after', 1))
})

test('own turns - one that hangs ends with a stop of what waits for it', { timeout: 60_000 }, async (t) => {
  const rig = await openHanging(t)
  const clear = await rig.ask('/clear')
  const behind = await rig.ask('{{label=after tokens=1}} go')
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1' }), { interrupted: true })
  assert.match((await rig.ended(clear)).reply ?? '', /cleared/)
  assert.equal((await rig.ended(behind)).reply, rig.answerOf('after', 1))
})

test('own turns - one that has ended is recorded once, though its end is read again after a kill', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await rig.ask('{{label=first tokens=1 own_turn_after_ms=10 own_tokens=20 own_delay_ms=20}} go')
  await rig.ended(first)
  await eventually(() => rig.agentLog().includes('task_notification'))
  // Given while the agent is in its own turn, so its part of the log begins before that turn's end.
  const turnId = await rig.ask('{{label=words tokens=100 delay_ms=20}} go')
  await eventually(() => ownTurns(rig).length === 1)
  await rig.kill('sessions')
  await rig.start('sessions')
  assert.equal((await rig.ended(turnId)).reply, rig.answerOf('words', 100))
  assert.deepEqual(ownTurns(rig), [{ state: 'answered', reply: rig.answerOf('own', 20) }])
})

test('own turns - an agent with a tool in the background is no idle one, also after a restart', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_SESSION_IDLE_TIMEOUT: '1' })
  const flag = join(rig.home, 'flag')
  const command = `until [ -e ${flag} ]; do sleep 0.05; done`
  const turnId = await rig.ask(`{{label=first tokens=1 tool=Bash command="${command}" background own_tokens=2}} go`)
  await rig.ended(turnId)
  await rig.kill('sessions')
  await rig.start('sessions')
  // Another chat's agent shows that those who are idle do leave.
  await rig.ended(await rig.ask('{{label=other tokens=1}} go', 'other'))
  await eventually(async () => (await rig.sessions.reap({})).reaped.some(({ chat_id }) => chat_id === 'other'))
  assert.equal((await rig.sessions.reap({})).count, 0)
  writeFileSync(flag, '')
  await eventually(() => ownTurns(rig).length === 1)
  assert.deepEqual(ownTurns(rig), [{ state: 'answered', reply: rig.answerOf('own', 2) }])
  await eventually(async () => (await rig.sessions.reap({})).count === 1)
})

test('turns - a break-off that nobody has asked for is told as what it is', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=words tokens=2000 delay_ms=10}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  // As a watchdog did whose reason was lost: the service died right behind it.
  const input = openSync(join(rig.agentFolder(), 'in'), 'w')
  writeSync(input, controlLine('elsewhere-1', 'interrupt'))
  closeSync(input)
  const turn = await rig.ended(turnId)
  assert.equal(turn.state, 'interrupted')
  assert.match(turn.reply ?? '', /broken off, and not on request.*words/s)
})
