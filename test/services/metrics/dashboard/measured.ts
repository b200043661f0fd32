/** Answers of `GET /api/metrics` as the metrics service gives them, full of what must not become public. */

/** Words that stand in every private place of {@link measured}. None of them may ever be in a payload. */
export const PRIVATE = [
  'hostname-of-the-box',
  'rm -rf /secret/folder',
  'the result of a job',
  'key-of-a-memory',
  'content-of-a-memory',
  'project-of-somebody',
  'Morning paper for Alice',
  'diary-of-alice',
  'arn:aws:bedrock',
  '123456789012',
  'a service is down',
]

const job = (id: number, more: object = {}) => ({
  id,
  name: id === 1 ? 'Morning paper for Alice' : `Job ${id}`,
  cron_expression: '0 9 * * *',
  command: 'rm -rf /secret/folder',
  job_type: id % 2 === 0 ? 'claude' : 'shell',
  enabled: true,
  last_run_at: '2026-11-22T09:00:00.123456+00:00',
  last_result_preview: 'the result of a job',
  timezone: null,
  next_run_at: `2026-11-23T${String(9 + (id % 12)).padStart(2, '0')}:00:00Z`,
  failures: id === 3 ? 2 : 0,
  ...more,
})

const tokens = (scale: number) => ({
  input_tokens: 1_234 * scale,
  output_tokens: 567 * scale,
  cache_read_tokens: 891_011 * scale,
  cache_creation_tokens: 12_131 * scale,
  requests: 14 * scale,
})

const UNKNOWN = {
  ...{ cpu_percent: null, rss_bytes: null, uptime_ms: null, restarts: null },
  ...{ loop_lag_ms: null, calls: null, failures: null, in_flight: null },
}

/** An ordinary machine. */
export const measured = () => ({
  timestamp: '2026-11-22T17:50:24.310Z',
  cron_jobs: [1, 2, 3].map((id) => job(id)),
  memory: {
    count: 42,
    categories: { general: 30, 'diary-of-alice': 12 },
    oldest: '2026-01-02T03:04:05Z',
    newest: '2026-11-22T03:04:05Z',
    items: [{ key: 'key-of-a-memory', content: 'content-of-a-memory', category: 'diary-of-alice' }],
    pending: 0,
  },
  chat: { session_count: 7, message_count: 1_234_567, oldest_message: '2026-01-02', newest_message: '2026-11-22 10:00:00' },
  claude_usage: {
    total_sessions: 210,
    total_messages: 45_678,
    total_requests: 23_456,
    first_session_date: '2026-01-02',
    model_usage: {
      'claude-opus-4-1-20250805': tokens(1_000),
      'claude-haiku-4-5': tokens(400),
      'arn:aws:bedrock:eu-west-1:123456789012:inference-profile/x': tokens(10),
    },
    daily_activity: Array.from({ length: 40 }, (_, index) => ({
      date: new Date(Date.UTC(2026, 9, 14 + index)).toISOString().slice(0, 10),
      messages: (index * 37) % 211,
      sessions: (index * 5) % 9,
    })),
    context_avg: 45_600,
    context_max: 187_654,
    daily_models: Array.from({ length: 28 }, (_, index) => ({
      date: new Date(Date.UTC(2026, 10, 9 + (index >> 1))).toISOString().slice(0, 10),
      model: index % 2 === 0 ? 'claude-opus-4-1-20250805' : 'claude-haiku-4-5',
      ...tokens(1 + ((index * 7) % 13)),
    })),
    scan: { running: false, files: 12, bytes: 3, lines: 4, skipped_lines: 0, scanned_at: 1, took_ms: 2 },
  },
  system: {
    cpu: 'A processor',
    memory_total_gb: 16,
    cpu_usage_percent: 37.4,
    cpu_idle_percent: 62.6,
    memory_used_gb: 9.31,
    memory_free_gb: 6.69,
    ...{ memory_wired_gb: null, memory_active_gb: null, memory_inactive_gb: null },
    ...{ memory_compressed_gb: null, memory_purgeable_gb: null },
    load_avg: [0.61, 0.58, 0.5],
    disk_total_gb: 494.38,
    disk_used_gb: 201.7,
    disk_free_gb: 292.68,
    disk_used_percent: 40.8,
    uptime: '3 days, 4:05',
    uptime_seconds: 273_900,
    hostname: 'hostname-of-the-box',
    cpu_cores: 8,
    platform: 'linux',
    sampled_at: 1,
  },
  harness: {
    running_jobs: [
      {
        ...{
          bg_status: 'running',
          elapsed_seconds: 5,
          chain_depth: 1,
          project_id: 'abcd1234',
          project_name: 'project-of-somebody',
        },
        ...{ current_phase: 'x', done: 1, total: 2, in_progress: 1, blocked: 0 },
      },
    ],
    completed_jobs: [],
    archived_count: 3,
    archived_projects: [
      { project_name: 'project-of-somebody', archived_at: '2026-11-01', tasks_done: 1, tasks_total: 1, status: 'x' },
    ],
  },
  counts: {
    ...{ active_sessions: 3, live_agents: 1, running_turns: 1, waiting_turns: 0, cron_jobs: 3, cron_jobs_enabled: 3 },
    ...{ cron_runs_running: 0, cron_late_ms: null, deliveries_pending: 0, memories: 42 },
  },
  processes: {
    services: ['edge', 'sessions', 'scheduler', 'memory', 'history', 'metrics', 'reports'].map((service) => ({
      service,
      state: 'up',
      pid: 1,
      ...UNKNOWN,
    })),
    agents: [],
    sampled_at: 1,
  },
  alerts: [
    {
      id: 1,
      kind: 'x',
      subject: 'hostname-of-the-box',
      level: 'warning',
      message: 'a service is down',
      raised_at: 1,
      cleared_at: null,
    },
  ],
  notes: [],
})

/** As much of everything as there can be, in the dearest characters. */
export const enormous = () => {
  const many = 5_000
  const name = (index: number): string => `${'"\\猫'.repeat(200)}${index}`
  const base = measured()
  const huge = Number.MAX_SAFE_INTEGER
  const tokens = {
    input_tokens: huge,
    output_tokens: huge,
    cache_read_tokens: huge,
    cache_creation_tokens: huge,
    requests: huge,
  }
  const days = Array.from({ length: many }, (_, index) =>
    new Date(Date.UTC(2026, 10, 22) - index * 86_400_000).toISOString().slice(0, 10),
  )
  return {
    ...base,
    cron_jobs: Array.from({ length: many }, (_, index) => job(index, { name: name(index), job_type: 'claude', enabled: false })),
    memory: { ...base.memory, count: huge, categories: Object.fromEntries(days.map((_, index) => [name(index), huge])) },
    chat: { ...base.chat, session_count: huge, message_count: huge },
    claude_usage: {
      ...base.claude_usage,
      ...{ total_sessions: huge, total_messages: huge, total_requests: huge, context_avg: huge, context_max: huge },
      model_usage: Object.fromEntries(
        days.map((_, index) => [`claude-${String(index).repeat(8).padEnd(32, '9').slice(0, 32)}`, tokens]),
      ),
      daily_activity: days.map((date) => ({ date, messages: huge, sessions: huge })),
      daily_models: days.map((date) => ({ date, model: 'm', ...tokens })),
    },
    system: {
      ...base.system,
      ...{ memory_total_gb: 9_999_999.75, memory_used_gb: 9_999_999.75, disk_total_gb: 1e300, disk_used_gb: 1e300 },
      ...{ load_avg: [9_999.25, 9_999.25, 9_999.25], uptime_seconds: huge },
    },
    harness: { ...base.harness, running_jobs: Array(many).fill({}), completed_jobs: Array(many).fill({}), archived_count: huge },
  }
}
