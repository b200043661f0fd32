import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentProcess } from '../../../protocol/metrics.ts'
import { AgentSeries } from '../../../services/metrics/agent-series.ts'
import { STEPS } from '../../../services/metrics/store.ts'
import { checkLeaks } from '../../harness.ts'
import fc from '../../property.ts'
import { expectedOf } from './expected-points.ts'

checkLeaks()

const NOON = Date.UTC(2026, 10, 22, 12)
const MINUTE_MS = 60_000

const agent = (n: number, rss_bytes = 1_000, cpu_percent = 5): AgentProcess => ({
  ...{ agent: n, pid: n, uptime_ms: 1, rss_bytes, cpu_percent },
})

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10_000 }

test('agent series - minutes and hours agree with the samples they are made of', () => {
  const values = fc.array(fc.record({ after: fc.integer({ min: 1, max: 900_000 }), value: fc.integer({ min: 0, max: 1_000 }) }), {
    minLength: 1,
    maxLength: 60,
  })
  fc.assert(
    fc.property(values, (gaps) => {
      const series = new AgentSeries()
      let at = NOON
      const raw = gaps.map(({ after, value }) => {
        at += after
        return { at, value }
      })
      for (const one of raw) series.add(one.at, [agent(1, one.value)])
      for (const step of ['sample', 'minute', 'hour'] as const) {
        const points = series.points({ name: 'agent.1.rss_bytes', step, ...ALL })?.points ?? []
        assert.deepEqual(
          points.map(({ average, ...rest }) => ({ ...rest, sum: Math.round(average * rest.samples) })),
          expectedOf(raw, STEPS[step].width_ms),
        )
      }
    }),
    { numRuns: 60 },
  )
})

test('agent series - what is kept is bounded, however many agents come and go and however long one lives', () => {
  const series = new AgentSeries()
  for (let n = 1; n <= 500; n += 1) series.add(NOON + n * MINUTE_MS, [agent(1), agent(n + 1)])
  const listed = series.list().filter(({ name }) => name.endsWith('.rss_bytes'))
  assert.equal(listed.length, 40)
  // The one that lives on is among them, and the latest.
  assert.ok(listed.some(({ name }) => name === 'agent.1.rss_bytes') && listed.some(({ name }) => name === 'agent.501.rss_bytes'))
  assert.equal(series.points({ name: 'agent.2.rss_bytes', step: 'minute', ...ALL }), undefined)
  for (let n = 0; n < 20_000; n += 1) series.add(NOON + n * MINUTE_MS, [agent(1)])
  const count = (step: 'sample' | 'minute' | 'hour' | 'day') =>
    series.points({ name: 'agent.1.cpu_percent', step, ...ALL })?.points.length
  assert.deepEqual([count('sample'), count('minute'), count('hour'), count('day')], [240, 1_440, 168, 0])
  series.add(
    NOON,
    Array.from({ length: 5_000 }, (_, n) => agent(n)),
  )
  assert.equal(series.list().length, 80)
})

test('agent series - a span and a limit give the newest points of it; a name that is none is not known', () => {
  const series = new AgentSeries()
  for (let n = 0; n < 10; n += 1) series.add(NOON + n, [agent(7, n)])
  const query = { name: 'agent.7.rss_bytes', step: 'sample', from: NOON + 2, to: NOON + 8, limit: 3 } as const
  assert.deepEqual(
    series.points(query)?.points.map(({ last }) => last),
    [5, 6, 7],
  )
  assert.equal(series.points(query)?.unit, 'bytes')
  for (const name of ['agent.8.rss_bytes', 'agent.7.pid', 'agent.7.constructor', 'agents.rss_bytes', 'agent.07', ''])
    assert.equal(series.points({ ...query, name }), undefined, name)
})
