/** Stops that meet something else: a crash, another stop, work that begins meanwhile. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ServiceError } from '../../../protocol/errors.ts'
import { openScriptedRig } from '../../crash/rig.ts'
import { checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

const LONG = '{{label=long tokens=2000 delay_ms=10}} go'

test('stopping - what was asked to stop is stopped by the next life, where this one died before it could', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask(LONG)
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  await rig.kill('sessions')
  rig.change('UPDATE turns SET cancel_asked = 1')
  await rig.start('sessions')
  const turn = await rig.ended(turnId)
  assert.equal(turn.state, 'cancelled')
  assert.match(turn.reply ?? '', /^\[ERROR\] Stopped\./)
  assert.equal((await rig.ended(await rig.ask('{{label=after tokens=1}} go'))).state, 'answered')
})

test('stopping - two stops at once are one, and what comes in meanwhile begins behind them', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask(LONG)
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  // On one link, so they come in this order, all before the first stop can be over.
  const [first, task, second, sent] = await Promise.all([
    rig.sessions.stop({ chat_id: 'c1' }),
    rig.sessions.start_task({ chat_id: 'c1', message: '{{label=task tokens=2}} go', project_id: 'one' }),
    rig.sessions.stop({ chat_id: 'c1' }),
    rig.sessions.send({ chat_id: 'c1', message: '{{label=after tokens=2}} go' }),
  ])
  assert.deepEqual([first, second], [{ stopped: true }, { stopped: true }])
  assert.equal((await rig.ended(turnId)).state, 'cancelled')
  assert.equal((await rig.ended(sent.turn_id)).reply, rig.answerOf('after', 2))
  const turn = await rig.ended(task.task_id)
  assert.deepEqual([turn.state, turn.reply], ['answered', rig.answerOf('task', 2)])
})

test('stopping - a reset deletes every conversation that the chat has had, of its tasks and before a /clear', async (t) => {
  const rig = await openScriptedRig(t)
  const projects = join(rig.home, 'demo', 'projects')
  const transcripts = (): string[] =>
    existsSync(projects) ? readdirSync(projects).flatMap((slug) => readdirSync(join(projects, slug))) : []
  for (const message of ['{{label=a tokens=1}} one', '/clear', '{{label=b tokens=1}} two'])
    await rig.ended(await rig.ask(message))
  for (const label of ['x', 'y']) {
    const task = await rig.sessions.start_task({ chat_id: 'c1', message: `{{label=${label} tokens=1}} go` })
    await eventually(async () => (await rig.sessions.task({ task_id: task.task_id })).state === 'done')
  }
  await rig.ended(await rig.ask('{{label=a tokens=1}} one', 'other'))
  assert.equal(transcripts().length, 5)
  await rig.sessions.reset({ chat_id: 'c1' })
  assert.equal(transcripts().length, 1, 'that of the other chat')
})

test('stopping - the key of a message is none for a task', async (t) => {
  const rig = await openScriptedRig(t)
  const order = { chat_id: 'c1', message: '{{label=a tokens=1}} one', idempotency_key: 'k' }
  await rig.ended((await rig.sessions.send(order)).turn_id)
  await assert.rejects(rig.sessions.start_task(order), (error: ServiceError) => error.code === 'conflict')
  assert.equal(rig.runs(order.message), 1)
})
