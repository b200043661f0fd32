/** Turns as their callers see them: the real service, real agents (scripted), real history. */
import assert from 'node:assert/strict'
import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ServiceError } from '../../../protocol/errors.ts'
import { openScriptedRig, type Rig, textOf } from '../../crash/rig.ts'
import { checkLeaks } from '../../harness.ts'
import { recorded } from './recorded.ts'

checkLeaks()

const agents = (rig: Rig) =>
  rig.query<{ n: number; state: string; nonce: string; chat_id: string; conversation_id: string }>(
    'SELECT * FROM agents ORDER BY n',
  )

test('turns - the messages of a chat run one after the other, in order, with one agent', async (t) => {
  const rig = await openScriptedRig(t)
  const ids = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      rig.sessions.send({ chat_id: 'c1', message: `{{label=m${index} tokens=3 delay_ms=5}} go` }),
    ),
  )
  const turns = await Promise.all(ids.map(({ turn_id }) => rig.ended(turn_id)))
  assert.deepEqual(
    turns.map((turn) => turn.reply),
    turns.map((_, index) => rig.answerOf(`m${index}`, 3)),
  )
  for (const [index, turn] of turns.entries()) {
    const before = turns[index - 1]
    if (before) assert.equal((turn.started_at ?? 0) >= (before.ended_at ?? Number.POSITIVE_INFINITY), true)
  }
  assert.equal(agents(rig).length, 1)
  const rows = await recorded(rig, 'gw-default-c1', 16)
  assert.equal(rows.length, 16)
})

test('turns - what a turn took is kept', async (t) => {
  const rig = await openScriptedRig(t)
  const first = await rig.ended(await rig.ask('{{label=a tokens=3}} one'))
  const second = await rig.ended(await rig.ask('{{label=b tokens=3}} two'))
  for (const turn of [first, second]) {
    assert.equal((turn.input_tokens ?? 0) > 0 && (turn.output_tokens ?? 0) > 0 && turn.model !== null, true)
    assert.equal(turn.cache_read_tokens !== null && turn.cache_creation_tokens !== null, true)
    assert.equal((turn.duration_ms ?? -1) >= 0 && (turn.first_token_ms ?? -1) >= 0, true)
  }
  // The CLI counts cumulatively; a turn's cost is its own.
  assert.equal((second.cost_usd ?? 9) < (first.cost_usd ?? 0) * 2, true)
})

test('turns - slots bound the running turns, and a waiting one expires with the reason', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_MAX_CLAUDE_PROCESSES: '1', GATEWAY_QUEUE_WAIT_TIMEOUT: '2' })
  const long = await rig.ask('{{label=long tokens=4000 delay_ms=20}} go', 'a')
  const other = await rig.ended(await rig.ask('hello', 'b'))
  assert.equal(other.state, 'expired')
  assert.match(other.reply ?? '', /^\[BUSY\] The message waited \d s and was not handed to Claude: all 1 slots are busy/)
  const behind = await rig.ended(await rig.ask('hello', 'a'))
  assert.match(behind.reply ?? '', /still at work on an earlier message/)
  assert.equal(rig.runs('hello'), 0)
  assert.equal((await rig.sessions.interrupt({ chat_id: 'a' })).interrupted, true)
  assert.equal((await rig.ended(long)).state, 'cancelled')
})

test('turns - without memory for another agent a message waits, and says why it was not taken', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_MIN_FREE_MB: '99999999', GATEWAY_QUEUE_WAIT_TIMEOUT: '1' })
  const turn = await rig.ended(await rig.ask('hello'))
  assert.equal(turn.state, 'expired')
  assert.match(turn.reason ?? '', /GATEWAY_MIN_FREE_MB/)
})

test('turns - without disk no message is taken', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_MIN_FREE_DISK_MB: '99999999' })
  await assert.rejects(
    rig.ask('hello'),
    (error: ServiceError) => error.code === 'low_disk' && /GATEWAY_MIN_FREE_DISK_MB/.test(error.message),
  )
  assert.deepEqual(rig.query('SELECT * FROM turns'), [])
})

test('turns - a repeat with the same key attaches, another message with it is refused', async (t) => {
  const rig = await openScriptedRig(t)
  const message = '{{label=a tokens=3}} one'
  const send = (text: string, chat_id = 'c1') => rig.sessions.send({ chat_id, message: text, idempotency_key: 'k' })
  const answers = await Promise.all([send(message), send(message), send(message)])
  assert.equal(new Set(answers.map((answer) => answer.turn_id)).size, 1)
  assert.deepEqual(answers.map((answer) => answer.attached).sort(), [false, true, true])
  await rig.ended(answers[0]?.turn_id ?? '')
  assert.equal((await send(message)).attached, true, 'also when it has ended')
  assert.equal(rig.runs(message), 1)
  await assert.rejects(send('other'), (error: ServiceError) => error.code === 'conflict')
  assert.equal((await send(message, 'c2')).attached, false, 'per session')
})

test('turns - interrupt ends the answer, keeps what was said and the conversation', async (t) => {
  const rig = await openScriptedRig(t)
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1' }), { interrupted: false })
  const turnId = await rig.ask('{{label=words tokens=2000 delay_ms=10}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1' }), { interrupted: true })
  const turn = await rig.ended(turnId)
  assert.equal(turn.state, 'cancelled')
  assert.match(turn.reply ?? '', /^\[ERROR\] Stopped\.\n\nSo far Claude had said:\n\nwords/)
  assert.equal((await rig.ended(await rig.ask('{{label=after tokens=1}} go'))).reply, rig.answerOf('after', 1))
  assert.equal(agents(rig).length, 1, 'the process stays usable')
})

test('turns - an interrupt may name its turn: that one ends, running or waiting, and no other', async (t) => {
  const rig = await openScriptedRig(t)
  const running = await rig.ask('{{label=words tokens=2000 delay_ms=10}} go')
  const waiting = await rig.ask('{{label=later tokens=2}} second')
  const last = await rig.ask('{{label=last tokens=2}} third')
  await rig.follow(running, { until: (event) => event.type === 'text' })
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'other', turn_id: waiting }), { interrupted: false })
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1', turn_id: waiting }), { interrupted: true })
  assert.equal((await rig.ended(waiting)).state, 'cancelled')
  assert.equal((await rig.sessions.turn({ turn_id: running })).state, 'running')
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1', turn_id: running }), { interrupted: true })
  assert.equal((await rig.ended(running)).state, 'cancelled')
  assert.equal((await rig.ended(last)).reply, rig.answerOf('last', 2))
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1', turn_id: running }), { interrupted: false })
  assert.equal(rig.runs('{{label=later tokens=2}} second'), 0)
})

test('turns - the agent is told which chats wait for its turn, and a message back to one of them is refused', async (t) => {
  const rig = await openScriptedRig(t)
  const told = () => JSON.parse(readFileSync(join(rig.agentFolder(), 'turn'), 'utf8')) as { chain: string }
  const send = (chain: string) => rig.sessions.send({ chat_id: 'c1', message: '{{label=one tokens=1}} x', chain })
  await rig.ended((await send('default/a,default/b')).turn_id)
  assert.deepEqual(told(), { chain: 'default/a,default/b' })
  const environment = readFileSync(`/proc/${rig.agentPid()}/environ`, 'utf8').split('\0')
  assert.ok(environment.includes('SWITCHBOARD_CHAT=default/c1'))
  assert.ok(environment.includes(`SWITCHBOARD_TURN_FILE=${join(rig.agentFolder(), 'turn')}`))
  await rig.ended(await rig.ask('{{label=two tokens=1}} of a person'))
  assert.deepEqual(told(), { chain: '' }, 'the chain of the turn before holds no more')
  const refused = { code: 'conflict' }
  await assert.rejects(send('default/c1'), { ...refused, message: /default\/c1 is the chat that you are answering/ })
  await assert.rejects(send('default/c1,default/a'), { ...refused, message: /waits for your answer already/ })
  await assert.rejects(send('default/a,default/b,default/c,default/d'), { ...refused, message: /which is the limit/ })
  await assert.rejects(send('no chat'), { code: 'invalid_input' })
})

test('turns - an interrupt that was asked for survives the service', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=words tokens=2000 delay_ms=10 ignore_interrupt}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  await rig.sessions.interrupt({ chat_id: 'c1' })
  await rig.kill('sessions')
  process.kill(rig.agentPid(), 'SIGKILL')
  await rig.start('sessions')
  assert.equal((await rig.ended(turnId)).state, 'cancelled')
})

test('turns - waiting turns survive a restart, in order, and each runs once', async (t) => {
  const rig = await openScriptedRig(t)
  const messages = Array.from({ length: 6 }, (_, index) => `{{label=m${index} tokens=10 delay_ms=20}} go`)
  const ids: string[] = []
  for (const message of messages) ids.push(await rig.ask(message))
  await rig.kill('sessions')
  await rig.start('sessions')
  const turns = await Promise.all(ids.map((id) => rig.ended(id)))
  assert.deepEqual(
    turns.map((turn) => turn.reply),
    messages.map((_, index) => rig.answerOf(`m${index}`, 10)),
  )
  assert.deepEqual(
    messages.map((message) => rig.runs(message)),
    messages.map(() => 1),
  )
})

test('turns - any text arrives as it was sent', async (t) => {
  const rig = await openScriptedRig(t)
  const prompts = [
    '-rf --help',
    '--version',
    '/unknown command',
    '/etc/passwd is a file',
    '',
    ' ',
    'a\0b',
    '\u2028\u2029\r\n\t\x1b[0m',
    '🧨 ümläut 漢字 \u{10FFFF} \uFEFF',
    '"\\"\\n"',
    'x'.repeat(1_000_000),
  ]
  for (const prompt of prompts) {
    const turn = await rig.ended(await rig.ask(prompt, 'any'))
    assert.equal(turn.message, prompt)
    assert.equal(turn.state, 'answered', `${prompt.slice(0, 50)}: ${turn.reply}`)
    // A slash would be a command of the CLI: a space in front makes it text.
    assert.equal(rig.runs(prompt.startsWith('/') ? ` ${prompt}` : prompt), 1, prompt.slice(0, 50))
  }
  const rows = await recorded(rig, 'gw-default-any', 2 * prompts.length)
  assert.deepEqual(
    rows.filter((row) => row.role === 'user').map((row) => row.content),
    prompts,
  )
  const lone = await rig.ended(await rig.ask('lone \ud800 surrogate', 'any'))
  assert.match(lone.message, /^lone \ufffd+ surrogate$/, 'which has no UTF-8')
})

test('turns - a huge answer is complete in the stream and in history', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{size=6000000}} go')
  const events = await rig.follow(turnId)
  assert.equal(textOf(events), 'x'.repeat(6_000_000))
  assert.equal(events.at(-1)?.type === 'end' && events.at(-1)?.id.endsWith('.999999999'), true)
  const late = await rig.follow(turnId)
  assert.deepEqual(
    late.map((event) => event.id),
    events.map((event) => event.id),
    'read again from the log',
  )
  const middle = events[Math.floor(events.length / 2)]?.id ?? ''
  const rest = await rig.follow(turnId, { after: middle })
  assert.deepEqual(
    rest.map((event) => event.id),
    events.slice(Math.floor(events.length / 2) + 1).map((event) => event.id),
  )
  const rows = await recorded(rig, 'gw-default-c1', 2)
  assert.equal(rows[1]?.content.length, 6_000_000)
})

test('turns - many watchers of one turn see the same', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=words tokens=50 delay_ms=5}} go')
  const all = await Promise.all(Array.from({ length: 50 }, () => rig.follow(turnId)))
  for (const events of all) assert.deepEqual(events, all[0])
})

test('turns - an unknown turn is not found, and one whose log is gone says so', async (t) => {
  const rig = await openScriptedRig(t)
  await assert.rejects(
    rig.sessions.events({ turn_id: '11111111-2222-4333-8444-555555555555' }),
    (error: ServiceError) => error.code === 'not_found',
  )
  const turnId = await rig.ask('{{label=a tokens=1}} go')
  await rig.ended(turnId)
  await rig.kill('sessions')
  renameSync(rig.agentFolder(), join(rig.home, 'away'))
  await rig.start('sessions')
  await assert.rejects(rig.sessions.events({ turn_id: turnId }), (error: ServiceError) => error.code === 'gone')
  assert.equal((await rig.sessions.turn({ turn_id: turnId })).reply, rig.answerOf('a', 1))
})
