import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Counts, SystemMetrics } from '../../../protocol/metrics.ts'
import { Alerts } from '../../../services/metrics/alerts.ts'
import { CrashLoops } from '../../../services/metrics/crash-loop.ts'
import { type Judged, judge } from '../../../services/metrics/judge.ts'
import { pastOf } from '../../../services/metrics/past.ts'
import { openStore } from '../../../services/metrics/store.ts'
import { uptimeText } from '../../../services/metrics/system.ts'
import type { Watched } from '../../../services/runtime/watch/watchdog.ts'
import { checkLeaks, type Scope } from '../../harness.ts'
import fc from '../../property.ts'
import { openMetricsDatabase } from './rig.ts'

checkLeaks()

const NOON = Date.UTC(2026, 10, 22, 12)
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

const watched = (over: Partial<Watched>): Watched => ({
  ...{ name: 'edge', state: 'up', for_ms: 0, hangs: false, pong: null, loop_lag_ms: 0 },
  ...over,
})
const system = (over: Partial<SystemMetrics>): SystemMetrics =>
  ({ disk_free_gb: 50, disk_used_percent: 40, memory_free_gb: 4, ...over }) as SystemMetrics
const LATE: Counts = { cron_late_ms: 0 } as Counts

const NOTHING_KEPT = { keepRestarts: () => undefined, restarts: () => [] }

const openJudge = (t: Scope) => {
  const told: string[] = []
  const store = openStore(openMetricsDatabase(t))
  const alerts = new Alerts({
    store,
    log: pino({ level: 'silent' }),
    onRaised: ({ kind, level }) => void told.push(`${kind} ${level}`),
    onCleared: ({ kind }) => void told.push(`${kind} over`),
  })
  const loops = new CrashLoops({ restarts: 3, window_ms: 10 * MINUTE_MS }, store)
  const rules = { min_free_mb: 512, min_free_disk_mb: 1_024, crash_loop_minutes: 10 }
  return {
    told,
    loops,
    look: (seen: Partial<Judged>): string[] => {
      judge(alerts, loops, rules, { watched: [], system: null, counts: LATE, now: NOON, ...seen })
      return told.splice(0)
    },
  }
}

test('judge - who is away for ten seconds is down, a restart is none, and nobody is judged before he was looked at', (t) => {
  const { look } = openJudge(t)
  assert.deepEqual(look({ watched: [watched({ state: 'down', for_ms: 9_000 })] }), [])
  assert.deepEqual(look({ watched: [watched({ state: 'down', for_ms: 11_000 })] }), ['service_down critical'])
  assert.deepEqual(look({ watched: [watched({ state: 'down', for_ms: 20_000 })] }), [], 'once')
  assert.deepEqual(look({ watched: [watched({ state: 'unknown' })] }), [], 'after a start of metrics it stands')
  assert.deepEqual(look({ watched: [watched({})] }), ['service_down over'])
})

test('judge - disk, memory and lateness are told when they pass their limits, and when they are back', (t) => {
  const { look } = openJudge(t)
  assert.deepEqual(look({ system: system({}) }), [])
  assert.deepEqual(look({ system: system({ disk_used_percent: 93 }) }), ['disk_low warning'])
  assert.deepEqual(look({ system: system({ disk_used_percent: 99, disk_free_gb: 0.5, memory_free_gb: 0.1 }) }), [
    'memory_low warning',
  ])
  assert.deepEqual(look({ system: null }), [], 'what could not be looked at stands')
  assert.deepEqual(look({ system: system({}) }), ['disk_low over', 'memory_low over'])
  assert.deepEqual(look({ counts: { ...LATE, cron_late_ms: 61_000 } }), ['cron_late warning'])
  assert.deepEqual(look({}), ['cron_late over'])
})

test('judge - restarts count within their window only', (t) => {
  const { look, loops } = openJudge(t)
  const see = (restarts: number, minutes: number): void => loops.see([{ name: 'edge', restarts }], NOON + minutes * MINUTE_MS)
  see(7, 0)
  see(8, 5)
  see(9, 14)
  see(10, 18)
  assert.deepEqual(look({ now: NOON + 18 * MINUTE_MS }), [])
  see(11, 19)
  assert.deepEqual(look({ now: NOON + 19 * MINUTE_MS }), ['crash_loop critical'])
  assert.deepEqual(look({ now: NOON + 23 * MINUTE_MS }), [])
  assert.deepEqual(look({ now: NOON + 30 * MINUTE_MS }), ['crash_loop over'])
})

test('judge - a crash loop is what a count of the restarts themselves would call one', () => {
  const WINDOW = 100
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(3)), { minLength: 1, maxLength: 40 }), (steps) => {
      const loops = new CrashLoops({ restarts: 4, window_ms: WINDOW }, NOTHING_KEPT)
      const starts: number[] = []
      let now = 1_000
      let restarts = 0
      for (const [index, [pause, more]] of steps.entries()) {
        now += pause
        // What PM2 says at the first look was before our time.
        for (let count = 0; count < more && index > 0; count += 1) starts.push(now)
        restarts += more
        loops.see([{ name: 'a', restarts }], now)
        const [looping] = loops.looping(now)
        // A restart is known to have been between two looks: those of the look at the edge of the window do not count.
        const within = starts.filter((at) => at > now - WINDOW).length
        assert.equal(looping?.restarts ?? within, within)
        assert.equal(looping !== undefined, within >= 4)
      }
    }),
    { numRuns: 200 },
  )
})

test('judge - a crash loop of metrics itself is seen over its own lives', (t) => {
  const store = openStore(openMetricsDatabase(t))
  const rule = { restarts: 3, window_ms: 10 * MINUTE_MS }
  for (let life = 0; life <= 3; life += 1) {
    const loops = new CrashLoops(rule, store)
    loops.see([{ name: 'metrics', restarts: 5 + life }], NOON + life * MINUTE_MS)
    assert.equal(loops.looping(NOON + life * MINUTE_MS).length, life < 3 ? 0 : 1, `life ${life}`)
  }
  const later = new CrashLoops(rule, store)
  later.see([{ name: 'metrics', restarts: 8 }], NOON + 60 * MINUTE_MS)
  assert.deepEqual(later.looping(NOON + 60 * MINUTE_MS), [])
  assert.ok(store.restarts().length <= 2, 'what is older than the window is not kept')
})

test('past - hours in which nothing was measured are holes', (t) => {
  const store = openStore(openMetricsDatabase(t))
  assert.equal(pastOf(store, NOON), null)
  const add = (at: number, value: number): void =>
    void store.addSamples(at, [{ name: 'system.cpu_percent', unit: 'percent', value }])
  add(NOON - 24 * HOUR_MS, 10)
  add(NOON - 90 * MINUTE_MS, 20)
  add(NOON - 80 * MINUTE_MS, 40)
  add(NOON + 1, 99)
  const past = pastOf(store, NOON + 59 * MINUTE_MS)
  assert.equal(past?.until_at, NOON)
  assert.deepEqual(
    [past?.cpu_percent.length, past?.cpu_percent[0], past?.cpu_percent.at(-2), past?.cpu_percent.at(-1)],
    [24, 10, 30, null],
  )
})

test('system - the uptime is written as people know it', () => {
  assert.deepEqual([0, 3_600 * 4 + 65, 86_400, 86_400 * 3 + 4 * 3_600 + 5 * 60].map(uptimeText), [
    '0:00',
    '4:01',
    '1 day, 0:00',
    '3 days, 4:05',
  ])
})
