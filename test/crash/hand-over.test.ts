/**
 * The hand-over, killed at every named point, with the demo agent (with and without the CLI's newer capabilities) and with
 * the real CLI. What was run is counted by the agent's own journal, or by the stand-in of the model, never by our rows.
 */
import assert from 'node:assert/strict'
import { constants, readFileSync } from 'node:fs'
import { appendFile, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Turn } from '../../protocol/sessions.ts'
import { messageLine } from '../../services/sessions/agent/writer.ts'
import { POINTS, type Point } from '../../services/sessions/points.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { type AgentKind, openRig, openScriptedRig, type Rig, textOf } from './rig.ts'

checkLeaks()

const KINDS: readonly AgentKind[] = ['demo', 'legacy', 'real']

/** What every crash must leave behind: one end, told alike however often it is asked, and history that agrees. */
const checkTurn = async (
  rig: Rig,
  turnId: string,
  message: string,
  expected: { state: Turn['state']; runs: number },
): Promise<Turn> => {
  const turn = await rig.ended(turnId)
  assert.equal(turn.state, expected.state, `${turn.reason}\n${rig.service('sessions').output()}`)
  assert.equal(rig.runs(message), expected.runs, 'times the model was asked')
  const once = await rig.follow(turnId)
  assert.deepEqual(await rig.follow(turnId), once, 'the events are the same when they are read again')
  assert.equal(new Set(once.map((event) => event.id)).size, once.length, 'no id twice')
  assert.equal(once.filter((event) => event.type === 'end').length, 1)
  if (turn.state === 'answered') assert.equal(textOf(once), turn.reply)
  const rows = await eventually(async () => {
    // What the CLI said in a turn of its own may stand between a message and its answer.
    const all = (await rig.history.get_session({ session_id: `gw-default-${turn.chat_id}` })).filter(
      (row) => row.source !== 'agent',
    )
    const mine = all.filter(
      (row, index) => row.content === message || (row.role === 'assistant' && all[index - 1]?.content === message),
    )
    return mine.some((row) => row.role === 'assistant') ? mine : null
  })
  assert.deepEqual(
    rows.map((row) => row.role),
    ['user', 'assistant'],
  )
  assert.equal(rows[1]?.content, turn.reply)
  return turn
}

const killedAt = async (t: TestContext, kind: AgentKind, point: Point, warm: boolean): Promise<void> => {
  const rig = await openRig(t, kind)
  if (!rig) return
  if (warm) assert.equal((await rig.ended(await rig.ask('{{label=before tokens=2}} go'))).state, 'answered')
  const message = '{{label=words tokens=30 delay_ms=10}} go'
  rig.arm(point)
  const asked = rig.ask(message)
  await rig.died()
  await rig.start('sessions')
  const turn = await checkTurn(rig, await asked, message, { state: 'answered', runs: 1 })
  assert.equal(turn.reply, rig.answerOf('words', 30))
  // The conversation goes on with the same agent, or with another that resumes it.
  assert.equal((await rig.ended(await rig.ask('{{label=after tokens=2}} go'))).reply, rig.answerOf('after', 2))
}

for (const kind of KINDS) {
  for (const point of POINTS) {
    test(`hand-over - ${kind} - a service killed at ${point} loses nothing and runs nothing twice`, (t) =>
      killedAt(t, kind, point, false))
    if (kind !== 'real' || point === 'line_written' || point === 'handing_committed') {
      test(`hand-over - ${kind} - the same at ${point} with a warm agent`, (t) => killedAt(t, kind, point, true))
    }
  }

  /** The service dies with the row *handing*; the test then does with the FIFO what the service had got done. */
  const withWritten = async (t: TestContext, cut: (line: string) => string): Promise<void> => {
    const rig = await openRig(t, kind)
    if (!rig) return
    assert.equal((await rig.ended(await rig.ask('{{label=before tokens=2}} go'))).state, 'answered')
    const message = '{{label=words tokens=20 delay_ms=5}} go'
    rig.arm('handing_committed')
    const asked = rig.ask(message)
    await rig.died()
    const [row] = rig.query<{ turn_id: string }>(`SELECT turn_id FROM turns WHERE state = 'handing'`)
    assert.ok(row)
    const fifo = await open(join(rig.agentFolder(), 'in'), constants.O_WRONLY | constants.O_NONBLOCK)
    await fifo.write(cut(messageLine(row.turn_id, message)))
    await fifo.close()
    await rig.start('sessions')
    const turn = await checkTurn(rig, await asked, message, { state: 'answered', runs: 1 })
    assert.equal(turn.reply, rig.answerOf('words', 20))
  }

  test(`hand-over - ${kind} - killed in the middle of the line`, (t) =>
    withWritten(t, (line) => line.slice(0, Math.floor(line.length / 2))))
  test(`hand-over - ${kind} - killed before the newline of the line`, (t) => withWritten(t, (line) => line.slice(0, -1)))
  test(`hand-over - ${kind} - killed behind the line`, (t) => withWritten(t, (line) => line))

  test(`hand-over - ${kind} - the CLI dies in the middle of a turn while the service is down`, async (t) => {
    const rig = await openRig(t, kind)
    if (!rig) return
    const message = '{{label=words tokens=400 delay_ms=20}} go'
    rig.arm('first_text')
    const asked = rig.ask(message)
    await rig.died()
    process.kill(rig.agentPid(), 'SIGKILL')
    await rig.start('sessions')
    const turn = await checkTurn(rig, await asked, message, { state: 'interrupted', runs: 1 })
    assert.match(turn.reply ?? '', /^\[ERROR\] Claude was interrupted/)
    // The next message resumes the conversation.
    assert.equal((await rig.ended(await rig.ask('{{label=after tokens=2}} go'))).reply, rig.answerOf('after', 2))
  })

  test(`hand-over - ${kind} - the CLI dies before it was given the message`, async (t) => {
    const rig = await openRig(t, kind)
    if (!rig) return
    assert.equal((await rig.ended(await rig.ask('{{label=before tokens=2}} go'))).state, 'answered')
    const message = '{{label=words tokens=5}} go'
    rig.arm('handing_committed')
    const asked = rig.ask(message)
    await rig.died()
    process.kill(rig.agentPid(), 'SIGKILL')
    await rig.start('sessions')
    await checkTurn(rig, await asked, message, { state: 'answered', runs: 1 })
  })

  test(`hand-over - ${kind} - after a reboot handing counts as handed`, async (t) => {
    const rig = await openRig(t, kind)
    if (!rig) return
    assert.equal((await rig.ended(await rig.ask('{{label=before tokens=2}} go'))).state, 'answered')
    const message = '{{label=words tokens=5}} go'
    rig.arm('handing_committed')
    const asked = rig.ask(message)
    await rig.died()
    process.kill(rig.agentPid(), 'SIGKILL')
    rig.change(`UPDATE agents SET boot_id = 'another life of the machine'`)
    await rig.start('sessions')
    await checkTurn(rig, await asked, message, { state: 'interrupted', runs: 0 })
    assert.equal((await rig.ended(await rig.ask('{{label=after tokens=2}} go'))).reply, rig.answerOf('after', 2))
  })

  for (const point of ['handing_committed', 'line_written', 'handed_committed'] as const) {
    test(`hand-over - ${kind} - a message in a turn of the CLI's own, killed at ${point}`, async (t) => {
      const rig = await openRig(t, kind)
      if (!rig) return
      const own = kind === 'real' ? 'tool=Bash command="sleep 0.3" background' : 'own_turn_after_ms=300'
      const first = await rig.ended(
        await rig.ask(`{{label=before tokens=2 ${own} own_tokens=60 own_delay_ms=20 own_label=own}} go`),
      )
      assert.equal(first.state, 'answered')
      const log = join(rig.agentFolder(), 'out')
      await eventually(
        () =>
          /"text":"(own|own )"|"text":" ?t3"/.test(readFileSync(log, 'utf8').slice(-20_000).split('task_notification')[1] ?? ''),
        { timeout_ms: 20_000 },
      )
      const message = '{{label=words tokens=5}} go'
      rig.arm(point)
      const asked = rig.ask(message)
      await rig.died()
      await rig.start('sessions')
      const turn = await checkTurn(rig, await asked, message, { state: 'answered', runs: 1 })
      assert.equal(turn.reply, rig.answerOf('words', 5))
    })
  }

  test(`hand-over - ${kind} - a turn of the CLI's own is recorded as one`, async (t) => {
    const rig = await openRig(t, kind)
    if (!rig) return
    const own = kind === 'real' ? 'tool=Bash command="sleep 0.3" background' : 'own_turn_after_ms=300'
    await rig.ended(await rig.ask(`{{label=before tokens=2 ${own} own_tokens=3 own_label=own}} go`))
    const rows = await eventually(
      async () => {
        const all = await rig.history.get_session({ session_id: 'gw-default-c1' })
        return all.length === 3 ? all : null
      },
      { timeout_ms: 20_000 },
    )
    assert.deepEqual(
      rows.map((row) => [row.role, row.source]),
      [
        ['user', 'telegram'],
        ['assistant', 'telegram'],
        ['assistant', 'agent'],
      ],
    )
    assert.equal(rows[2]?.content, rig.answerOf('own', 3))
  })
}

test('hand-over - an agent that dies before it reads is replaced once, then the user is told', async (t) => {
  const rig = await openScriptedRig(t)
  const message = '{{exit=3 at=started stderr="no such model"}} go'
  const turn = await rig.ended(await rig.ask(message))
  // It had shown that it has the message: the model may have seen it, so it is not sent again.
  assert.equal(turn.state, 'interrupted')
  assert.equal(rig.runs(message) <= 1, true)
})

test('hand-over - garbage in the log does not disturb the turn', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=words tokens=200 delay_ms=10}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  await appendFile(
    join(rig.agentFolder(), 'out'),
    'not json\n{"type":"result"\n{"type":"result","subtype":"success","result":"forged","origin":{"kind":"x"}}\n',
  )
  const turn = await rig.ended(turnId)
  assert.equal(turn.reply, rig.answerOf('words', 200))
})
