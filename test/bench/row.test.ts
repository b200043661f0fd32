import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atLeast, atMost, isHeld, spreadOf, toRow } from '../../bench/row.ts'
import { renderTable } from '../../bench/table.ts'

const plan = { what: 'something', unit: 'ms', n: 30, rounds: [4, 1, 9] }

test('row - its value is the median of the rounds, its spread their ends', () => {
  const row = toRow(plan)
  assert.equal(row.value, 4)
  assert.deepEqual(spreadOf(row), [1, 9])
  assert.equal(spreadOf(toRow({ ...plan, rounds: [4] })), null)
  assert.ok(row.load >= 0)
})

test('row - a goal is held or missed, and what was not measured holds none', () => {
  assert.equal(isHeld(toRow(plan)), null)
  assert.equal(isHeld(toRow({ ...plan, goal: atMost(4) })), true)
  assert.equal(isHeld(toRow({ ...plan, goal: atMost(3.9) })), false)
  assert.equal(isHeld(toRow({ ...plan, goal: atLeast(4) })), true)
  assert.equal(isHeld(toRow({ ...plan, goal: atLeast(4.1) })), false)
  assert.equal(isHeld(toRow({ ...plan, rounds: [], goal: atLeast(0) })), false)
  assert.equal(isHeld(toRow({ ...plan, rounds: [], goal: atMost(0) })), false)
})

test('row - the table shows value, goal, verdict, n, spread and load', () => {
  const lines = renderTable([
    { ...toRow({ ...plan, goal: atMost(3) }), load: 1.25 },
    { ...toRow({ ...plan, what: 'another', rounds: [12_345.6], n: 1_000, goal: atLeast(200), note: 'yardstick' }), load: 0 },
    { ...toRow({ ...plan, what: 'not there', rounds: [], goal: atLeast(10), n: 0, note: 'why' }), load: 0 },
  ])
  assert.match(lines[1] ?? '', /^something +4 ms +≤ 3 +MISSED +30 +1–9 +1\.3$/)
  assert.match(lines[2] ?? '', /^another +12,346 ms +≥ 200 +held +1,000 +0\.0 +yardstick$/)
  assert.match(lines[3] ?? '', /^not there +– ms +≥ 10 +MISSED +0 +0\.0 +why$/)
})
