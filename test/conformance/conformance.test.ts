import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkTransition, createFindings } from './check.ts'
import { transitionsOf } from './reference.ts'
import { allZones, distinct, transitionsByZone } from './zones.ts'

test('conformance - one zone for each distinct set of transitions keeps the rule at every time they touch', () => {
  const byZone = transitionsByZone(allZones())
  const findings = createFindings()
  for (const zone of distinct(byZone))
    for (const transition of byZone.get(zone)?.slice(0, 2) ?? []) checkTransition(transition, findings)
  assert.deepEqual(findings.wrong.slice(0, 10), [])
  assert.ok(findings.transitions > 60 && findings.times > 3_500, `${findings.transitions} and ${findings.times}`)
  // croner leaves out a time that is leapt over at the end of a day, and nothing else.
  assert.ok(findings.otherwise.length < findings.times / 20, findings.otherwise.slice(0, 5).join('\n'))
})

test('conformance - the reference reads transitions off the clocks', () => {
  const [gap, fold] = transitionsOf('America/New_York', Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1))
  assert.deepEqual([gap?.kind, gap?.instant, gap?.touched.length], ['gap', Date.UTC(2026, 2, 8, 7), 62])
  assert.deepEqual([fold?.kind, fold?.instant, fold?.touched.at(0)], ['fold', Date.UTC(2026, 10, 1, 6), '2026-11-01 00:59'])
})
