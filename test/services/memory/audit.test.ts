import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditOf } from '../../../services/memory/audit.ts'
import { distanceOf, nearPairs } from '../../../services/memory/duplicates.ts'
import type { AuditRow, MemoryStore } from '../../../services/memory/store.ts'
import { checkLeaks, eventually } from '../../harness.ts'
import { openRig, playedOllama } from './rig.ts'

checkLeaks()

test('audit - finds the same twice, nearly the same, the never used and the oversized, and nothing of other bots', async (t) => {
  const ollama = await playedOllama(t)
  const { memory } = openRig(t, { ollama })
  const make = async (key: string, content: string, bot_id = 'default') => (await memory.create({ key, content, bot_id })).id
  const one = await make('k1', 'Deploy on Friday at noon sharp')
  const two = await make('k2', 'deploy on friday  at noon sharp')
  const three = await make('k3', 'Deploy on Friday at noon sharp please')
  const long = await make('k4', 'lorem ipsum dolor '.repeat(400))
  await make('k5', 'Deploy on Friday at noon sharp', 'other')
  await eventually(async () => (await memory.status({})).pending === 0)
  await memory.search({ q: 'lorem ipsum dolor' })
  const report = await memory.audit({ unused_days: 0 })
  assert.equal(report.checked, 4)
  assert.deepEqual(
    report.exact.map((group) => group.map(({ id }) => id)),
    [[one, two]],
  )
  assert.deepEqual(
    report.near.map(({ a, b }) => [a.id, b.id]),
    [
      [one, three],
      [two, three],
    ],
  )
  assert.deepEqual(
    report.never_used.map(({ id }) => id),
    [one, two, three],
  )
  assert.deepEqual(
    report.oversized.map(({ id, chars }) => [id, chars]),
    [[long, 18 * 400]],
  )
  assert.deepEqual([report.without_vector, report.next_after_id], [0, null])
  assert.deepEqual((await memory.audit({})).never_used, [], 'young ones are given time')
  assert.equal((await memory.audit({ bot_id: 'nobody' })).checked, 0)
})

test('audit - a piece at a time tells each pair and each group once', async (t) => {
  const ollama = await playedOllama(t)
  const { memory } = openRig(t, { ollama })
  for (let index = 0; index < 12; index++)
    await memory.create({
      key: `k${index}`,
      content: index < 6 ? 'the same words again and again' : `the same words again and again ${index}`,
    })
  await eventually(async () => (await memory.status({})).pending === 0)
  const whole = await memory.audit({})
  const pieces = []
  let after_id = 0
  for (;;) {
    const piece = await memory.audit({ after_id, limit: 5 })
    pieces.push(piece)
    if (piece.next_after_id === null) break
    after_id = piece.next_after_id
  }
  assert.equal(pieces.length, 3)
  assert.deepEqual(
    pieces.flatMap(({ near }) => near),
    whole.near,
  )
  assert.deepEqual(
    pieces.flatMap(({ exact }) => exact),
    whole.exact,
  )
  assert.equal(whole.exact[0]?.length, 6)
})

test('audit - without a model it says how many could not be compared', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  await memory.create({ key: 'a', content: 'one' })
  const { without_vector, near } = await memory.audit({})
  assert.deepEqual([without_vector, near], [1, []])
})

test('audit - the same content tens of thousands of times is one group, told in no time', async () => {
  const digest = Buffer.alloc(32, 7)
  const rows: AuditRow[] = Array.from({ length: 30_000 }, (_, at) => ({
    ...{ id: at + 1, key: `k${at}`, digest, chars: 4, created_at: 0, use_count: 1 },
  }))
  const before = process.cpuUsage()
  const report = await auditOf(
    { audit: () => rows } as unknown as MemoryStore,
    { bot_id: 'default', after_id: 0, limit: 500, unused_days: 30, oversized_chars: 4_000 },
    { model: null, now: 0, signal: new AbortController().signal },
  )
  const used = process.cpuUsage(before)
  assert.deepEqual([report.exact.length, report.exact[0]?.length], [1, 30_000])
  assert.ok(used.user + used.system < 1_000_000, `${used.user + used.system} µs`)
})

test('audit - thousands of comparisons leave room for other work, and end when nobody wants them', async () => {
  const vectors = new Map(
    Array.from({ length: 1_500 }, (_, id) => [id, Float32Array.from({ length: 512 }, () => Math.random() - 0.5)]),
  )
  const controller = new AbortController()
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
    if (turns === 10) controller.abort(new Error('enough'))
  }, 1)
  await assert.rejects(nearPairs(vectors, { from: 0, to: 1_500 }, controller.signal), /enough/)
  clearInterval(timer)
})

test('duplicates - the distance is that of the vectors, whatever their length', () => {
  for (const dimensions of [1, 2, 3, 5, 8, 511]) {
    const [a, b] = [0.3, 0.7].map((seed) => {
      const raw = Array.from({ length: dimensions }, (_, at) => Math.sin(seed * (at + 1)))
      const length = Math.hypot(...raw)
      return Float32Array.from(raw, (value) => value / length)
    }) as [Float32Array, Float32Array]
    const plain = Math.hypot(...a.map((value, at) => value - (b[at] ?? 0)))
    assert.ok(Math.abs(distanceOf(a, b) - plain) < 1e-3, `${dimensions}`)
  }
})
