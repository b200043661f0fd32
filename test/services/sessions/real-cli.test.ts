/** The real Claude CLI behind the real service; only the model is stood in for. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openRig, type Rig, textOf } from '../../crash/rig.ts'
import { checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

/** Null where the CLI cannot be had: then the test was skipped by name. */
const rigOf = (t: TestContext, extra: Record<string, string> = {}): Promise<Rig | null> => openRig(t, 'real', extra)

const agentCount = (rig: Rig): number => rig.query('SELECT n FROM agents').length

test('real CLI - a first turn, and a warm second one in the same process', async (t) => {
  const rig = await rigOf(t)
  if (!rig) return
  const firstId = await rig.ask('{{label=one tokens=5 delay_ms=5}} first')
  const events = await rig.follow(firstId)
  assert.equal(textOf(events), rig.answerOf('one', 5))
  assert.equal(events.filter((event) => event.type === 'text').length >= 5, true, 'word by word')
  const first = await rig.sessions.turn({ turn_id: firstId })
  assert.equal(first.state, 'answered')
  const second = await rig.ended(await rig.ask('{{label=two tokens=3}} second'))
  assert.equal(second.reply, rig.answerOf('two', 3))
  assert.equal(agentCount(rig), 1)
  for (const turn of [first, second]) {
    assert.equal((turn.input_tokens ?? 0) > 0 && (turn.output_tokens ?? 0) > 0 && (turn.cost_usd ?? 0) > 0, true)
    assert.equal((turn.duration_ms ?? 0) > 0 && (turn.first_token_ms ?? 0) > 0 && turn.model !== null, true)
  }
  assert.equal((second.cost_usd ?? 9) < 2 * (first.cost_usd ?? 0), true, 'a turn’s own cost, not the process’s')
  assert.equal((await rig.sessions.status({})).agent.version, '2.1.330')
})

test('real CLI - after its agent was let go the conversation is resumed', async (t) => {
  const rig = await rigOf(t, { GATEWAY_SESSION_IDLE_TIMEOUT: '1' })
  if (!rig) return
  await rig.ended(await rig.ask('{{label=one tokens=2}} first'))
  await eventually(async () => (await rig.sessions.reap({})).count === 1)
  await eventually(() => rig.query<{ state: string }>('SELECT state FROM agents')[0]?.state === 'dead')
  assert.equal((await rig.ended(await rig.ask('{{label=two tokens=2}} second'))).reply, rig.answerOf('two', 2))
  const agents = rig.query<{ conversation_id: string }>('SELECT conversation_id FROM agents')
  assert.equal(agents.length, 2)
  assert.equal(agents[0]?.conversation_id, agents[1]?.conversation_id)
})

test('real CLI - interrupt ends the answer, the process stays usable', async (t) => {
  const rig = await rigOf(t)
  if (!rig) return
  const turnId = await rig.ask('{{label=words tokens=1000 delay_ms=20}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1' }), { interrupted: true })
  const turn = await rig.ended(turnId)
  assert.equal(turn.state, 'cancelled')
  assert.match(turn.reply ?? '', /Stopped\.[\s\S]*words/)
  assert.equal((await rig.ended(await rig.ask('{{label=two tokens=2}} second'))).reply, rig.answerOf('two', 2))
  assert.equal(agentCount(rig), 1)
})

test('real CLI - a tool is used in the session’s own folder', async (t) => {
  const rig = await rigOf(t)
  if (!rig) return
  const turnId = await rig.ask('{{label=done tokens=1 tool=Bash command="pwd; echo hi > made.txt"}} go')
  const events = await rig.follow(turnId)
  const result = events.find((event) => event.type === 'tool_result')
  assert.equal(result?.type === 'tool_result' && result.content.trim(), join(rig.home, 'work/default/c1'))
  assert.deepEqual(
    events.filter((event) => event.type.startsWith('tool')).map((event) => event.type),
    ['tool_use', 'tool_result'],
  )
  assert.equal((await rig.sessions.turn({ turn_id: turnId })).reply, rig.answerOf('done', 1))
})

test('real CLI - a turn streams on while the service is killed', async (t) => {
  const rig = await rigOf(t)
  if (!rig) return
  const message = '{{label=words tokens=150 delay_ms=20}} go'
  const turnId = await rig.ask(message)
  const before = await rig.follow(turnId, { until: (event) => event.type === 'text' })
  await rig.kill('sessions')
  await rig.start('sessions')
  const rest = await rig.follow(turnId, { after: before.at(-1)?.id ?? '' })
  assert.equal(textOf([...before, ...rest]), rig.answerOf('words', 150))
  assert.equal(rig.runs(message), 1)
})

test('real CLI - a message that comes in a turn of its own is a turn for itself', async (t) => {
  const rig = await rigOf(t)
  if (!rig) return
  await rig.ended(
    await rig.ask(
      '{{label=one tokens=2 tool=Bash command="sleep 0.2" background own_tokens=40 own_delay_ms=25 own_label=own}} go',
    ),
  )
  const log = join(rig.agentFolder(), 'out')
  await eventually(() => readFileSync(log, 'utf8').split('task_notification')[1]?.includes('"text":" t3"'), {
    timeout_ms: 20_000,
  })
  const second = await rig.ended(await rig.ask('{{label=two tokens=2}} second'))
  assert.equal(second.reply, rig.answerOf('two', 2))
  await eventually(
    () => rig.query<{ reply: string }>(`SELECT reply FROM turns WHERE origin = 'agent'`)[0]?.reply === rig.answerOf('own', 40),
    { timeout_ms: 20_000 },
  )
  assert.equal(rig.runs('{{label=two tokens=2}} second'), 1)
})

test('real CLI - any text arrives as it was sent', async (t) => {
  const rig = await rigOf(t)
  if (!rig) return
  for (const prompt of [
    '-rf --help',
    '/unknown command',
    '/etc/passwd is a file',
    'a\0b',
    '🧨 ümläut 漢字 \u{10FFFF}',
    `${'x'.repeat(1_000_000)} end`,
  ]) {
    const turn = await rig.ended(await rig.ask(prompt))
    assert.equal(turn.reply?.trim(), `echo: ${prompt}`, prompt.slice(0, 40))
  }
  assert.match((await rig.ended(await rig.ask('/cost'))).reply ?? '', /cost/i)
})

test('real CLI - an error of the API is a failed turn, and the chat goes on', async (t) => {
  const rig = await rigOf(t)
  if (!rig) return
  const turn = await rig.ended(await rig.ask('{{status=400 message="bad thing" error=invalid_request_error}} go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /^\[ERROR\] API Error: 400/)
  assert.equal((await rig.ended(await rig.ask('{{label=two tokens=2}} second'))).reply, rig.answerOf('two', 2))
})

test('real CLI - as root without a sandbox the user is told what to do before anything is started', {
  skip: process.getuid?.() === 0 ? false : 'only root is refused',
}, async (t) => {
  const rig = await rigOf(t, { IS_SANDBOX: '0' })
  if (!rig) return
  const turn = await rig.ended(await rig.ask('hello'))
  assert.equal(turn.state, 'failed')
  assert.match(
    turn.reply ?? '',
    /^\[ERROR\] Claude Code refuses to skip permission prompts as root\..*CLAUDE_PERMISSION_MODE=acceptEdits/,
  )
  assert.equal(agentCount(rig), 0)
  assert.match((await rig.sessions.status({})).agent.problem ?? '', /as root/)
})

test('real CLI - as root with another permission mode it works', async (t) => {
  const rig = await rigOf(t, { IS_SANDBOX: '0', CLAUDE_PERMISSION_MODE: 'acceptEdits' })
  if (!rig) return
  assert.equal((await rig.ended(await rig.ask('{{label=one tokens=2}} first'))).reply, rig.answerOf('one', 2))
})
