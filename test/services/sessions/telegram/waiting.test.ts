/** When deliveries wait: for Telegram's own pauses, for a network that is down, for the end of their time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Behaviour } from '../../../fakes/bot-api.ts'
import { startBotApi } from '../../../fakes/bot-api.ts'
import { freePort } from '../../../free-port.ts'
import { atEnd, checkLeaks, eventually, tempDir } from '../../../harness.ts'
import { openDeliveryHouse, scripted, startDeliveries } from './rig.ts'

checkLeaks()

test('deliveries - a 429 is obeyed by the whole chat, also after a cancel, and by no other', async (t) => {
  const wait_ms = 2_000
  const { house, fake, ended } = await startDeliveries(t, {
    script: scripted({ first: [{ status: 429, retry_after: wait_ms / 1_000 }] }),
  })
  house.send('a', '7', 'first')
  const asked = await eventually(() => fake.calls[0])
  await eventually(() => house.deliveries.get('a')?.parts[0]?.attempts[0]?.outcome === 'refused')
  house.deliveries.cancel('task:a')
  house.send('b', '7', 'second')
  house.send('c', '8', 'other chat')
  await ended('c')
  assert.deepEqual(fake.chat('7'), [])
  await ended('b')
  const second = fake.calls.find((call) => call.text === 'second')
  assert.ok((second?.at ?? 0) - asked.at >= wait_ms - 20, `${(second?.at ?? 0) - asked.at} ms`)
  assert.equal(house.deliveries.get('a')?.state, 'cancelled')
  assert.equal(fake.calls.filter((call) => call.text === 'first').length, 1)
})

test('deliveries - while nobody can be reached one chat asks for all', async (t) => {
  const fake = await startBotApi({ port: await freePort() })
  await fake.close()
  const house = openDeliveryHouse({ folder: tempDir(t), base: fake.url, retrying: { first_ms: 400, last_ms: 400 } })
  atEnd(t, () => house.close())
  for (let chat = 0; chat < 40; chat++) house.send(`d${chat}`, `${chat}`, `text ${chat}`)
  const attempts = (): number =>
    house.deliveries.list({ limit: 100 }).flatMap((d) => d.parts.flatMap((part) => part.attempts)).length
  const firstRound = await eventually(() => {
    const made = attempts()
    return made > 0 ? made : null
  })
  const began = Date.now()
  await eventually(() => attempts() >= firstRound + 3)
  assert.ok(Date.now() - began >= 500, 'three probes, hundreds of milliseconds apart')
  assert.ok(attempts() <= 16 + 4, `${attempts()} attempts`)
  const again = await startBotApi({ port: Number(new URL(fake.url).port) })
  atEnd(t, () => again.close())
  await eventually(() => house.deliveries.list({ limit: 100, state: 'delivered' }).length === 40)
  assert.ok([...again.chats.values()].every((messages) => messages.length === 1 && !messages[0]?.labelled))
})

test('deliveries - a bot sends thirty messages a second at most', async (t) => {
  // Taken where a call begins: by the time it is read at the other end a busy machine may have pushed several together.
  const begun: number[] = []
  const at = (point: string): void => void (point === 'before_attempt' && begun.push(performance.now()))
  const { house, fake } = await startDeliveries(t, {}, { at })
  for (let chat = 0; chat < 70; chat++) house.send(`d${chat}`, `${chat}`, `text ${chat}`)
  await eventually(() => fake.calls.length === 70, { timeout_ms: 30_000 })
  for (let index = 30; index < begun.length; index++) {
    const took = (begun[index] as number) - (begun[index - 30] as number)
    assert.ok(took >= 980, `31 calls within ${Math.round(took)} ms`)
  }
})

test('deliveries - is given up after 24 hours with a last try at their end', async (t) => {
  let now = Date.now()
  const HOUR = 3_600_000
  const plan = { script: () => ({ status: 500, description: 'down' }) as Behaviour }
  const { house, fake, ended } = await startDeliveries(t, plan, {
    now: () => now,
    retrying: { first_ms: 5 * 60_000, last_ms: 5 * 60_000 },
  })
  house.send('d1', '7', 'text')
  const tried = async (times: number) => {
    await eventually(() => house.deliveries.get('d1')?.parts[0]?.attempts.filter((a) => a.outcome !== 'open').length === times)
  }
  await tried(1)
  house.deliveries.poke()
  now += 12 * HOUR
  house.deliveries.poke()
  await tried(2)
  now += 12 * HOUR - 1_000
  house.deliveries.poke()
  await tried(3)
  assert.equal(house.deliveries.get('d1')?.state, 'pending')
  now += 1_000
  house.deliveries.poke()
  const delivery = await ended('d1')
  assert.equal(delivery.state, 'failed')
  assert.match(delivery.reason ?? '', /^Given up after 24 h; at the last try: Telegram answered 500 down\. Check the network/)
  assert.equal(fake.calls.length, 4)
})

test('deliveries - one that waited longer than that in line is tried all the same', async (t) => {
  let now = Date.now()
  const { house, folder, fake, texts } = await startDeliveries(t, {}, { now: () => now })
  await house.deliveries.drain()
  house.send('d1', '7', 'late')
  now += 48 * 3_600_000
  const later = openDeliveryHouse({ folder, base: fake.url, now: () => now })
  atEnd(t, () => later.close())
  later.deliveries.recover()
  await eventually(() => later.deliveries.get('d1')?.state === 'delivered')
  assert.deepEqual(texts('7'), ['late'])
})
