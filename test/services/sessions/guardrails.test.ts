/** Agents that hang, rage or outgrow their limits, and what is left of them. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { carriedNonces, processesOf } from '../../../services/sessions/agent/process.ts'
import { explain } from '../../../services/sessions/api-errors.ts'
import { mayDoMore } from '../../../services/sessions/settings.ts'
import { judge, type WatchdogLimits } from '../../../services/sessions/watchdog.ts'
import { openScriptedRig, type Rig, textOf } from '../../crash/rig.ts'
import { atEnd, checkLeaks, eventually, type Scope } from '../../harness.ts'

checkLeaks()

interface AgentRow {
  readonly n: number
  readonly state: string
  readonly nonce: string
}

const agents = (rig: Rig): AgentRow[] => rig.query<AgentRow>('SELECT n, state, nonce FROM agents ORDER BY n')

/**
 * The chat is usable: another message is answered, in the conversation that was there before. The agent refuses to begin one that it
 * has on record and to resume one that it has not, as the CLI does: the same name in its journal is the same conversation.
 */
const goesOn = async (rig: Rig): Promise<void> => {
  assert.equal((await rig.ended(await rig.ask('{{label=after tokens=1}} go'))).reply, rig.answerOf('after', 1))
  const lines = readFileSync(join(rig.home, 'journal.jsonl'), 'utf8').trim().split('\n')
  assert.equal(new Set(lines.map((line) => (JSON.parse(line) as { session_id: string }).session_id)).size, 1)
}

const LIMITS: WatchdogLimits = {
  start_s: 60,
  silence_s: 600,
  stuck_s: 960,
  turn_s: 7_200,
  turn_log_mb: 1_024,
  task_silence_s: 21_600,
}

test('watchdog - judges by output, then by the ceiling', () => {
  const quiet = { silent_ms: 0, running_ms: 0, isHeard: true, written_bytes: 0 }
  assert.equal(judge(LIMITS, quiet), null)
  assert.equal(judge(LIMITS, { ...quiet, silent_ms: 599_999, running_ms: 7_199_000 }), null)
  assert.equal(judge(LIMITS, { ...quiet, silent_ms: 600_000 })?.act, 'break_off')
  assert.equal(judge(LIMITS, { ...quiet, silent_ms: 960_000 })?.act, 'end')
  assert.equal(judge(LIMITS, { ...quiet, silent_ms: 60_000, isHeard: false })?.act, 'replace')
  assert.equal(judge(LIMITS, { ...quiet, running_ms: 7_200_000 })?.act, 'break_off')
  assert.equal(judge(LIMITS, { ...quiet, written_bytes: 1_024 ** 3 })?.act, 'break_off')
})

test('watchdog - a silent turn is broken off and fails with the reason', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_CLAUDE_TIMEOUT: '2' })
  const turn = await rig.ended(await rig.ask('{{label=words tokens=9 hang_after=3}} go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /^\[ERROR\] Claude said nothing for \d s.*words t0/s)
  await goesOn(rig)
  assert.equal(agents(rig).length, 1, 'asked to break off, it stays usable')
})

test('watchdog - an agent that ignores the request is ended, with its tools', { timeout: 120_000 }, async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_CLAUDE_TIMEOUT: '2' })
  const turn = await rig.ended(await rig.ask('{{tool=Bash command="sleep 1000" ignore_interrupt ignore_term}} go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /said nothing/)
  const [first] = agents(rig)
  await eventually(() => processesOf(first?.nonce ?? '', null).length === 0)
  await goesOn(rig)
})

test('watchdog - the CLI’s own retries are shown, and are no silence', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_CLAUDE_TIMEOUT: '2' })
  const turnId = await rig.ask('{{retry=8 retry_ms=500 label=words tokens=2}} go')
  const events = await rig.follow(turnId)
  assert.equal(events.filter((event) => event.type === 'retrying').length, 8)
  assert.equal(textOf(events), rig.answerOf('words', 2))
})

test('watchdog - a turn over its ceiling ends, however busy it is', async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_TURN_MAX: '2' })
  const turn = await rig.ended(await rig.ask('{{label=words tokens=5000 delay_ms=10}} go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /GATEWAY_TURN_MAX/)
  await goesOn(rig)
})

test('watchdog - a turn that writes without end is ended, and memory stays bounded', { timeout: 120_000 }, async (t) => {
  const rig = await openScriptedRig(t, { AGENT_TURN_LOG_MAX: '20' })
  const turn = await rig.ended(await rig.ask('{{size=200000000}} go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reason ?? '', /more than 20 MB/)
  await goesOn(rig)
})

test('watchdog - an agent whose log has grown too large is replaced between turns', async (t) => {
  const rig = await openScriptedRig(t, { AGENT_LOG_MAX: '1' })
  await rig.ended(await rig.ask('{{size=1200000}} go'))
  await goesOn(rig)
  assert.deepEqual(
    agents(rig).map((agent) => agent.n),
    [1, 2],
  )
})

test('watchdog - an agent that has grown too large is replaced between turns', async (t) => {
  const rig = await openScriptedRig(t, { AGENT_MAX_MB: '1' })
  await goesOn(rig)
  await eventually(() => agents(rig)[0]?.state === 'dead')
  await goesOn(rig)
  assert.equal(agents(rig).length, 2)
})

test('watchdog - an agent that says nothing at all is replaced, and the message is not lost', { timeout: 120_000 }, async (t) => {
  const rig = await openScriptedRig(t, { AGENT_START_TIMEOUT: '2' })
  await goesOn(rig)
  process.kill(rig.agentPid(), 'SIGSTOP')
  const message = '{{label=words tokens=2}} go'
  const turn = await rig.ended(await rig.ask(message))
  assert.equal(turn.reply, rig.answerOf('words', 2))
  assert.equal(rig.runs(message), 1)
})

test('watchdog - an agent that has answered, stays busy and takes nothing more is replaced', { timeout: 120_000 }, async (t) => {
  const rig = await openScriptedRig(t, { AGENT_START_TIMEOUT: '2', GATEWAY_SESSION_IDLE_TIMEOUT: '1' })
  // The answer is complete, its process is not: it is held in the middle of what it does behind its result.
  await goesOn(rig)
  const stuck = rig.agentPid()
  process.kill(stuck, 'SIGSTOP')
  const message = '{{label=next tokens=2}} go'
  const turn = await rig.ended(await rig.ask(message))
  assert.equal(turn.reply, rig.answerOf('next', 2))
  assert.equal(rig.runs(message), 1)
  assert.notEqual(rig.agentPid(), stuck)
  await eventually(() => agents(rig).find(({ n }) => n === 1)?.state === 'dead')
  // And one that nobody writes to any more: told to leave, it does not, and is ended.
  process.kill(rig.agentPid(), 'SIGSTOP')
  await eventually(async () => (await rig.sessions.reap({})).count === 1)
  await eventually(() => agents(rig).every(({ state }) => state === 'dead'), { timeout_ms: 100_000 })
})

test('watchdog - an agent that may do more than is allowed now is broken off at once', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=words tokens=3000 delay_ms=10}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  await rig.kill('sessions')
  rig.env.CLAUDE_PERMISSION_MODE = 'plan'
  await rig.start('sessions')
  const turn = await rig.ended(turnId)
  assert.equal(turn.state, 'failed')
  assert.match(turn.reason ?? '', /may do less now/)
  await goesOn(rig)
})

test('settings - which permission mode lets more happen', () => {
  assert.equal(mayDoMore('bypassPermissions', 'acceptEdits'), true)
  assert.equal(mayDoMore('acceptEdits', 'acceptEdits'), false)
  assert.equal(mayDoMore('plan', 'bypassPermissions'), false)
})

test('orphans - what an agent that died meanwhile left running is ended at the next start', { timeout: 120_000 }, async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{tool=Bash command="sleep 1000"}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'tool_use' })
  await rig.kill('sessions')
  const [agent] = agents(rig)
  const nonce = agent?.nonce ?? ''
  await eventually(() => processesOf(nonce, null).length >= 4)
  process.kill(rig.agentPid(), 'SIGKILL')
  await rig.start('sessions')
  assert.equal((await rig.ended(turnId)).state, 'interrupted')
  await eventually(() => !carriedNonces().has(nonce))
})

/** Something that an agent has started, by the nonce that it inherited. */
const startMarked = (t: Scope, nonce: string): ChildProcess => {
  const child = spawn('sleep', ['1000'], { env: { ...process.env, SWITCHBOARD_AGENT: nonce }, stdio: 'ignore' })
  atEnd(t, () => void child.kill('SIGKILL'))
  return child
}

test('orphans - of what carries a nonce only what a killed agent has left is ended: no stranger, nothing that was left on purpose', {
  timeout: 120_000,
}, async (t) => {
  const rig = await openScriptedRig(t)
  await goesOn(rig)
  await rig.sessions.stop({ chat_id: 'c1' })
  await eventually(() => agents(rig)[0]?.state === 'dead')
  await rig.ended(await rig.ask('{{tokens=1}} go'))
  process.kill(rig.agentPid(), 'SIGKILL')
  await eventually(() => agents(rig)[1]?.state === 'dead')
  await rig.kill('sessions')
  const statuses = rig.query<{ exit_status: number; nonce: string }>('SELECT exit_status, nonce FROM agents ORDER BY n')
  assert.deepEqual(
    statuses.map(({ exit_status }) => exit_status),
    [0, 137],
  )
  const [left, killed] = statuses.map(({ nonce }) => startMarked(t, nonce)) as [ChildProcess, ChildProcess]
  const stranger = startMarked(t, randomUUID())
  await rig.start('sessions')
  await eventually(() => killed.signalCode === 'SIGKILL')
  // One look finds them all; the service answers when it is over.
  await rig.sessions.status({})
  assert.deepEqual([left.signalCode, stranger.signalCode], [null, null])
})

test('logs - those of agents that left long ago are deleted, their turns stay', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=words tokens=2}} go')
  await rig.ended(turnId)
  await rig.sessions.stop({ chat_id: 'c1' })
  const folder = join(rig.home, 'agents/1')
  assert.equal(existsSync(folder), true)
  await eventually(() => agents(rig)[0]?.state === 'dead')
  await rig.kill('sessions')
  rig.change('UPDATE agents SET ended_at = 0')
  await rig.start('sessions')
  await eventually(() => !existsSync(folder))
  assert.equal((await rig.sessions.turn({ turn_id: turnId })).reply, rig.answerOf('words', 2))
})

test('errors - the user reads what happened and what to do', () => {
  const advice: readonly (readonly [string, RegExp])[] = [
    ['Not logged in · Please run /login', /Log in again/],
    ['Invalid API key · Fix external API key', /Log in again/],
    ['Failed to authenticate. API Error: 403 nope', /Log in again/],
    ['Credit balance is too low', /Add credit/],
    ["You've hit your session limit · resets 6:41pm (UTC)", /after the reset/],
    ['API Error: Request rejected (429) · slow down', /wait a minute/],
    ['API Error: Repeated 529 Overloaded errors. The API is at capacity', /overloaded: wait/],
    ['API Error: 500 server-side issue', /error of its own/],
    ['Prompt is too long · 210000 tokens', /\/compact/],
    ['Request too large (max 32MB). Try again', /in parts/],
    ["There's an issue with the selected model (x). It may not exist", /CLAUDE_MODEL/],
    ['API Error: Unable to connect to API (ConnectionRefused)', /cannot be reached/],
    ['Request timed out', /cannot be reached/],
    ['something new', /send the message again/],
  ]
  for (const [words, expected] of advice) {
    const told = explain(words)
    assert.equal(told.startsWith(words), true)
    assert.match(told.slice(words.length), expected, words)
  }
})
