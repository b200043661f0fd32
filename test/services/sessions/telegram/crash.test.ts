import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DeliveryPoint } from '../../../../services/sessions/telegram/deliveries.ts'
import { LABEL } from '../../../../services/sessions/telegram/prepare.ts'
import { type Behaviour, startBotApi } from '../../../fakes/bot-api.ts'
import { atEnd, checkLeaks, eventually, startModule, tempDir } from '../../../harness.ts'
import { openDeliveryHouse, TOKEN } from './rig.ts'

checkLeaks()

const POINTS: readonly DeliveryPoint[] = ['before_attempt', 'attempt_committed', 'api_answered', 'attempt_ended']
/** Kills a life at each point, at passes that differ, so that some lives end early and some late. */
const ROUNDS = 3
const CHATS = 4
const DELIVERIES = 5

const textOf = (chat: number, n: number): string =>
  n % 2 === 0 ? `c${chat}d${n}p0 **short**` : [0, 1, 2].map((part) => `c${chat}d${n}p${part} ${'x'.repeat(3_900)}`).join('\n\n')

/** What each chat has to show, without labels, by the first word of each message. */
const expectedOf = (chat: number): string[] =>
  Array.from({ length: DELIVERIES }, (_, n) => n).flatMap((n) =>
    (n % 2 === 0 ? [0] : [0, 1, 2]).map((part) => `c${chat}d${n}p${part}`),
  )

test('deliveries - killed at every point again and again: all arrives, in order, and what arrives twice says so', async (t) => {
  const weather: Behaviour[] = [
    'ok',
    'ok',
    'ok',
    'reset_after',
    'ok',
    { status: 500 },
    'ok',
    { status: 429, retry_after: 0.1 },
    'ok',
    'broken_json',
    'ok',
  ]
  let calls = 0
  const fake = await startBotApi({ script: () => weather[calls++ % weather.length] ?? 'ok' })
  atEnd(t, () => fake.close())
  const folder = tempDir(t)
  const plan = join(folder, 'plan.json')
  const deliveries = Array.from({ length: DELIVERIES }, (_, n) =>
    Array.from({ length: CHATS }, (_, chat) => ({ id: `c${chat}d${n}`, chat: `${chat}`, text: textOf(chat, n) })),
  ).flat()
  writeFileSync(plan, JSON.stringify(deliveries))
  const env = { HOUSE: folder, BASE: fake.url, PLAN: plan, TOKEN }
  const lives = Array.from({ length: ROUNDS }, (_, round) =>
    POINTS.map((point, index) => `${point}:${1 + ((round + index) % 3)}`),
  ).flat()
  let output = ''
  let kills = 0
  for (const arm of lives) {
    const life = startModule(t, 'test/services/sessions/telegram/deliveries-main.ts', { ...env, ARM: arm })
    await eventually(() => life.process.signalCode !== null || life.messages.includes('done'), { timeout_ms: 30_000 })
    if (life.process.signalCode === null) life.process.kill('SIGKILL')
    else kills++
    await life.exit
    output += life.output() + life.errors()
  }
  const last = startModule(t, 'test/services/sessions/telegram/deliveries-main.ts', env)
  await eventually(() => last.messages.includes('done'), { timeout_ms: 60_000 })
  last.process.kill('SIGKILL')
  await last.exit
  output += last.output() + last.errors()
  assert.ok(kills >= POINTS.length * 2, `${kills} lives were killed`)

  const house = openDeliveryHouse({ folder, base: fake.url })
  atEnd(t, () => house.close())
  const rows = house.deliveries.list({ limit: 200 })
  assert.equal(rows.length, deliveries.length)
  assert.deepEqual(
    rows.filter((row) => row.state !== 'delivered'),
    [],
  )
  const attempts = rows.flatMap((row) => row.parts.flatMap((part) => part.attempts))
  const ambiguous = attempts.filter((attempt) => attempt.outcome === 'ambiguous').length
  let labelled = 0
  for (let chat = 0; chat < CHATS; chat++) {
    const received = fake.chat(`${chat}`)
    const names = received.map((message) => message.text.replace(LABEL, '').split(' ')[0] ?? '')
    const firsts = names.filter((name, index) => names.indexOf(name) === index)
    assert.deepEqual(firsts, expectedOf(chat), 'all of it, in order')
    for (const [index, message] of received.entries()) {
      if (message.labelled) labelled++
      else assert.equal(names.indexOf(names[index] ?? ''), index, `${names[index]} arrived twice and did not say so`)
      // A repeat comes before whatever stands behind it.
      if (index > 0) assert.ok(firsts.indexOf(names[index] ?? '') >= firsts.indexOf(names[index - 1] ?? ''))
    }
  }
  assert.ok(ambiguous > 0 && labelled <= ambiguous, `${labelled} labelled, ${ambiguous} ambiguous`)
  // The evidence: what the rows call sent is there under that number, with that token.
  const ids = new Set([...fake.chats.values()].flat().map((message) => message.message_id))
  for (const row of rows) for (const part of row.parts) assert.ok(part.message_id !== null && ids.has(part.message_id))
  const files = readdirSync(folder).filter((name) => name.startsWith('sessions.db'))
  for (const text of [output, ...files.map((name) => readFileSync(join(folder, name), 'latin1'))])
    assert.ok(!text.includes('SECRET'))
})
