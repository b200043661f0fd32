/** Background tasks on the real service: beside the chat, within their limit, across restarts, and at their end. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Task } from '../../../protocol/tasks.ts'
import { openRig, openScriptedRig, type Rig } from '../../crash/rig.ts'
import { checkLeaks, eventually } from '../../harness.ts'
import { recorded } from './recorded.ts'

checkLeaks()

const start = async (rig: Rig, message: string, project_id = '', chat_id = 'c1'): Promise<string> =>
  (await rig.sessions.start_task({ chat_id, message, project_id })).task_id

const taskIn = (rig: Rig, taskId: string, ...states: Task['state'][]): Promise<Task> =>
  eventually(
    async () => {
      const task = await rig.sessions.task({ task_id: taskId }).catch(() => null)
      return task && states.includes(task.state) ? task : null
    },
    { timeout_ms: 60_000 },
  )

const cwdOf = (rig: Rig, chat = 'c1'): string => join(rig.home, 'work', 'default', chat)

test('tasks - a task and its chat work at the same time, in one folder, in two conversations', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=before tokens=1}} remember the heron'))
  const task = await start(rig, '{{label=task tokens=400 delay_ms=50}} go')
  await taskIn(rig, task, 'running')
  assert.equal((await rig.ended(await rig.ask('{{label=chat tokens=2}} meanwhile'))).reply, 'chat t0 t1')
  assert.equal((await taskIn(rig, task, 'running')).state, 'running', 'the chat did not wait for it')
  const agents = rig.query<{ lane: string; conversation_id: string }>('SELECT lane, conversation_id FROM agents ORDER BY n')
  assert.deepEqual(
    agents.map(({ lane }) => lane !== ''),
    [false, true],
  )
  assert.notEqual(agents[0]?.conversation_id, agents[1]?.conversation_id)
  assert.deepEqual(readdirSync(join(rig.home, 'work', 'default')), ['c1'], 'no shadow of the chat')
  assert.equal((await rig.sessions.cancel_task({ task_id: task })).cancelled, true)
  const ended = await taskIn(rig, task, 'cancelled')
  assert.match(ended.result ?? '', /^\[ERROR\] Stopped\./)
  assert.equal((await rig.sessions.cancel_task({ task_id: task })).cancelled, false)
})

test('tasks - the conversation of a task begins as a copy of its chat', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=before tokens=1}} remember the heron'))
  const ended = await taskIn(rig, await start(rig, '{{label=task tokens=2}} go'), 'done')
  assert.equal(ended.result, 'task t0 t1')
  const [lane] = rig.query<{ conversation_id: string }>("SELECT conversation_id FROM sessions WHERE lane <> ''")
  const projects = join(rig.home, 'demo', 'projects')
  const [slug = ''] = readdirSync(projects)
  const transcript = readFileSync(join(projects, slug, `${lane?.conversation_id}.jsonl`), 'utf8')
  assert.match(transcript, /remember the heron/)
  assert.match(transcript, /label=task/)
})

test('tasks - the real CLI forks the conversation of the chat, also while the chat is in a turn', async (t) => {
  const rig = await openRig(t, 'real')
  if (!rig) return
  await rig.ended(await rig.ask('{{label=before tokens=1}} go'))
  const busy = await rig.ask('{{label=chat tokens=40 delay_ms=100}} go')
  await rig.follow(busy, { until: (event) => event.type === 'text' })
  const ended = await taskIn(rig, await start(rig, '{{label=task tokens=2}} go'), 'done', 'failed')
  assert.equal(ended.result, 'task t0 t1')
  assert.equal((await rig.ended(busy)).reply, rig.answerOf('chat', 40))
})

test('tasks - a project has one task at a time, a chat may have several projects', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_MAX_BACKGROUND_TASKS: '2' })
  const long = '{{label=long tokens=900 delay_ms=50}} go'
  const began = Date.now()
  const one = await start(rig, long, 'one')
  const again = await rig.sessions.send_background({ chat_id: 'c1', message: 'again', project_id: 'one' })
  const { elapsed, ...rest } = { elapsed: Number.NaN, ...again }
  assert.deepEqual(rest, { status: 'rejected', reason: 'already running' })
  assert.ok(elapsed >= 0 && elapsed <= (Date.now() - began) / 1_000, `${elapsed} s`)
  const two = await start(rig, long, 'two')
  const three = await start(rig, '{{label=three tokens=1}} go', 'three')
  await taskIn(rig, one, 'running')
  await taskIn(rig, two, 'running')
  assert.equal((await rig.sessions.task({ task_id: three })).state, 'queued', 'two at a time')
  assert.equal((await rig.ended(await rig.ask('{{label=chat tokens=1}} go'))).state, 'answered', 'the chat has slots of its own')
  await rig.sessions.cancel_task({ task_id: one })
  assert.equal((await taskIn(rig, three, 'done')).result, 'three t0')
  await rig.sessions.cancel_task({ task_id: two })
  await taskIn(rig, two, 'cancelled')
  const { tasks } = await rig.sessions.list_tasks({ chat_id: 'c1', state: 'cancelled' })
  assert.deepEqual(new Set(tasks.map((task) => task.task_id)), new Set([one, two]))
})

test('tasks - a key makes a repeat the same task', async (t) => {
  const rig = await openScriptedRig(t)
  const order = { chat_id: 'c1', message: '{{label=once tokens=1}} go', idempotency_key: 'k1' }
  const first = await rig.sessions.start_task(order)
  const second = await rig.sessions.start_task(order)
  assert.equal(second.task_id, first.task_id)
  await taskIn(rig, first.task_id, 'done')
  assert.equal((await rig.sessions.start_task(order)).task_id, first.task_id)
  assert.equal(rig.query<{ n: number }>('SELECT count(*) AS n FROM tasks')[0]?.n, 1)
})

test('tasks - a client without a key that sends again after a broken answer gets its task, once', async (t) => {
  const rig = await openScriptedRig(t)
  const response = () => ({ response_id: randomUUID(), edge: 'edge' })
  const order = { chat_id: 'c1', message: '{{label=long tokens=900 delay_ms=50}} go' }
  const broken = response()
  const first = await rig.sessions.start_task({ ...order, response: broken })
  const meanwhile = await rig.sessions.send_background({ ...order, response: response() })
  assert.equal(meanwhile.status, 'rejected', 'an answer that is open or complete matches nobody')
  await rig.sessions.response_ended({ response_id: broken.response_id, completed: false })
  assert.deepEqual(await rig.sessions.send_background({ ...order, response: response() }), { status: 'started' })
  assert.equal((await rig.sessions.send_background({ ...order, response: response() })).status, 'rejected')
  assert.equal((await rig.sessions.list_tasks({})).tasks.length, 1)
  await rig.sessions.cancel_task({ task_id: first.task_id })
  await taskIn(rig, first.task_id, 'cancelled')
})

test('tasks - a running task outlives the service, and its result reaches history', async (t) => {
  const rig = await openScriptedRig(t)
  const task = await start(rig, '{{label=words tokens=60 delay_ms=50}} go')
  await rig.follow(task, { until: (event) => event.type === 'text' })
  await rig.kill('sessions')
  await rig.start('sessions')
  const ended = await taskIn(rig, task, 'done')
  assert.equal(ended.result, rig.answerOf('words', 60))
  assert.equal(ended.deliveries.length, 0)
  const rows = await recorded(rig, 'gw-default-c1', 2)
  assert.equal(rows.length, 2)
  assert.equal(rows[1]?.content, ended.result)
  const { events } = await rig.sessions.events({ turn_id: task })
  assert.equal(events.at(-1)?.type, 'end')
})

test('tasks - what limits a turn of a chat does not touch a task, and its folder stays', async (t) => {
  const limits = { GATEWAY_CLAUDE_TIMEOUT: '1', GATEWAY_BUSY_STUCK_TIMEOUT: '1', GATEWAY_TURN_MAX: '1' }
  const idle = { GATEWAY_SESSION_IDLE_TIMEOUT: '1', GATEWAY_BG_SESSION_IDLE_TIMEOUT: '1', GATEWAY_QUEUE_WAIT_TIMEOUT: '1' }
  const rig = await openScriptedRig(t, { ...limits, ...idle, GATEWAY_MAX_BACKGROUND_TASKS: '1' })
  await rig.ended(await rig.ask('{{label=before tokens=1}} go'))
  writeFileSync(join(cwdOf(rig), 'kept'), 'x')
  const silent = await start(rig, '{{label=long tokens=3 silent_ms=6000 silent_after=1}} go', 'one')
  const waits = await start(rig, '{{label=waits tokens=1}} go', 'two')
  await taskIn(rig, silent, 'running')
  await rig.follow(silent, { until: (event) => event.type === 'text' })
  await rig.sessions.reap({})
  assert.equal((await taskIn(rig, silent, 'done', 'failed')).result, 'long t0 t1 t2')
  assert.equal((await taskIn(rig, waits, 'done', 'failed')).result, 'waits t0')
  assert.ok(existsSync(join(cwdOf(rig), 'kept')))
})

test('tasks - progress is told while it runs', async (t) => {
  const rig = await openScriptedRig(t)
  const task = await start(rig, '{{tool=Bash command="true" label=words tokens=900 delay_ms=50}} go')
  const { progress } = await eventually(async () => {
    const now = await rig.sessions.task({ task_id: task })
    return now.progress?.last_tool && /t1/.test(now.progress.last_line) ? now : null
  })
  assert.equal(progress?.last_tool, 'Bash')
  assert.ok((progress?.last_output_at ?? 0) > Date.now() - 60_000)
  const { jobs } = await rig.sessions.harness_status({ chat_id: 'c1' })
  assert.equal(jobs[0]?.bg_status, 'running')
  await rig.sessions.cancel_task({ task_id: task })
  assert.equal((await taskIn(rig, task, 'cancelled')).progress, null)
})

test('tasks - a stop of the chat ends its tasks; the harness is archived', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=before tokens=1}} go'))
  mkdirSync(join(cwdOf(rig), '.harness'))
  writeFileSync(join(cwdOf(rig), '.harness', 'tasks.json'), '{"tasks":[{"status":"pending"}]}')
  const task = await start(rig, '{{label=long tokens=900 delay_ms=50}} go')
  await taskIn(rig, task, 'running')
  assert.deepEqual(await rig.sessions.stop({ chat_id: 'c1' }), { stopped: true })
  assert.equal((await rig.sessions.task({ task_id: task })).state, 'cancelled')
  assert.equal(existsSync(cwdOf(rig)), false)
  const index = JSON.parse(readFileSync(join(rig.home, 'archives', 'index.json'), 'utf8')) as { status: string }[]
  assert.deepEqual(
    index.map(({ status }) => status),
    ['incomplete'],
  )
  assert.deepEqual(await rig.sessions.background_status({ chat_id: 'c1' }), { status: 'idle' })
  assert.deepEqual(await rig.sessions.list({}), [])
  await eventually(() => rig.query<{ n: number }>("SELECT count(*) AS n FROM agents WHERE state <> 'dead'")[0]?.n === 0)
})

test('tasks - a task that fails says so, and nothing follows', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=before tokens=1}} go'))
  mkdirSync(join(cwdOf(rig), '.harness'))
  writeFileSync(join(cwdOf(rig), '.harness', 'tasks.json'), '{"tasks":[{"status":"done"},{"status":"pending"}]}')
  const task = await taskIn(rig, await start(rig, '{{api_error="Invalid API key"}} go'), 'failed')
  assert.match(task.result ?? '', /^\[ERROR\]/)
  assert.equal((await rig.sessions.list_tasks({})).tasks.length, 1)
  const status = await rig.sessions.background_status({ chat_id: 'c1' })
  assert.equal(status.status, 'failed')
})

test('nirmana - away and back, with what was said meanwhile', async (t) => {
  const rig = await openScriptedRig(t)
  assert.deepEqual(await rig.sessions.set_nirmana({ chat_id: 'c1', action: 'back' }), {
    ...{ status: 'ok', message: 'Not in Nirmana mode', briefing: '' },
  })
  await rig.ended(await rig.ask('{{label=before tokens=1}} go'))
  await rig.sessions.set_nirmana({ chat_id: 'c1', action: 'away' })
  await rig.ended(await rig.ask('{{label=away tokens=1}} go'))
  const again = await rig.sessions.set_nirmana({ chat_id: 'c1', action: 'away' })
  assert.deepEqual(again, { status: 'ok', message: 'Nirmana activated', briefing: null })
  const state = await rig.sessions.nirmana({ chat_id: 'c1' })
  assert.equal(state.nirmana_mode, true)
  await rig.kill('sessions')
  await rig.start('sessions')
  const { briefing } = await rig.sessions.set_nirmana({ chat_id: 'c1', action: 'back' })
  assert.equal(
    briefing,
    'Messages while you were away (2 total):\n- [user] {{label=away tokens=1}} go\n- [assistant] away t0',
    'the second `away` forgets nothing',
  )
  assert.deepEqual(await rig.sessions.nirmana({ chat_id: 'c1' }), {
    ...{ nirmana_mode: false, nirmana_activated_at: 0, away_duration_seconds: null },
  })
})
