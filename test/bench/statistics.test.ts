import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interleave, median, quantile } from '../../bench/statistics.ts'

test('statistics - a quantile is the nearest rank, and nothing where there is nothing', () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.deepEqual(
    [0, 0.01, 0.5, 0.99, 1].map((share) => quantile(samples, share)),
    [1, 1, 50, 99, 100],
  )
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([7]), 7)
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.ok(Number.isNaN(median([])))
  assert.equal(samples[0], 100, 'the samples stay as they were')
})

test('statistics - sides take turns, and the order turns round', async () => {
  const asked: string[] = []
  const side = (name: string) => async (round: number) => {
    asked.push(`${name}${round}`)
    return round
  }
  const found = await interleave(3, { a: side('a'), b: side('b') })
  assert.deepEqual(asked, ['a0', 'b0', 'b1', 'a1', 'a2', 'b2'])
  assert.deepEqual(found, { a: [0, 1, 2], b: [0, 1, 2] })
})
