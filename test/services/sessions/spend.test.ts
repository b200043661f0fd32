/** What may be spent a day: limits hold across restarts, unattended work stops first, and everybody is told plainly. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openScriptedRig, type Rig } from '../../crash/rig.ts'
import { checkLeaks } from '../../harness.ts'

checkLeaks()

const HELLO = '{{label=one tokens=1}} hello'
const YESTERDAY_MS = 36 * 3_600_000

/** The zone in which it is about noon: a midnight in the middle of a test would begin the day anew. */
const noonZone = (): string => {
  const ahead = 12 - new Date().getUTCHours()
  // Its names count westwards.
  return `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`
}

const openWith = async (t: TestContext, limits: Record<string, string>): Promise<Rig> => {
  const rig = await openScriptedRig(t, { ...limits, TZ: noonZone() })
  await rig.ended(await rig.ask(HELLO))
  return rig
}

/** Writes what the one turn of c1 so far has cost, as if it had been said by the CLI; `age_ms`: how long ago it ended. */
const spend = async (rig: Rig, usd: number, age_ms = 0): Promise<void> => {
  await rig.kill('sessions')
  rig.change('UPDATE turns SET cost_usd = 0')
  rig.change('UPDATE turns SET cost_usd = ?, ended_at = ended_at - ? WHERE seq = 1', usd, age_ms)
  await rig.start('sessions')
}

const send = async (rig: Rig, chat_id = 'c1', unattended = false) => {
  const { turn_id } = await rig.sessions.send({ chat_id, message: HELLO, unattended })
  const { state, reply } = await rig.ended(turn_id)
  return { state, reply }
}

test('spend - a chat that has reached its limit is told so; others go on', async (t) => {
  const rig = await openWith(t, { SPEND_LIMIT_CHAT_DAY_USD: '1.5' })
  await spend(rig, 1.6)
  const { state, reply } = await send(rig)
  assert.equal(state, 'failed')
  assert.match(
    reply ?? '',
    /^\[ERROR\] Today's spending limit of this chat is reached: \$1\.60 of \$1\.50 \(SPEND_LIMIT_CHAT_DAY_USD\)\./,
  )
  assert.equal((await send(rig, 'other')).state, 'answered')
  assert.equal(rig.runs(HELLO), 2, 'what was refused reached no agent')
})

test('spend - unattended work stops first, people are still answered', async (t) => {
  const rig = await openWith(t, { SPEND_LIMIT_BOT_DAY_USD: '10', SPEND_UNATTENDED_PERCENT: '50' })
  await spend(rig, 6)
  const refused = { code: 'over_budget', message: /the bot default is reached: \$6\.00 of \$10\.00.*stops at 50 % of it/ }
  await assert.rejects(send(rig, 'other', true), refused)
  await assert.rejects(rig.sessions.start_task({ chat_id: 'c1', message: HELLO }), refused)
  const rejected = await rig.sessions.send_background({ chat_id: 'c1', message: HELLO })
  assert.ok(rejected.status === 'rejected' && refused.message.test(rejected.reason), 'in words that the bot shows')
  assert.equal((await send(rig)).state, 'answered')
})

test('spend - work that waited while the money ran out is told so in its turn', async (t) => {
  const rig = await openWith(t, { SPEND_LIMIT_DAY_USD: '10' })
  const { task_id } = await rig.sessions.start_task({
    chat_id: 'c1',
    message: '{{label=busy hang_after=1}} go',
    project_id: 'one',
  })
  await rig.follow(task_id, { until: (event) => event.type === 'text' })
  const { turn_id } = await rig.sessions.send({ chat_id: 'c2', message: '{{label=busy hang_after=1}} go' })
  await rig.follow(turn_id, { until: (event) => event.type === 'text' })
  const waiting = await rig.sessions.send({ chat_id: 'c2', message: HELLO, unattended: true })
  await spend(rig, 11)
  await rig.sessions.interrupt({ chat_id: 'c2', turn_id })
  const { state, reply } = await rig.ended(waiting.turn_id)
  assert.equal(state, 'failed')
  assert.match(reply ?? '', /of all chats together is reached/)
})

test('spend - the limit of all counts all, and yesterday does not count', async (t) => {
  const rig = await openWith(t, { SPEND_LIMIT_DAY_USD: '2' })
  await spend(rig, 2)
  assert.match((await send(rig, 'other')).reply ?? '', /of all chats together is reached/)
  await spend(rig, 2, YESTERDAY_MS)
  assert.equal((await send(rig)).state, 'answered')
})

test('spend - without limits nothing is refused, and what was spent is told by day, bot and chat', async (t) => {
  const rig = await openWith(t, {})
  await spend(rig, 1_000)
  assert.equal((await send(rig)).state, 'answered')
  const { limits, rows, today_usd } = await rig.sessions.spend({ days: 2 })
  assert.deepEqual(limits, { day_usd: null, bot_day_usd: null, chat_day_usd: null, unattended_percent: 80 })
  assert.deepEqual([rows.length, rows[0]?.bot_id, rows[0]?.chat_id], [1, 'default', 'c1'])
  assert.equal(today_usd, rows[0]?.cost_usd)
  assert.ok(today_usd >= 1_000)
  assert.match(rows[0]?.day ?? '', /^\d{4}-\d\d-\d\d$/)
  assert.deepEqual((await rig.sessions.spend({ chat_id: 'other' })).rows, [])
})
