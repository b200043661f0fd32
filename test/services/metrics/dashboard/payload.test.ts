/** What becomes public of what was measured, and what never does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAYLOAD_LIMIT_BYTES, Payload, STORE_LIMIT_BYTES, sizeOf } from '../../../../protocol/dashboard.ts'
import { Metrics } from '../../../../protocol/metrics.ts'
import { type PayloadOptions, toPayload } from '../../../../services/metrics/dashboard/payload.ts'
import { toCount, toPercent } from '../../../../services/metrics/dashboard/rounding.ts'
import fc from '../../../property.ts'
import { enormous, measured, PRIVATE } from './measured.ts'

const NOW = Date.UTC(2026, 10, 22, 17, 50)
const options = (more: Partial<PayloadOptions> = {}): PayloadOptions => ({
  title: 'Switchboard',
  show: [],
  past: null,
  sampled_at: NOW,
  next_push_by: NOW + 2_400_000,
  writes: { used: 12, budget: 8_640 },
  ...more,
})

test('dashboard payload - holds nothing private, though all of it was measured', () => {
  assert.ok(Metrics.safeParse(measured()).success, 'this is what the metrics service answers')
  const input = JSON.stringify(measured())
  const output = JSON.stringify(toPayload(measured(), options()))
  for (const word of PRIVATE) {
    assert.ok(input.includes(word), `${word} was measured`)
    assert.ok(!output.includes(word), `${word} became public`)
  }
})

test('dashboard payload - names are shown only where the owner says so, each kind by itself', () => {
  const jobs = toPayload(measured(), options({ show: ['job_names'] }))
  assert.ok(jobs.jobs?.next.some(({ name }) => name === 'Morning paper for Alice'))
  assert.deepEqual(jobs.memory?.categories, [
    { name: null, count: 30 },
    { name: null, count: 12 },
  ])
  const memory = toPayload(measured(), options({ show: ['memory_categories'] }))
  assert.deepEqual(
    memory.memory?.categories.map(({ name }) => name),
    ['general', 'diary-of-alice'],
  )
  assert.ok(memory.jobs?.next.every(({ name }) => name === null))
})

test('dashboard payload - is rounded, sorted and counted', () => {
  const { system, claude, jobs, chat, activity, work, health } = toPayload(measured(), options())
  assert.deepEqual(system, {
    ...{ cpu_percent: 35, load: [0.5, 0.5, 0.5], memory_used_gb: 9.25, memory_total_gb: 16 },
    ...{ disk_used_gb: 202, disk_total_gb: 494, uptime_hours: 76, past: null },
  })
  assert.deepEqual(
    claude?.models.map(({ name, requests }) => [name, requests]),
    [
      ['claude-opus-4-1-20250805', 14_000],
      ['claude-haiku-4-5', 5_600],
      ['other', 140],
    ],
  )
  assert.equal(claude?.days?.until_on, '2026-11-22')
  assert.equal(claude?.days?.tokens.length, 14)
  assert.deepEqual(
    jobs?.next.map(({ next_run_at }) => next_run_at),
    [10, 11, 12].map((hour) => Date.UTC(2026, 10, 23, hour)),
  )
  assert.deepEqual([jobs?.total, jobs?.enabled, jobs?.failing], [3, 3, 1])
  assert.deepEqual(chat, { sessions: 7, messages: 1_230_000, oldest_on: '2026-01-02', newest_on: '2026-11-22' })
  assert.equal(activity?.until_on, '2026-11-22')
  assert.equal(activity?.messages.at(-1), (39 * 37) % 211)
  assert.deepEqual(work, { running: 1, completed: 0, archived: 3 })
  assert.deepEqual(health, { services_up: 7, services: 7, alerts: 1 })
})

test('dashboard payload - days without a line are filled in', () => {
  const few = measured()
  few.claude_usage.daily_activity = [
    { date: '2026-11-10', messages: 5, sessions: 1 },
    { date: '2026-11-12', messages: 7, sessions: 2 },
    { date: 'no day', messages: 9, sessions: 9 },
  ]
  const { activity } = toPayload(few, options())
  assert.equal(activity?.until_on, '2026-11-12')
  assert.deepEqual(activity?.messages, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 7])
})

test('dashboard payload - the largest there can be fits, with a quarter of the store to spare', () => {
  const hours = Array<number>(500).fill(100)
  const payload = toPayload(
    enormous(),
    options({
      title: '"\\猫'.repeat(100),
      show: ['job_names', 'memory_categories'],
      past: { until_at: NOW, cpu_percent: hours, memory_percent: hours },
      writes: { used: Number.MAX_SAFE_INTEGER, budget: Number.MAX_SAFE_INTEGER },
    }),
  )
  assert.equal(payload.jobs?.next.length, 8)
  assert.equal(payload.memory?.categories.length, 6)
  assert.equal(payload.claude?.models.length, 4)
  assert.ok(sizeOf(payload) > 4_000, `the lists are full: ${sizeOf(payload)} bytes`)
  assert.ok(sizeOf(payload) <= PAYLOAD_LIMIT_BYTES, `${sizeOf(payload)} bytes`)
  assert.ok(PAYLOAD_LIMIT_BYTES <= STORE_LIMIT_BYTES * 0.75)
})

test('dashboard payload - whatever was measured, it is a payload and it fits', () => {
  const anyPart = fc.oneof(
    fc.anything(),
    fc.constantFrom(...Object.values(measured())),
    fc.constantFrom(...Object.values(enormous())),
  )
  fc.assert(
    fc.property(
      fc.record(Object.fromEntries(Object.keys(measured()).map((key) => [key, anyPart])), { requiredKeys: [] }),
      (input) => {
        const payload = toPayload(input, options({ show: ['job_names', 'memory_categories'] }))
        assert.deepEqual(Payload.parse(JSON.parse(JSON.stringify(payload))), payload)
        assert.ok(sizeOf(payload) <= PAYLOAD_LIMIT_BYTES)
      },
    ),
    { numRuns: 100 },
  )
})

test('dashboard payload - of nothing at all every card is empty, and it is still a payload', () => {
  for (const nothing of [undefined, null, 'error', {}, { error: 'x' }]) {
    const payload = toPayload(nothing, options())
    assert.deepEqual(
      [payload.system, payload.claude, payload.jobs, payload.memory, payload.chat, payload.activity],
      Array(6).fill(null),
    )
  }
})

test('dashboard payload - rounding keeps the order of numbers and their size', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (a, b) => {
      if (a <= b) assert.ok(toCount(a) <= toCount(b))
      assert.ok(Math.abs(toCount(a) - a) <= a * 0.005)
    }),
  )
  assert.deepEqual(
    [-3, 140, 37.4].map((value) => toPercent(value, 5)),
    [0, 100, 35],
  )
})
