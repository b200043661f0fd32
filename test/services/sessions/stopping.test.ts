/** Stops that meet something else: a crash, another stop, work that begins meanwhile. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ServiceError } from '../../../protocol/errors.ts'
import { openScriptedRig } from '../../crash/rig.ts'
import { fillDisk, wasRefused } from '../../full-disk.ts'
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

test('stopping - a second stop ends what came in behind the first, what comes in behind both is worked on', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask(LONG)
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  // On one link, so they come in this order, all before the first stop can be over.
  const [first, early, second, late, sent] = await Promise.all([
    rig.sessions.stop({ chat_id: 'c1' }),
    rig.sessions.start_task({ chat_id: 'c1', message: '{{label=early tokens=2}} go', project_id: 'one' }),
    rig.sessions.stop({ chat_id: 'c1' }),
    rig.sessions.start_task({ chat_id: 'c1', message: '{{label=late tokens=2}} go', project_id: 'two' }),
    rig.sessions.send({ chat_id: 'c1', message: '{{label=after tokens=2}} go' }),
  ])
  assert.deepEqual([first, second], [{ stopped: true }, { stopped: true }])
  for (const id of [turnId, early.task_id]) assert.equal((await rig.ended(id)).state, 'cancelled')
  assert.equal(rig.runs('{{label=early tokens=2}} go'), 0)
  assert.equal((await rig.ended(sent.turn_id)).reply, rig.answerOf('after', 2))
  assert.equal((await rig.ended(late.task_id)).reply, rig.answerOf('late', 2))
  const { status } = await rig.sessions.background_status({ chat_id: 'c1' })
  assert.notEqual(status, 'idle', 'a task that came in behind the stops is shown')
})

test('stopping - a stop that meets a batch of a chain that has just ended leaves no batch behind it', async (t) => {
  const rig = await openScriptedRig(t)
  const cwd = join(rig.home, 'work', 'default', 'c1')
  mkdirSync(join(cwd, '.harness'), { recursive: true })
  const plan = (...states: string[]): string =>
    JSON.stringify({
      metadata: { project_name: 'heron' },
      tasks: states.map((status, id) => ({ id, phase: 'engineering', status })),
    })
  writeFileSync(join(cwd, '.harness', 'tasks.json'), plan('pending', 'pending', 'pending'))
  writeFileSync(join(cwd, 'after.json'), plan('done', 'pending', 'pending'))
  // Its end was seen and is being written when the stop comes.
  const makeRoom = fillDisk(join(rig.home, 'db', 'sessions.db'), "UPDATE OF state ON turns WHEN NEW.state = 'answered'")
  const message = '{{tool=Bash command="cp after.json .harness/tasks.json" label=batch tokens=2}} go'
  const { task_id } = await rig.sessions.start_task({ chat_id: 'c1', message })
  await eventually(() => wasRefused([rig.service('sessions').output()]))
  const stopped = rig.sessions.stop({ chat_id: 'c1' })
  await rig.sessions.status({})
  makeRoom()
  assert.deepEqual(await stopped, { stopped: true })
  assert.equal((await rig.ended(task_id)).state, 'answered')
  assert.deepEqual(rig.query('SELECT state FROM turns WHERE due_at IS NOT NULL'), [{ state: 'cancelled' }])
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
