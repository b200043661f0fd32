import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore, type Sample, STEPS } from '../../../services/metrics/store.ts'
import { checkLeaks } from '../../harness.ts'
import fc from '../../property.ts'
import { expectedOf } from './expected-points.ts'
import { openMetricsDatabase } from './rig.ts'

checkLeaks()

const NOON = Date.UTC(2026, 10, 22, 12)
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const of = (value: number, name = 'a.b'): Sample[] => [{ name, unit: 'count', value }]

test('series - minutes, hours and days agree with the samples they are made of', (t) => {
  const db = openMetricsDatabase(t)
  const store = openStore(db)
  let run = 0
  fc.assert(
    fc.property(
      fc.array(fc.record({ after: fc.integer({ min: 1, max: 7_000_000 }), value: fc.integer({ min: -1_000, max: 1_000_000 }) }), {
        minLength: 1,
        maxLength: 60,
      }),
      (gaps) => {
        run += 1
        const name = `run.${run % 150}`
        db.exec('DELETE FROM points')
        let at = NOON
        const raw = gaps.map(({ after, value }) => {
          at += after
          return { at, value }
        })
        for (const one of raw) assert.ok(store.addSamples(one.at, of(one.value, name)))
        for (const step of ['sample', 'minute', 'hour', 'day'] as const) {
          const { points = [] } = store.points({ name, step, from: 0, to: at + DAY_MS, limit: 1_000 }) ?? {}
          const wanted = expectedOf(raw, STEPS[step].width_ms)
          assert.deepEqual(
            points.map(({ average, ...rest }) => ({ ...rest, sum: Math.round(average * rest.samples) })),
            wanted,
          )
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('series - each step is kept for its time, and what is coarser outlives what is finer', (t) => {
  const store = openStore(openMetricsDatabase(t))
  const at = [NOON - 100 * DAY_MS, NOON - 10 * DAY_MS, NOON - 5 * HOUR_MS, NOON]
  for (const moment of at) store.addSamples(moment, of(1))
  store.dropAged(NOON)
  const counts = Object.fromEntries(
    (['sample', 'minute', 'hour', 'day'] as const).map((step) => [
      step,
      store.points({ name: 'a.b', step, from: 0, to: NOON + 1, limit: 100 })?.points.length,
    ]),
  )
  assert.deepEqual(counts, { sample: 1, minute: 2, hour: 3, day: 3 })
})

test('series - a limit gives the newest points, oldest first', (t) => {
  const store = openStore(openMetricsDatabase(t))
  for (let index = 0; index < 10; index += 1) store.addSamples(NOON + index * 60_000, of(index))
  const { points = [] } = store.points({ name: 'a.b', step: 'minute', from: 0, to: NOON + HOUR_MS, limit: 3 }) ?? {}
  assert.deepEqual(
    points.map(({ last }) => last),
    [7, 8, 9],
  )
  assert.equal(store.points({ name: 'unknown', step: 'minute', from: 0, to: NOON, limit: 3 }), undefined)
})

test('series - the number of series is bounded', (t) => {
  const store = openStore(openMetricsDatabase(t))
  const many = Array.from({ length: 250 }, (_, index): Sample => ({ name: `s.${index}`, unit: 'count', value: index }))
  assert.equal(store.addSamples(NOON, many), false)
  assert.equal(store.listSeries().length, 200)
  assert.ok(store.addSamples(NOON + 1, many.slice(0, 5)))
  assert.deepEqual(store.listSeries()[1], { name: 's.1', unit: 'count', last: 1, last_at: NOON })
})

test('alerts - one is open for each kind and subject, in its newest words, and stays in the past', (t) => {
  const store = openStore(openMetricsDatabase(t))
  const alert = { kind: 'service_down', subject: 'edge', level: 'critical', message: 'first' } as const
  assert.equal(store.raise(alert, 10)?.message, 'first')
  assert.equal(store.raise({ ...alert, message: 'second' }, 20), undefined)
  assert.deepEqual(
    store.openAlerts().map(({ message, raised_at }) => [message, raised_at]),
    [['second', 10]],
  )
  assert.equal(store.clear('service_down', 'edge', 30)?.cleared_at, 30)
  assert.equal(store.clear('service_down', 'edge', 40), undefined)
  assert.ok(store.raise(alert, 50))
  assert.deepEqual([store.openAlerts().length, store.pastAlerts(10).length], [1, 1])
})
