import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTurns, type TurnSource } from '../../gateway-edge/turns.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { Turn, TurnEvent } from '../../protocol/sessions.ts'
import { checkLeaks, deferred, eventually } from '../harness.ts'

checkLeaks()

const TURN = '0b6b5dcb-24b5-4d4b-a7b2-111111111111'

const text = (index: number, content = String(index)): TurnEvent => ({ id: `1.${index}.0`, type: 'text', content })
const last = (index: number): TurnEvent => ({ id: `1.${index}.0`, type: 'end', state: 'answered', content: 'end', reason: null })

/** A source that holds events and answers polls only as the test lets it. */
const createSource = () => {
  const events: TurnEvent[] = []
  const polls: { after: string | null | undefined; wait_ms: number | undefined }[] = []
  let wake: () => void = () => undefined
  let failing: ServiceError | undefined
  const source: TurnSource = {
    events: async ({ after, wait_ms }, { signal } = {}) => {
      polls.push({ after, wait_ms })
      for (;;) {
        if (failing !== undefined) throw failing
        if (signal?.aborted) throw new ServiceError('cancelled')
        const batch = events.slice(after == null ? 0 : events.findIndex(({ id }) => id === after) + 1)
        const ended = events.at(-1)?.type === 'end'
        if (batch.length > 0 || ended || wait_ms === 0) return { events: batch, ended }
        const woken = deferred<undefined>()
        const stir = (): void => woken.resolve(undefined)
        wake = stir
        signal?.addEventListener('abort', stir)
        await woken.promise
        signal?.removeEventListener('abort', stir)
      }
    },
    turn: async () => ({ state: 'answered', reply: 'end', reason: null }) as Turn,
  }
  return {
    source,
    polls,
    add: (...more: TurnEvent[]): void => {
      events.push(...more)
      wake()
    },
    fail: (error: ServiceError | undefined): void => {
      failing = error
      wake()
    },
  }
}

const collect = (turns: ReturnType<typeof openTurns>, options: { after?: string; signal?: AbortSignal } = {}) => {
  const ids: string[] = []
  const take = (events: readonly TurnEvent[]): undefined => void ids.push(...events.map(({ id }) => id))
  const done = turns.follow(TURN, { signal: new AbortController().signal, take, ...options })
  return { ids, done }
}

/** A follower that takes one batch each time the test lets it. */
const collectSlowly = (turns: ReturnType<typeof openTurns>) => {
  const batches: (readonly string[])[] = []
  let taking = deferred<void>()
  const take = (events: readonly TurnEvent[]): Promise<void> => {
    batches.push(events.map(({ id }) => id))
    taking = deferred<void>()
    return taking.promise
  }
  const done = turns.follow(TURN, { signal: new AbortController().signal, take })
  return { batches, done, next: (): void => taking.resolve() }
}

test('turns - a follower is given what lies behind its cursor, wherever others stand', async () => {
  const { source, add } = createSource()
  const turns = openTurns({ source })
  add(text(0), text(1))
  const whole = collect(turns)
  await eventually(() => whole.ids.length === 2)
  const resumed = collect(turns, { after: '1.0.0' })
  await eventually(() => resumed.ids.length === 1)
  add(text(2), last(3))
  await Promise.all([whole.done, resumed.done])
  assert.deepEqual(whole.ids, ['1.0.0', '1.1.0', '1.2.0', '1.3.0'])
  assert.deepEqual(resumed.ids, ['1.1.0', '1.2.0', '1.3.0'])
  const late = collect(turns, { after: '1.3.0' })
  await late.done
  assert.deepEqual(late.ids, [])
  assert.equal(turns.size, 0)
})

test('turns - the first follower resumes and a later one wants all: each is given its own', async () => {
  const { source, add } = createSource()
  const turns = openTurns({ source })
  add(text(0), text(1), text(2))
  const resumed = collect(turns, { after: '1.1.0' })
  await eventually(() => resumed.ids.length === 1)
  const whole = collect(turns)
  await eventually(() => whole.ids.length === 3)
  add(last(3))
  await Promise.all([whole.done, resumed.done])
  assert.deepEqual(resumed.ids, ['1.2.0', '1.3.0'])
  assert.deepEqual(whole.ids, ['1.0.0', '1.1.0', '1.2.0', '1.3.0'])
})

test('turns - one that lags within what is held is given all of it once, and one who comes late all from the beginning', async () => {
  const { source, add, polls } = createSource()
  const turns = openTurns({ source })
  const slow = collectSlowly(turns)
  const fast = collect(turns)
  add(text(0))
  await eventually(() => slow.batches.length === 1)
  for (let index = 1; index <= 5; index += 1) {
    add(text(index))
    await eventually(() => fast.ids.length === index + 1)
  }
  const late = collect(turns)
  await eventually(() => late.ids.length === 6)
  const asked = polls.length
  assert.equal(slow.batches.length, 1, 'more was given before the batch was taken')
  slow.next()
  await eventually(() => slow.batches.length === 2)
  assert.deepEqual(slow.batches[1], ['1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0'])
  assert.equal(polls.length, asked, 'what is held was asked for again')
  slow.next()
  add(last(6))
  await eventually(() => slow.batches.length === 3)
  assert.deepEqual(slow.batches[2], ['1.6.0'])
  slow.next()
  await Promise.all([slow.done, fast.done, late.done])
  assert.deepEqual(late.ids, fast.ids)
  assert.equal(new Set(late.ids).size, 7)
})

test('turns - one that lags behind all that is held still misses nothing', async () => {
  const { source, add, polls } = createSource()
  const turns = openTurns({ source })
  const slow = collectSlowly(turns)
  const fast = collect(turns)
  add(text(0))
  await eventually(() => slow.batches.length === 1)
  assert.deepEqual(slow.batches, [['1.0.0']])
  for (let index = 1; index <= 40; index += 1) {
    add(text(index, 'x'.repeat(100_000)))
    await eventually(() => fast.ids.length === index + 1)
  }
  add(last(41))
  let ended = false
  void slow.done.finally(() => {
    ended = true
  })
  await eventually(() => {
    slow.next()
    return ended
  })
  await Promise.all([slow.done, fast.done])
  assert.ok(
    polls.some(({ after, wait_ms }) => after === '1.0.0' && wait_ms === 0),
    'more was held for it than may be',
  )
  assert.deepEqual(
    slow.batches.flat(),
    Array.from({ length: 42 }, (_, index) => `1.${index}.0`),
  )
})

test('turns - the last one to leave takes the question back', async () => {
  const { source, polls } = createSource()
  const turns = openTurns({ source })
  const leaving = new AbortController()
  const staying = new AbortController()
  const one = collect(turns, { signal: leaving.signal })
  const two = collect(turns, { signal: staying.signal })
  await eventually(() => polls.some(({ wait_ms }) => wait_ms !== 0))
  leaving.abort()
  await assert.rejects(one.done, { code: 'cancelled' })
  assert.equal(turns.size, 1)
  staying.abort()
  await assert.rejects(two.done, { code: 'cancelled' })
  assert.equal(turns.size, 0)
})

test('turns - what passes is waited out, what does not is told at once', async () => {
  const { source, add, fail, polls } = createSource()
  const turns = openTurns({ source })
  const follower = collect(turns)
  add(text(0))
  await eventually(() => follower.ids.length === 1)
  fail(new ServiceError('unavailable'))
  await eventually(() => polls.length > 3)
  fail(undefined)
  add(text(1))
  await eventually(() => follower.ids.length === 2)
  assert.equal(polls.at(-1)?.after, '1.1.0')
  fail(new ServiceError('not_found'))
  await assert.rejects(follower.done, { code: 'not_found' })
  await assert.rejects(collect(turns).done, { code: 'not_found' })
  assert.equal(turns.size, 0)
})

test('turns - closing ends all who follow, and nobody may begin', async () => {
  const { source } = createSource()
  const turns = openTurns({ source })
  const follower = collect(turns)
  await eventually(() => turns.size === 1)
  turns.close()
  await assert.rejects(follower.done, { code: 'closing' })
  await assert.rejects(collect(turns).done, { code: 'closing' })
})

test("turns - what a follower throws while it takes ends its following and nobody else's", async () => {
  const { source, add } = createSource()
  const turns = openTurns({ source })
  const { signal } = new AbortController()
  const throwing = turns.follow(TURN, {
    signal,
    take: () => {
      throw new ServiceError('too_large')
    },
  })
  const rejecting = turns.follow(TURN, { signal, take: async () => await Promise.reject(new ServiceError('busy')) })
  const whole = collect(turns)
  add(text(0))
  await assert.rejects(throwing, { code: 'too_large' })
  await assert.rejects(rejecting, { code: 'busy' })
  add(last(1))
  await whole.done
  assert.deepEqual(whole.ids, ['1.0.0', '1.1.0'])
  assert.equal(turns.size, 0)
})

test('turns - all to whom the same is given get the same array', async () => {
  const { source, add } = createSource()
  const turns = openTurns({ source })
  const given: (readonly TurnEvent[])[] = []
  const { signal } = new AbortController()
  const all = Array.from({ length: 3 }, () => turns.follow(TURN, { signal, take: (events) => void given.push(events) }))
  await eventually(() => turns.size === 1)
  add(text(0), last(1))
  await Promise.all(all)
  assert.equal(given.length, 3)
  assert.equal(new Set(given).size, 1)
})
