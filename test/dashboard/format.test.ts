/** What the page makes of numbers and moments. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  daysUntil,
  formatAgo,
  formatAhead,
  formatCount,
  formatDay,
  formatModel,
  formatSpan,
  percentOf,
  plural,
} from '../../dashboard/page/text/format.ts'
import { freshnessOf } from '../../dashboard/page/text/freshness.ts'
import type { Payload } from '../../protocol/dashboard.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const MINUTE_MS = 60_000

test('dashboard format - counts, shares and words', () => {
  assert.deepEqual([0, 999, 45_600, 99_999, 100_000, 1_230_000, 9.01e15].map(formatCount), [
    '0',
    '999',
    '45,600',
    '99,999',
    '100K',
    '1.23M',
    '9010T',
  ])
  assert.deepEqual([plural(1, 'job'), plural(0, 'job'), plural(2, 'category', 'categories')], ['1 job', '0 jobs', '2 categories'])
  assert.deepEqual([percentOf(9.25, 16), percentOf(20, 16), percentOf(1, 0), percentOf(null, 1)], [58, 100, null, null])
})

test('dashboard format - spans have one unit, and nothing is in the past that is to come', () => {
  assert.deepEqual([-5, 1_000, 59_000, 61_000, 5 * MINUTE_MS, 3 * 60 * MINUTE_MS, 72 * 60 * MINUTE_MS].map(formatSpan), [
    '0 s',
    '1 s',
    '59 s',
    '1 min',
    '5 min',
    '3 h',
    '3 days',
  ])
  assert.deepEqual(
    [formatAgo(NOW, NOW), formatAgo(NOW + 1, NOW), formatAgo(NOW - 5 * MINUTE_MS, NOW)],
    ['just now', 'just now', '5 min ago'],
  )
  assert.deepEqual([formatAhead(NOW - 1, NOW), formatAhead(NOW + 5 * MINUTE_MS, NOW)], ['due now', 'in 5 min'])
})

test('dashboard format - days are days of the sender, wherever the reader is', () => {
  assert.deepEqual(daysUntil('2026-03-01', 3), ['2026-02-27', '2026-02-28', '2026-03-01'])
  assert.equal(formatDay('2026-11-22'), '22 Nov')
})

test('dashboard format - models as people call them', () => {
  const names = ['claude-opus-4-1-20250805', 'claude-haiku-4-5', 'claude-sonnet-5', 'claude-3-opus-20240229', 'other']
  assert.deepEqual(names.map(formatModel), ['Opus 4.1', 'Haiku 4.5', 'Sonnet 5', 'claude-3-opus-20240229', 'Other models'])
})

test('dashboard format - stale is what came with a promise that has passed, not what is old', () => {
  const payload = (ago_ms: number, ahead_ms: number) => ({ sampled_at: NOW - ago_ms, next_push_by: NOW + ahead_ms }) as Payload
  const eightHours = 480 * MINUTE_MS
  assert.deepEqual(freshnessOf(payload(eightHours, MINUTE_MS), NOW), { isStale: false, label: 'Live · 8 h ago', detail: null })
  assert.ok(!freshnessOf(payload(40 * MINUTE_MS, -MINUTE_MS), NOW).isStale, 'clocks differ, and news takes its time')
  const stale = freshnessOf(payload(42 * MINUTE_MS, -2 * MINUTE_MS), NOW)
  assert.deepEqual([stale.isStale, stale.label], [true, 'Stale · 42 min ago'])
})
