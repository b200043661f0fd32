/** The judge of a soak: it finds what grows, and is not taken in by what only goes up and down. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from '../property.ts'
import { type Growth, judge, judgeGrowth, LEAST_SAMPLES, quantile, type Series, WARM_UP } from './judge.ts'

const MEMORY = { share: 0.1, least: 12 }

const seriesOf = (valueAt: (index: number) => number, length = 120): Series => ({
  name: 'memory',
  unit: 'MB',
  values: Array.from({ length }, (_, index) => valueAt(index)),
  allowed: MEMORY,
})
const holds = (series: Series): boolean => judge(series).holds

test('soak judge - what stays as it is holds, with noise, teeth of a saw, single peaks and a warm-up', () => {
  assert.ok(holds(seriesOf(() => 50)))
  assert.ok(holds(seriesOf((index) => 50 + (index % 7))), 'noise')
  assert.ok(holds(seriesOf((index) => 50 + (index % 20) * 3)), 'teeth of 60 MB')
  assert.ok(holds(seriesOf((index) => (index % 40 === 39 ? 500 : 50))), 'peaks')
  assert.ok(holds(seriesOf((index) => 50 + Math.min(index, 120 * WARM_UP))), 'it fills its caches')
})

test('soak judge - what grows is found, also under noise, and so is a step', () => {
  assert.ok(!holds(seriesOf((index) => 50 + index * 0.3)), '36 MB in the run')
  assert.ok(!holds(seriesOf((index) => 50 + index * 0.3 + (index % 9))), 'under noise')
  assert.ok(!holds(seriesOf((index) => 50 + index * 0.3 + (index % 10) * 4)), 'under teeth')
  assert.ok(!holds(seriesOf((index) => (index < 70 ? 50 : 80))), 'a step')
  assert.ok(holds(seriesOf((index) => 80 - index * 0.3)), 'what shrinks does not grow')
})

test('soak judge - a run that tells nothing does not hold', () => {
  assert.ok(!holds(seriesOf(() => 50, LEAST_SAMPLES)), 'too short')
  assert.ok(!holds(seriesOf((index) => (index === 60 ? Number.NaN : 50))), 'a sample that is no number')
  assert.ok(!holds(seriesOf(() => 50, 0)))
})

test('soak judge - what may grow is shown and not judged', () => {
  const verdict = judge({ ...seriesOf((index) => index), allowed: null })
  assert.deepEqual([verdict.limit, verdict.holds], [null, true])
})

test('soak judge - growth beyond the allowance is found whatever the noise, growth within it is not', () => {
  const noise = fc.array(fc.double({ min: 0, max: 4, noNaN: true }), { minLength: 120, maxLength: 120 })
  fc.assert(
    fc.property(noise, fc.double({ min: 20, max: 200, noNaN: true }), (values, base) => {
      const at = (slope: number) => seriesOf((index) => base + index * slope + (values[index] ?? 0))
      // Between the middles of the thirds lie 60 samples.
      const allowed = Math.max(MEMORY.least, base * MEMORY.share * 1.5)
      assert.ok(!holds(at((allowed + 10) / 60)))
      assert.ok(holds(at((MEMORY.least - 5) / 60)))
    }),
  )
})

test('soak judge - of a saw the floor is looked at: long teeth are no growth, a floor that rises is', () => {
  const toothed = (valueAt: (index: number) => number): boolean => judge({ ...seriesOf(valueAt), isToothed: true }).holds
  const tooth = (index: number): number => (index % 37) * 2
  assert.ok(toothed((index) => 50 + tooth(index)))
  assert.ok(!toothed((index) => 50 + tooth(index) + index * 0.6))
})

test('soak judge - what must not be above a figure is not, however high it began', () => {
  const at = (value: number): boolean => judge({ ...seriesOf(() => value), allowed: { ...MEMORY, most: 75 } }).holds
  assert.deepEqual([at(50), at(80)], [true, false])
})

/** A run of fifty minutes with a crash run beside it for the first half, minute by minute: prompts, and MB of memory. */
const PROMPTS = [
  ...[
    319, 644, 977, 1316, 1655, 1992, 2330, 2670, 3008, 3339, 3663, 3988, 4309, 4634, 4954, 5284, 5617, 5942, 6272, 6596, 6922,
    7255,
  ],
  ...[
    7590, 7923, 8260, 8601, 8943, 9286, 9627, 9967, 10310, 10652, 10993, 11334, 11676, 12019, 12362, 12700, 13043, 13386, 13729,
  ],
  ...[14072, 14411, 14753, 15096, 15439, 15778, 16121, 16464, 16806],
]
const RUN: Readonly<Record<string, readonly number[]>> = {
  edge: [
    ...[68, 59, 55, 55, 55, 55, 55, 56, 57, 58, 59, 56, 57, 57, 56, 56, 55, 56, 58, 60, 60, 57, 58, 58, 60],
    ...[61, 60, 60, 61, 60, 61, 59, 57, 57, 60, 60, 61, 61, 61, 62, 61, 61, 61, 61, 61, 61, 61, 61, 62, 61],
  ],
  sessions: [
    ...[63, 66, 69, 70, 71, 71, 72, 69, 70, 72, 87, 116, 84, 86, 88, 87, 88, 88, 88, 87, 87, 87, 88, 88, 89],
    ...[89, 90, 90, 90, 89, 91, 90, 92, 92, 91, 94, 133, 90, 91, 91, 92, 92, 91, 92, 91, 92, 93, 91, 92, 93],
  ],
  history: [
    ...[29, 33, 37, 40, 41, 43, 44, 46, 48, 49, 52, 52, 53, 52, 53, 53, 53, 53, 54, 54, 54, 53, 53, 52, 53],
    ...[53, 53, 52, 52, 53, 53, 53, 54, 55, 55, 55, 54, 54, 54, 54, 55, 55, 54, 54, 55, 54, 55, 55, 55, 55],
  ],
  memory: [
    ...[
      157, 158, 159, 159, 158, 161, 161, 161, 161, 162, 161, 164, 163, 167, 163, 165, 163, 166, 165, 165, 168, 164, 168, 167, 170,
    ],
    ...[
      167, 167, 164, 167, 168, 167, 166, 168, 167, 169, 168, 168, 171, 173, 170, 173, 168, 170, 168, 170, 170, 170, 174, 170, 174,
    ],
  ],
}
/** What a prompt adds to their databases, in MB. */
const ROW_MB: Readonly<Record<string, number>> = { edge: 0, sessions: 0.00147, history: 0.00434, memory: 0.00005 }

/** The run up to a minute, with so many KB more kept of each piece of work. */
const growthOf = (service: string, minutes: number, leak_kb = 0): Growth => {
  const work = PROMPTS.slice(0, minutes).map((prompts, minute) => prompts + 60 * (minute + 1))
  return {
    ...{ name: service, unit: 'MB', work, allowed: { per_1000: 0.75, least: 3 } },
    values: work.map((pieces, minute) => (RUN[service]?.[minute] ?? Number.NaN) + (pieces * leak_kb) / 1_024),
    known: work.map((_, minute) => Math.min(16, (ROW_MB[service] ?? 0) * (PROMPTS[minute] ?? 0))),
  }
}

test('soak judge - in a real run nothing is kept of each piece of work, though a burst has left 14 MB behind', () => {
  for (const service of Object.keys(RUN))
    for (let minutes = 12; minutes <= 50; minutes += 1) {
      const { first, last, limit, holds } = judgeGrowth(growthOf(service, minutes))
      assert.ok(holds, `${service}, ${minutes} minutes: ${first}, ${last}, limit ${limit}`)
    }
})

test('soak judge - what keeps something of each piece of work is found in the same run, a smaller leak in a longer one', () => {
  const finds = (minutes: number, leak_kb: number): boolean[] =>
    Object.keys(RUN).map((service) => !judgeGrowth(growthOf(service, minutes, leak_kb)).holds)
  // What a copy of each event of an answer takes is more than the first of them.
  for (const [minutes, leak_kb] of [
    [15, 6],
    [20, 4],
    [50, 2],
  ] as const)
    assert.ok(
      finds(minutes, leak_kb).every((found) => found),
      `${leak_kb} KB in ${minutes} minutes: ${finds(minutes, leak_kb)}`,
    )
})

test('soak judge - pages of a database are no leak as long as there is room for them, and one behind that', () => {
  const flat = { ...growthOf('edge', 50), values: PROMPTS.map((prompts) => 50 + Math.min(16, prompts * 0.00147)) }
  const known = flat.values.map((value) => value - 50)
  assert.ok(judgeGrowth({ ...flat, known }).holds)
  assert.ok(!judgeGrowth({ ...flat, values: PROMPTS.map((prompts) => 50 + prompts * 0.00147), known: known.map(() => 0) }).holds)
})

test('soak judge - without work, or with samples that are none, nothing is said to hold', () => {
  const some = growthOf('edge', 50)
  assert.ok(!judgeGrowth({ ...some, work: some.work.map(() => 1) }).holds)
  assert.ok(!judgeGrowth({ ...some, values: some.values.map(() => Number.NaN) }).holds)
  assert.ok(!judgeGrowth(growthOf('edge', LEAST_SAMPLES)).holds)
})

test('soak judge - quantiles', () => {
  assert.ok(Number.isNaN(quantile([], 0.5)))
  assert.equal(quantile([3, 1, 2], 0.5), 2)
  assert.equal(quantile([4, 1, 2, 3], 0.5), 2.5)
  assert.equal(quantile([5, 1, 2, 3, 4], 0.25), 2)
})
