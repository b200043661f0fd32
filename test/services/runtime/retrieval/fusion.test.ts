import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuse } from '../../../../services/runtime/retrieval/fusion.ts'

const all = (...ids: number[]) => ids.map((id) => ({ id, weight: 1 }))

test('fusion - who is in both lists comes before who leads one, and equals stand as in the first list', () => {
  assert.deepEqual([...fuse([all(1, 2, 3), all(4, 3, 5)]).keys()], [3, 1, 4, 2, 5])
  assert.equal(fuse([all(7)]).get(7), 1 / 61)
  assert.deepEqual([...fuse([[], []])], [])
})

test('fusion - a place that counts little does not outweigh one that counts in full', () => {
  const faint = [{ id: 9, weight: 0.1 }]
  assert.deepEqual([...fuse([faint, all(1, 2)]).keys()], [1, 2, 9])
  assert.deepEqual([...fuse([[{ id: 2, weight: 1 }], all(1, 2)]).keys()], [2, 1])
})
