/** The judge of a soak: it finds what grows, and is not taken in by what only goes up and down. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judge, LEAST_SAMPLES, quantile, type Series, WARM_UP } from './judge.ts'

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

test('soak judge - quantiles', () => {
  assert.ok(Number.isNaN(quantile([], 0.5)))
  assert.equal(quantile([3, 1, 2], 0.5), 2)
  assert.equal(quantile([4, 1, 2, 3], 0.5), 2.5)
  assert.equal(quantile([5, 1, 2, 3, 4], 0.25), 2)
})
