import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Beat } from '../../../services/sessions/beat.ts'
import { OpenTurnEvents } from '../../../services/sessions/turn-events.ts'
import { checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

test('beat - the first is told at once, what follows together and once', async () => {
  const beat = new Beat(50)
  const told: string[] = []
  const a = (): void => void told.push('a')
  const b = (): void => void told.push('b')
  beat.tell(a)
  assert.deepEqual(told, ['a'])
  const began = performance.now()
  for (const tell of [b, a, b]) beat.tell(tell)
  assert.deepEqual(told, ['a'])
  await eventually(() => told.length > 1)
  assert.ok(performance.now() - began > 30)
  assert.deepEqual(told, ['a', 'b', 'a'])
})

test('beat - who asks while being told is told with the next one', async () => {
  const beat = new Beat(5)
  let told = 0
  const again = (): void => {
    told += 1
    if (told < 4) beat.tell(again)
  }
  beat.tell(again)
  assert.equal(told, 1)
  await eventually(() => told === 4)
})

test('turn events - the first words and the end of a turn wait for nobody, however much others say', async () => {
  const noise = new OpenTurnEvents()
  const turn = new OpenTurnEvents()
  const { signal } = new AbortController()
  const speak = (events: OpenTurnEvents, offset: number): void =>
    events.append([{ id: `1.${offset}.100`, type: 'text', content: 'word' }])
  /** Whether those who wait are told before anything else can happen. */
  const isToldAtOnce = async (change: () => void): Promise<boolean> => {
    let told = false
    const waiting = turn.waitForMore(10_000, signal).then(() => {
      told = true
    })
    change()
    await Promise.resolve()
    await Promise.resolve()
    const atOnce = told
    await waiting
    return atOnce
  }
  speak(noise, 1)
  speak(noise, 2)
  assert.equal(await isToldAtOnce(() => turn.append([{ id: '1.1.0', type: 'running' }])), true)
  assert.equal(await isToldAtOnce(() => speak(turn, 2)), true)
  speak(noise, 3)
  speak(noise, 4)
  assert.equal(await isToldAtOnce(() => speak(turn, 3)), false)
  speak(noise, 5)
  speak(noise, 6)
  assert.equal(
    await isToldAtOnce(() => turn.append([{ id: '1.4.0', type: 'end', state: 'answered', content: '', reason: null }])),
    true,
  )
})
