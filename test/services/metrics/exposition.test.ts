import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderExposition, type Told } from '../../../services/metrics/prometheus/exposition.ts'
import { readExposition } from './open-metrics.ts'

const tokens = (requests: number) => ({
  ...{ input_tokens: 10 * requests, output_tokens: requests },
  ...{ cache_read_tokens: 0, cache_creation_tokens: 0, requests },
})

const TOLD: Told = {
  system: {
    ...{ cpu: 'x', memory_total_gb: 8, cpu_usage_percent: 25, cpu_idle_percent: 75, memory_used_gb: 3, memory_free_gb: 5 },
    ...{ memory_wired_gb: null, memory_active_gb: null, memory_inactive_gb: null, memory_compressed_gb: null },
    ...{ memory_purgeable_gb: null, load_avg: [0.5, 1, 1.5], disk_total_gb: 100, disk_used_gb: 60, disk_free_gb: 40 },
    ...{ disk_used_percent: 60, uptime: '1:00', hostname: 'secret-host', cpu_cores: 2, uptime_seconds: 3_600 },
    ...{ platform: 'linux', sampled_at: 1 },
  },
  processes: {
    services: [
      {
        ...{ service: 'edge', state: 'up', pid: 1, cpu_percent: 12.5, rss_bytes: 1_000, uptime_ms: 5_000, restarts: 3 },
        ...{ loop_lag_ms: 20, calls: 9, failures: 2, in_flight: 1 },
      },
      {
        ...{ service: 'history', state: 'down', pid: null, cpu_percent: null, rss_bytes: null, uptime_ms: null },
        ...{ restarts: null, loop_lag_ms: null, calls: null, failures: null, in_flight: null },
      },
    ],
    agents: [{ agent: 1, pid: 2, cpu_percent: 1, rss_bytes: 500, uptime_ms: 1 }],
    sampled_at: 1_795_400_865_263,
  },
  counts: {
    ...{ active_sessions: 4, live_agents: 1, running_turns: 1, waiting_turns: 0, cron_jobs: 5, cron_jobs_enabled: 3 },
    ...{ cron_runs_running: 0, cron_late_ms: 250, deliveries_pending: 0, memories: null },
  },
  claude_usage: {
    ...{
      total_sessions: 1,
      total_messages: 2,
      total_requests: 3,
      first_session_date: null,
      daily_activity: [],
      daily_models: [],
    },
    ...{ context_avg: 0, context_max: 0 },
    model_usage: {
      'odd "model"\\\n': tokens(1_000),
      ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`m${index}`, tokens(40 - index)])),
    },
    scan: { running: false, files: 1, bytes: 1, lines: 1, skipped_lines: 0, scanned_at: 1, took_ms: 1 },
  },
  alerts: [{ id: 1, kind: 'k', subject: 's', level: 'critical', message: 'm', raised_at: 1, cleared_at: null }],
}

test('prometheus - what is exposed has no fault that promtool would find', async () => {
  const { text, content_type } = await renderExposition(TOLD)
  const { faults, series, types } = readExposition(text)
  assert.deepEqual(faults, [])
  assert.equal(content_type, 'text/plain; version=0.0.4; charset=utf-8')
  assert.ok(types.size > 25)
  assert.ok([...types.keys()].every((name) => name.startsWith('switchboard_')))
  assert.doesNotMatch(text, /secret-host/)
  const told = (name: string, labels: Record<string, string> = {}): number | undefined =>
    series.find((one) => one.name === `switchboard_${name}` && JSON.stringify(one.labels) === JSON.stringify(labels))?.value
  assert.equal(told('system_cpu_usage_ratio'), 0.25)
  assert.equal(told('system_memory_available_bytes'), 5 * 1024 ** 3)
  assert.equal(told('process_cpu_usage_ratio', { service: 'edge' }), 0.125)
  assert.equal(told('process_event_loop_lag_seconds', { service: 'edge' }), 0.02)
  assert.equal(told('process_restarts_total', { service: 'edge' }), 3)
  assert.equal(told('process_up', { service: 'history' }), 0)
  assert.equal(told('process_resident_memory_bytes', { service: 'history' }), undefined, 'not known is no zero')
  assert.equal(told('memories'), undefined)
  assert.equal(told('cron_jobs', { state: 'disabled' }), 2)
  assert.equal(told('alerts', { level: 'critical' }), 1)
  assert.equal(told('sampled_timestamp_seconds'), 1_795_400_865.263)
})

test('prometheus - models are bounded, and what is left out of them is summed', async () => {
  const { series } = readExposition((await renderExposition(TOLD)).text)
  const requests = series.filter(({ name }) => name === 'switchboard_claude_requests_total')
  assert.equal(requests.length, 31)
  const all = Object.values(TOLD.claude_usage?.model_usage ?? {}).reduce((sum, model) => sum + model.requests, 0)
  assert.equal(
    requests.reduce((sum, { value }) => sum + value, 0),
    all,
  )
})

test('prometheus - nothing known yet is nothing told, and still no fault', async () => {
  const nothing: Told = {
    system: null,
    processes: { services: [], agents: [], sampled_at: 1 },
    counts: Object.fromEntries(Object.keys(TOLD.counts).map((key) => [key, null])) as Told['counts'],
    claude_usage: null,
    alerts: [],
  }
  assert.deepEqual(readExposition((await renderExposition(nothing)).text).faults, [])
})

test('prometheus - the check finds what promtool finds', () => {
  const faults = (text: string): number => readExposition(text).faults.length
  assert.equal(faults('# HELP a_total x\n# TYPE a_total counter\na_total 1\n'), 0)
  for (const text of [
    '# HELP a x\n# TYPE a counter\na 1\n',
    '# HELP a_total x\n# TYPE a_total gauge\na_total 1\n',
    '# TYPE a gauge\na 1\n',
    'a 1\n',
    '# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n',
    '# HELP a x\n# TYPE a gauge\na 1\na 2\n',
    '# HELP a x\n# TYPE a gauge\na{b="1",b="2"} 2\n',
    '# HELP a x\n# TYPE a gauge\na{b="1} 2\n',
    '# HELP a x\n# TYPE a gauge\na x\n',
    '# HELP a x\n# TYPE a gauge\na 1',
  ])
    assert.ok(faults(text) > 0, text)
})
