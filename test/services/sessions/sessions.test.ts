/** Sessions as its callers see it: the real service, real agents (scripted), real history. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ServiceError } from '../../../protocol/errors.ts'
import { processesOf } from '../../../services/sessions/agent/process.ts'
import { openScriptedRig, type Rig } from '../../crash/rig.ts'
import { checkLeaks, eventually, startModule, tempDir } from '../../harness.ts'

checkLeaks()

const agents = (rig: Rig) =>
  rig.query<{ n: number; state: string; nonce: string; chat_id: string; conversation_id: string }>(
    'SELECT * FROM agents ORDER BY n',
  )

test('sessions - stop forgets the conversation and the files, and only those', async (t) => {
  const rig = await openScriptedRig(t)
  assert.deepEqual(await rig.sessions.stop({ chat_id: 'c1' }), { stopped: false })
  await rig.ended(await rig.ask('one'))
  await rig.ended(await rig.ask('one', 'other'))
  const folder = join(rig.home, 'work/default/c1')
  writeFileSync(join(folder, 'note.txt'), 'x')
  const running = await rig.ask('{{label=words tokens=2000 delay_ms=10}} go')
  const waiting = await rig.ask('two')
  await rig.follow(running, { until: (event) => event.type === 'text' })
  assert.deepEqual(await rig.sessions.stop({ chat_id: 'c1' }), { stopped: true })
  assert.equal((await rig.ended(running)).state, 'cancelled')
  assert.equal((await rig.ended(waiting)).state, 'cancelled')
  assert.equal(existsSync(folder), false)
  assert.equal(existsSync(join(rig.home, 'work/default/other')), true)
  assert.deepEqual(
    (await rig.sessions.list({})).map((session) => session.chat_id),
    ['other'],
  )
  assert.deepEqual(await rig.sessions.stop({ chat_id: 'c1' }), { stopped: false })
  await eventually(() =>
    agents(rig)
      .filter((agent) => agent.chat_id === 'c1')
      .every((agent) => processesOf(agent.nonce, null).length === 0),
  )
  await rig.ended(await rig.ask('three'))
  const conversations = agents(rig)
    .filter((agent) => agent.chat_id === 'c1')
    .map((agent) => agent.conversation_id)
  assert.equal(new Set(conversations).size, 2, 'another conversation')
  assert.equal(rig.runs('two'), 0)
})

test('sessions - a message sent while a stop is under way is answered afterwards', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await rig.ask('{{label=words tokens=2000 delay_ms=10}} go')
  await rig.follow(first, { until: (event) => event.type === 'text' })
  const [stop, next] = await Promise.all([
    rig.sessions.stop({ chat_id: 'c1' }),
    eventually(async () => (await rig.sessions.turn({ turn_id: first })).state !== 'running').then(() =>
      rig.ask('{{label=next tokens=1}} go'),
    ),
  ])
  assert.equal(stop.stopped, true)
  assert.equal((await rig.ended(next)).reply, rig.answerOf('next', 1))
  assert.deepEqual(
    (await rig.sessions.list({})).map((session) => session.chat_id),
    ['c1'],
  )
})

test('sessions - a folder that leads elsewhere is not deleted', async (t) => {
  const rig = await openScriptedRig(t)
  const precious = tempDir(t)
  writeFileSync(join(precious, 'file'), 'x')
  mkdirSync(join(rig.home, 'work/default'), { recursive: true })
  symlinkSync(precious, join(rig.home, 'work/default/c1'))
  await rig.ended(await rig.ask('one'))
  await assert.rejects(
    rig.sessions.stop({ chat_id: 'c1' }),
    (error: ServiceError) => error.code === 'forbidden' && /leads out/.test(error.message),
  )
  assert.equal(existsSync(join(precious, 'file')), true)
})

test('sessions - crafted ids are refused before anything is touched', async (t) => {
  const rig = await openScriptedRig(t)
  for (const chat_id of [
    '..',
    '.',
    'a/b',
    '/etc',
    '',
    'a\0b',
    'x'.repeat(10_000),
    '.hidden',
    'a..b',
    'a\\b',
    'ä',
    'a b',
    'a\n',
  ]) {
    for (const input of [
      { chat_id, message: 'x' },
      { chat_id: 'ok', bot_id: chat_id, message: 'x' },
    ]) {
      for (const method of ['send', 'stop', 'reset', 'interrupt'] as const) {
        await assert.rejects(rig.sessions[method](input as never), (error: ServiceError) => error.code === 'invalid_input')
      }
    }
  }
  assert.equal(existsSync(join(rig.home, 'work/default')), false)
  assert.deepEqual(rig.query('SELECT * FROM sessions'), [])
})

test('sessions - two chats never share a conversation, whatever their names', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('one', 'a_b'))
  await rig.ended(await rig.ask('one', 'a-b'))
  await rig.ended(await rig.ask('one', 'A-B'))
  const slugs = rig.query<{ slug: string }>('SELECT slug FROM sessions').map((row) => row.slug.toLowerCase())
  assert.equal(new Set(slugs).size, 3)
})

test('sessions - /clear begins a new conversation in its place in the queue', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('one'))
  assert.match((await rig.ended(await rig.ask('/clear'))).reply ?? '', /cleared/)
  await rig.ended(await rig.ask('two'))
  assert.equal(new Set(agents(rig).map((agent) => agent.conversation_id)).size, 2)
  assert.equal(existsSync(join(rig.home, 'work/default/c1')), true, 'the files stay')
})

test('sessions - an idle agent is let go, its conversation is resumed', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_SESSION_IDLE_TIMEOUT: '1' })
  await rig.ended(await rig.ask('one'))
  const reaped = await eventually(async () => {
    const answer = await rig.sessions.reap({})
    return answer.count === 1 ? answer.reaped[0] : null
  })
  assert.deepEqual(
    { ...reaped, idle_seconds: 1, idle_hours: 0 },
    { chat_id: 'c1', bot_id: 'default', type: 'interactive', idle_seconds: 1, idle_hours: 0 },
  )
  await eventually(() => agents(rig)[0]?.state === 'dead')
  assert.equal((await rig.ended(await rig.ask('two'))).state, 'answered')
  const [first, second] = agents(rig)
  assert.equal(first?.conversation_id, second?.conversation_id)
  assert.equal((await rig.sessions.list({}))[0]?.first_done, true)
})

test('sessions - more idle agents than may stay warm leave, the longest idle first', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_MAX_WARM_AGENTS: '2' })
  for (const chat of ['a', 'b', 'c']) await rig.ended(await rig.ask('one', chat))
  await eventually(() => agents(rig).filter((agent) => agent.state === 'dead').length === 1)
  assert.deepEqual(
    agents(rig).map((agent) => agent.state === 'dead'),
    [true, false, false],
  )
})

test('sessions - an agent that keeps settings of the past is replaced, the conversation goes on', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('one'))
  await rig.kill('sessions')
  rig.env.CLAUDE_MODEL = 'other-model'
  await rig.start('sessions')
  await rig.ended(await rig.ask('two'))
  const [first, second] = agents(rig)
  assert.equal(first?.state, 'dead')
  assert.equal(first?.conversation_id, second?.conversation_id)
})

test('sessions - before a stop of everything idle agents leave and busy ones finish', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('one', 'idle'))
  const turnId = await rig.ask('{{label=words tokens=40 delay_ms=20}} go', 'busy')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  assert.deepEqual(await rig.sessions.retire({}), { running: 1 })
  const waiting = await rig.ask('{{label=later tokens=1}} go', 'busy')
  rig.service('sessions').process.kill('SIGTERM')
  assert.deepEqual(await rig.service('sessions').exit, { code: 0, signal: null })
  // Nobody of ours runs, and the agents leave: the idle one at once, the busy one when it is done.
  await eventually(() => agents(rig).every((agent) => processesOf(agent.nonce, null).length === 0))
  await rig.start('sessions')
  assert.equal((await rig.ended(turnId)).reply, rig.answerOf('words', 40))
  assert.equal((await rig.ended(waiting)).reply, rig.answerOf('later', 1))
})

test('sessions - a second installation on the same folder is refused', async (t) => {
  const rig = await openScriptedRig(t)
  const second = startModule(t, 'services/sessions/main.ts', { ...rig.env, SWITCHBOARD_HOME: tempDir(t) })
  assert.equal((await second.exit).code, 1)
  assert.match(second.output(), /belongs to the Switchboard in/)
})

test('sessions - what an agent gets of our environment is an allow list', async (t) => {
  const rig = await openScriptedRig(t, {
    METRICS_SECRET: 'hush',
    GATEWAY_TOKEN: 'hush',
    CLAUDECODE: '1',
    HTTPS_PROXY: 'http://127.0.0.1:9',
    LC_ALL: 'C',
  })
  await rig.ended(await rig.ask('one'))
  const names = readFileSync(`/proc/${rig.agentPid()}/environ`, 'utf8')
    .split('\0')
    .map((entry) => entry.split('=')[0])
  for (const name of ['METRICS_SECRET', 'GATEWAY_TOKEN', 'CLAUDECODE', 'SWITCHBOARD_HOME', 'ARM_FILE'])
    assert.equal(names.includes(name), false, name)
  for (const name of ['PATH', 'HOME', 'LC_ALL', 'HTTPS_PROXY']) assert.equal(names.includes(name), true, name)
  const args = readFileSync(`/proc/${rig.agentPid()}/cmdline`, 'utf8')
  assert.equal(args.includes('one\0'), false, 'no prompt in the process list')
  assert.equal(statSync(rig.agentFolder()).mode & 0o077, 0)
})

test('sessions - the global memory file is put before a prompt', async (t) => {
  const rig = await openScriptedRig(t)
  writeFileSync(join(rig.home, 'global-memory.md'), 'The owner likes tea.')
  const turn = await rig.ended(await rig.ask('what do I like'))
  assert.match(turn.reply ?? '', /\[Global Memory\]:\nThe owner likes tea\.\n\n---\n\[User Message\]: what do I like/)
  assert.equal(turn.message, 'what do I like')
})
