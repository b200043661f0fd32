/** Permissions that agents ask for: answered, not answered, withdrawn, and with the service killed in between. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Approval } from '../../../protocol/approvals.ts'
import { ServiceError } from '../../../protocol/errors.ts'
import type { TurnEvent } from '../../../protocol/sessions.ts'
import { denial, questionsOf, readPermission, wordsOf } from '../../../services/sessions/agent/permission.ts'
import { mayDoMore } from '../../../services/sessions/settings.ts'
import { type AgentKind, openRig, type Rig, textOf } from '../../crash/rig.ts'
import { checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

const MODE = { CLAUDE_PERMISSION_MODE: 'ask' }
const KINDS: readonly AgentKind[] = ['demo', 'real']

/** A tool that leaves a line in a file each time it runs. */
const mark = (label: string): string => `{{label=${label} tokens=1 tool=Bash command="echo ${label} >> ran.txt"}} go`

const ran = (rig: Rig, label: string): number => {
  const file = join(rig.home, 'work/default/c1/ran.txt')
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line === label).length
    : 0
}

/** The one question that waits. */
const asked = async (rig: Rig): Promise<Approval> => {
  let waiting: Approval[] = []
  await eventually(async () => {
    waiting = (await rig.sessions.approvals({ state: 'waiting' })).approvals
    return waiting.length === 1
  })
  return waiting[0] as Approval
}

const resultOf = (events: readonly TurnEvent[]): Extract<TurnEvent, { type: 'tool_result' }> | undefined =>
  events.find((event) => event.type === 'tool_result')

const conflicts = async (work: Promise<unknown>): Promise<void> => {
  await assert.rejects(work, (error) => error instanceof ServiceError && error.code === 'conflict')
}

/** The same for the demo agent and for the real CLI, which shows that the one behaves like the other. */
const both = (title: string, run: (rig: Rig) => Promise<void>, extra: Record<string, string> = {}): void => {
  for (const kind of KINDS) {
    test(`approvals ${kind} - ${title}`, { timeout: 180_000 }, async (t: TestContext) => {
      const rig = await openRig(t, kind, { ...MODE, ...extra })
      if (rig) await run(rig)
    })
  }
}

both('what is allowed runs once, and once more decided nothing changes', async (rig) => {
  const turnId = await rig.ask(mark('one'))
  const question = await asked(rig)
  assert.equal(question.turn_id, turnId)
  assert.equal(question.tool_name, 'Bash')
  assert.match(question.input, /echo one >> ran\.txt/)
  assert.equal(ran(rig, 'one'), 0, 'it waits')
  const allow = { approval_id: question.approval_id, decision: 'allow' } as const
  const [first, second] = await Promise.all([rig.sessions.decide(allow), rig.sessions.decide(allow)])
  assert.deepEqual([first.state, second.state], ['allowed', 'allowed'])
  const events = await rig.follow(turnId)
  assert.equal(resultOf(events)?.is_error, false)
  assert.equal(textOf(events), rig.answerOf('one', 1))
  const shown = events.find((event) => event.type === 'approval')
  assert.equal(shown?.type === 'approval' && shown.approval_id, question.approval_id)
  assert.equal(ran(rig, 'one'), 1)
  await conflicts(rig.sessions.decide({ ...allow, decision: 'deny' }))
})

both('what is denied does not run, the model is told why, and the turn goes on', async (rig) => {
  const turnId = await rig.ask(mark('two'))
  const { approval_id } = await asked(rig)
  const denied = await rig.sessions.decide({ approval_id, decision: 'deny', message: 'not on a Sunday' })
  assert.deepEqual([denied.state, denied.note], ['denied', 'not on a Sunday'])
  const events = await rig.follow(turnId)
  assert.equal(resultOf(events)?.is_error, true)
  assert.match(resultOf(events)?.content ?? '', /not on a Sunday/)
  assert.equal((await rig.sessions.turn({ turn_id: turnId })).state, 'answered')
  assert.equal(ran(rig, 'two'), 0)
})

both(
  'nobody answers: denied in time, and waiting is no silence of the agent',
  async (rig) => {
    const turnId = await rig.ask(mark('three'))
    const { approval_id } = await asked(rig)
    const events = await rig.follow(turnId)
    assert.match(resultOf(events)?.content ?? '', /Nobody answered within 7 s/)
    assert.equal((await rig.sessions.turn({ turn_id: turnId })).state, 'answered')
    assert.equal((await rig.sessions.approvals({})).approvals[0]?.state, 'expired')
    await conflicts(rig.sessions.decide({ approval_id, decision: 'allow' }))
    assert.equal(ran(rig, 'three'), 0)
  },
  { APPROVAL_TIMEOUT: '7', GATEWAY_CLAUDE_TIMEOUT: '5' },
)

both('an answer broken off asks no more', async (rig) => {
  const turnId = await rig.ask(mark('four'))
  const { approval_id } = await asked(rig)
  assert.deepEqual(await rig.sessions.interrupt({ chat_id: 'c1' }), { interrupted: true })
  assert.equal((await rig.ended(turnId)).state, 'cancelled')
  await eventually(async () => (await rig.sessions.approvals({})).approvals[0]?.state === 'withdrawn')
  await conflicts(rig.sessions.decide({ approval_id, decision: 'allow' }))
  assert.equal(ran(rig, 'four'), 0)
})

both('allowed for the conversation, the like is not asked for again', async (rig) => {
  const message = '{{label=five tokens=1 tool=Bash command="node -e 1"}} go'
  const first = await rig.ask(message)
  const question = await asked(rig)
  assert.match(question.remembers.join(), /^Bash\(node -e 1/)
  await rig.sessions.decide({ approval_id: question.approval_id, decision: 'allow', remember: true })
  await rig.follow(first)
  const events = await rig.follow(await rig.ask(message))
  assert.equal(resultOf(events)?.is_error, false)
  assert.equal(
    events.some((event) => event.type === 'approval'),
    false,
  )
})

both('the service is killed while a question waits, behind the decision, and behind the line: it runs once', async (rig) => {
  const turnId = await rig.ask(mark('six'))
  const { approval_id, expires_at } = await asked(rig)
  await rig.kill('sessions')
  await rig.start('sessions')
  assert.equal((await asked(rig)).expires_at, expires_at, 'the same question, and no second time to wait')
  rig.arm('decision_committed')
  const deciding = rig.sessions.decide({ approval_id, decision: 'allow' }, { timeout_ms: 30_000 })
  await rig.died()
  await rig.start('sessions')
  assert.equal((await deciding).state, 'allowed', 'asked again by itself')
  assert.equal((await rig.ended(turnId)).reply, rig.answerOf('six', 1))
  assert.equal(ran(rig, 'six'), 1)

  const next = await rig.ask(mark('seven'))
  const question = await asked(rig)
  rig.arm('decision_written')
  const again = rig.sessions.decide({ approval_id: question.approval_id, decision: 'allow' }, { timeout_ms: 30_000 })
  await rig.died()
  await rig.start('sessions')
  assert.equal((await again).state, 'allowed')
  assert.equal((await rig.ended(next)).reply, rig.answerOf('seven', 1))
  assert.equal(ran(rig, 'seven'), 1, 'told twice, done once')
  assert.equal((await rig.ended(await rig.ask('{{label=eight tokens=1}} go'))).reply, rig.answerOf('eight', 1))
})

test('approvals - a question of the model is answered with what was chosen', async (t) => {
  const rig = await openRig(t, 'demo', MODE)
  if (!rig) return
  const turnId = await rig.ask('{{label=done tokens=1 tool=AskUserQuestion question="Which one?" choices="left|right"}} go')
  const { approval_id, questions, remembers } = await asked(rig)
  assert.deepEqual(remembers, [])
  assert.deepEqual(
    questions?.map(({ question, options }) => [question, options.map(({ label }) => label)]),
    [['Which one?', ['left', 'right']]],
  )
  await rig.sessions.decide({ approval_id, decision: 'allow', answers: { 'Which one?': 'right' } })
  assert.match(resultOf(await rig.follow(turnId))?.content ?? '', /"Which one\?":"right"/)
})

test('approvals - an agent that dies asks no more, and one whose input is closed is not waited for', async (t) => {
  const rig = await openRig(t, 'demo', MODE)
  if (!rig) return
  const first = await rig.ask(mark('one'))
  await asked(rig)
  process.kill(rig.agentPid(), 'SIGKILL')
  assert.equal((await rig.ended(first)).state, 'interrupted')
  const second = await rig.ask(mark('two'))
  await asked(rig)
  await rig.sessions.retire({})
  const events = await rig.follow(second)
  assert.equal(resultOf(events)?.is_error, true)
  await eventually(async () => (await rig.sessions.approvals({})).approvals.every(({ state }) => state === 'withdrawn'))
  assert.equal(ran(rig, 'one') + ran(rig, 'two'), 0)
})

test('approvals - what does not exist is not found; lists know bots and chats apart', async (t) => {
  const rig = await openRig(t, 'demo', MODE)
  if (!rig) return
  await assert.rejects(
    rig.sessions.decide({ approval_id: '7-7', decision: 'allow' }),
    (error) => error instanceof ServiceError && error.code === 'not_found',
  )
  const turnId = await rig.ask(mark('one'))
  const { approval_id } = await asked(rig)
  assert.equal((await rig.sessions.approvals({ chat_id: 'c1' })).approvals.length, 1)
  assert.equal((await rig.sessions.approvals({ chat_id: 'other' })).approvals.length, 0)
  assert.equal((await rig.sessions.approvals({ bot_id: 'other' })).approvals.length, 0)
  await rig.sessions.decide({ approval_id, decision: 'deny' })
  await rig.ended(turnId)
})

test('approvals - lines are read without trust, and the mode that permits everything is never suggested', () => {
  assert.equal(readPermission({ type: 'control_request', request: 7 }), null)
  assert.equal(readPermission({ type: 'control_request', request_id: 'r', request: { subtype: 'other' } }), null)
  const line = readPermission({
    type: 'control_request',
    request_id: 'r',
    request: {
      subtype: 'can_use_tool',
      tool_name: 'Write',
      input: 'no object',
      permission_suggestions: [
        { type: 'setMode', mode: 'bypassPermissions', destination: 'session' },
        { type: 'setMode', mode: 'acceptEdits', destination: 'userSettings' },
        'nothing',
      ],
    },
  })
  assert.equal(line?.kind, 'asked')
  assert.deepEqual(line?.kind === 'asked' && line.question.suggestions, [
    { type: 'setMode', mode: 'acceptEdits', destination: 'session' },
  ])
  assert.deepEqual(wordsOf({ type: 'setMode', mode: 'acceptEdits' }), ['every edit of a file in the working directory'])
  assert.deepEqual(wordsOf({ type: 'addRules', rules: [7, { toolName: 'Bash' }] }), ['?', 'Bash'])
  assert.deepEqual(wordsOf({ type: 'addDirectories', directories: ['/a'] }), ['work in the folder /a'])
  assert.equal(line?.kind === 'asked' && line.question.title, 'Write')
  assert.deepEqual(questionsOf('AskUserQuestion', { questions: [7] }), [
    { question: '', header: '', options: [], multi_select: false },
  ])
  assert.equal(questionsOf('AskUserQuestion', { questions: Array(1_000).fill({}) })?.length, 20)
  assert.deepEqual(JSON.parse(denial('no')), { behavior: 'deny', message: 'no' })
})

test('approvals - an agent that may edit unasked may do more than one that asks', () => {
  assert.equal(mayDoMore('acceptEdits', 'ask'), true)
  assert.equal(mayDoMore('bypassPermissions', 'ask'), true)
  assert.equal(mayDoMore('ask', 'default'), true)
  assert.equal(mayDoMore('default', 'ask'), false)
})
