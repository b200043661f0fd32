import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSize, formatSpan, formatTable } from '../../cli/table.ts'

test('table - aligns columns and leaves no space at the end of a line', () => {
  assert.deepEqual(
    formatTable([
      ['name', 'state'],
      ['edge', 'online'],
      ['a', ''],
    ]),
    ['name  state', 'edge  online', 'a'],
  )
  assert.deepEqual(formatTable([]), [])
})

test('table - spans are told in the unit that fits', () => {
  const spans = [-5, 0, 1_400, 119_000, 120_000, 7_140_000, 7_200_000, 172_800_000]
  assert.deepEqual(spans.map(formatSpan), ['0 s', '0 s', '1 s', '119 s', '2 min', '119 min', '2 h', '2 d'])
})

test('table - sizes are told in whole megabytes', () => {
  assert.deepEqual([0, 1_048_576, 74_711_040].map(formatSize), ['0 MB', '1 MB', '71 MB'])
})
