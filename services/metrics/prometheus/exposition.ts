/**
 * All numbers in the text format of Prometheus. Names follow its conventions: base units (seconds, bytes, ratios), `_total`
 * for what only grows. Labels have few values: services, models, kinds; never a chat, a job or an agent.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import { type Alert, type ClaudeUsage, EXPOSITION_TYPE, type Metrics, type ServiceProcess } from '../../../protocol/metrics.ts'

const GIGABYTE = 1024 ** 3
/** Models beyond the busiest of these are told together as `other`. */
const MODELS = 30

/** What is told: the newest look. */
export type Told = Pick<Metrics, 'system' | 'processes' | 'counts' | 'claude_usage' | 'alerts'>

interface Value {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number | null | undefined
}

interface Family {
  /** Without the prefix `switchboard_`. */
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly labels?: readonly string[]
  readonly values: (told: Told) => readonly Value[]
}

const one = (value: number | null | undefined): readonly Value[] => [{ value }]
const gigabytes = (value: number | null | undefined): readonly Value[] =>
  one(value == null ? value : Math.round(value * GIGABYTE))
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** A number of each of our processes. */
const ofServices =
  (pick: (process: ServiceProcess) => number | null) =>
  ({ processes }: Told): readonly Value[] =>
    processes.services.map((process) => ({ labels: { service: process.service }, value: pick(process) }))

const scaled = (value: number | null, factor: number): number | null => (value === null ? null : value / factor)

type Tokens = ClaudeUsage['model_usage'][string]
const KINDS = {
  input: 'input_tokens',
  output: 'output_tokens',
  cache_read: 'cache_read_tokens',
  cache_creation: 'cache_creation_tokens',
} as const

/** The busiest models by name, and the sum of the others. */
const modelsOf = (usage: ClaudeUsage | null): (readonly [model: string, tokens: Tokens])[] => {
  const all = Object.entries(usage?.model_usage ?? {}).sort(([, a], [, b]) => b.requests - a.requests)
  const others = all.slice(MODELS).map(([, tokens]) => tokens)
  if (others.length === 0) return all
  const total = (key: keyof Tokens): number => sum(others.map((tokens) => tokens[key]))
  const other: Tokens = {
    requests: total('requests'),
    ...{ input_tokens: total('input_tokens'), output_tokens: total('output_tokens') },
    ...{ cache_read_tokens: total('cache_read_tokens'), cache_creation_tokens: total('cache_creation_tokens') },
  }
  return [...all.slice(0, MODELS), ['other', other]]
}

const FAMILIES: readonly Family[] = [
  {
    ...{ name: 'system_cpu_usage_ratio', type: 'gauge', help: 'Use of all processors since the sample before, 0 to 1' },
    values: ({ system }) => one(scaled(system?.cpu_usage_percent ?? null, 100)),
  },
  ...([1, 5, 15] as const).map(
    (minutes, index): Family => ({
      ...{ name: `system_load${minutes}`, type: 'gauge', help: `Load average of ${minutes} minutes` },
      values: ({ system }) => one(system?.load_avg[index]),
    }),
  ),
  {
    ...{ name: 'system_memory_total_bytes', type: 'gauge', help: 'Memory of the machine' },
    values: ({ system }) => gigabytes(system?.memory_total_gb),
  },
  {
    ...{ name: 'system_memory_available_bytes', type: 'gauge', help: 'Memory that can be had without swapping' },
    values: ({ system }) => gigabytes(system?.memory_free_gb),
  },
  {
    ...{ name: 'system_disk_size_bytes', type: 'gauge', help: 'The disk on which SWITCHBOARD_HOME lies' },
    values: ({ system }) => gigabytes(system?.disk_total_gb),
  },
  {
    ...{ name: 'system_disk_free_bytes', type: 'gauge', help: 'What of that disk is free for us' },
    values: ({ system }) => gigabytes(system?.disk_free_gb),
  },
  {
    ...{ name: 'system_uptime_seconds', type: 'gauge', help: 'Since the machine was started' },
    values: ({ system }) => one(system?.uptime_seconds),
  },
  {
    ...{ name: 'process_up', type: 'gauge', help: '1 while the process answers', labels: ['service'] },
    values: ofServices(({ state }) => (state === 'up' ? 1 : 0)),
  },
  {
    ...{ name: 'process_resident_memory_bytes', type: 'gauge', help: 'Resident memory of the process', labels: ['service'] },
    values: ofServices(({ rss_bytes }) => rss_bytes),
  },
  {
    ...{
      name: 'process_cpu_usage_ratio',
      type: 'gauge',
      help: 'Use of one processor since the sample before',
      labels: ['service'],
    },
    values: ofServices(({ cpu_percent }) => scaled(cpu_percent, 100)),
  },
  {
    ...{ name: 'process_uptime_seconds', type: 'gauge', help: 'Since the process was started', labels: ['service'] },
    values: ofServices(({ uptime_ms }) => scaled(uptime_ms, 1_000)),
  },
  {
    ...{ name: 'process_event_loop_lag_seconds', type: 'gauge', labels: ['service'] },
    help: 'The latest that the event loop was since the sample before',
    values: ofServices(({ loop_lag_ms }) => scaled(loop_lag_ms, 1_000)),
  },
  {
    ...{
      name: 'process_restarts_total',
      type: 'counter',
      help: 'How often PM2 has started the process anew',
      labels: ['service'],
    },
    values: ofServices(({ restarts }) => restarts),
  },
  {
    ...{ name: 'process_calls_total', type: 'counter', help: 'Calls that the process has begun to answer', labels: ['service'] },
    values: ofServices(({ calls }) => calls),
  },
  {
    ...{ name: 'process_call_failures_total', type: 'counter', help: 'Of those: the ones that failed', labels: ['service'] },
    values: ofServices(({ failures }) => failures),
  },
  {
    ...{ name: 'process_calls_in_flight', type: 'gauge', help: 'Calls that are being answered', labels: ['service'] },
    values: ofServices(({ in_flight }) => in_flight),
  },
  {
    ...{ name: 'agents', type: 'gauge', help: 'Agents that live' },
    values: ({ processes }) => one(processes.agents.length),
  },
  {
    ...{ name: 'agents_resident_memory_bytes', type: 'gauge', help: 'Resident memory of all agents' },
    values: ({ processes }) => one(sum(processes.agents.map(({ rss_bytes }) => rss_bytes))),
  },
  {
    ...{ name: 'sessions_active', type: 'gauge', help: 'Sessions that are there' },
    values: ({ counts }) => one(counts.active_sessions),
  },
  { ...{ name: 'turns_running', type: 'gauge', help: 'Turns that run' }, values: ({ counts }) => one(counts.running_turns) },
  { ...{ name: 'turns_waiting', type: 'gauge', help: 'Turns that wait' }, values: ({ counts }) => one(counts.waiting_turns) },
  {
    ...{ name: 'cron_jobs', type: 'gauge', help: 'Jobs, by whether they are enabled', labels: ['state'] },
    values: ({ counts: { cron_jobs, cron_jobs_enabled } }) => [
      { labels: { state: 'enabled' }, value: cron_jobs_enabled },
      { labels: { state: 'disabled' }, value: cron_jobs === null ? null : cron_jobs - (cron_jobs_enabled ?? 0) },
    ],
  },
  {
    ...{ name: 'cron_runs_running', type: 'gauge', help: 'Runs of jobs that run' },
    values: ({ counts }) => one(counts.cron_runs_running),
  },
  {
    ...{ name: 'cron_lateness_seconds', type: 'gauge', help: 'The latest that a due moment was claimed within ten minutes' },
    values: ({ counts }) => one(scaled(counts.cron_late_ms, 1_000)),
  },
  {
    ...{ name: 'deliveries_pending', type: 'gauge', help: 'Results of jobs that wait to be delivered' },
    values: ({ counts }) => one(counts.deliveries_pending),
  },
  { ...{ name: 'memories', type: 'gauge', help: 'Memories of all bots' }, values: ({ counts }) => one(counts.memories) },
  {
    ...{ name: 'claude_requests_total', type: 'counter', help: 'Requests to the model, by the session files', labels: ['model'] },
    values: ({ claude_usage }) => modelsOf(claude_usage).map(([model, { requests }]) => ({ labels: { model }, value: requests })),
  },
  {
    ...{ name: 'claude_tokens_total', type: 'counter', help: 'Tokens, by the session files', labels: ['model', 'kind'] },
    values: ({ claude_usage }) =>
      modelsOf(claude_usage).flatMap(([model, tokens]) =>
        Object.entries(KINDS).map(([kind, key]) => ({ labels: { model, kind }, value: tokens[key] })),
      ),
  },
  {
    ...{ name: 'alerts', type: 'gauge', help: 'What is wrong at this moment', labels: ['level'] },
    values: ({ alerts }) =>
      (['warning', 'critical'] satisfies Alert['level'][]).map((level) => ({
        labels: { level },
        value: alerts.filter((alert) => alert.level === level).length,
      })),
  },
  {
    ...{ name: 'sampled_timestamp_seconds', type: 'gauge', help: 'When these numbers were looked at, in Unix time' },
    values: ({ processes }) => one(processes.sampled_at / 1_000),
  },
]

/** Writes the numbers. What is not known is left out. */
export const renderExposition = async (told: Told): Promise<{ text: string; content_type: typeof EXPOSITION_TYPE }> => {
  const registry = new Registry()
  for (const { name, help, type, labels = [], values } of FAMILIES) {
    const known = values(told).filter(({ value }) => value != null && Number.isFinite(value))
    if (known.length === 0) continue
    const options = { name: `switchboard_${name}`, help, labelNames: [...labels], registers: [registry] }
    if (type === 'gauge') {
      const gauge = new Gauge(options)
      for (const { labels: of = {}, value } of known) gauge.set({ ...of }, value as number)
    } else {
      const counter = new Counter(options)
      for (const { labels: of = {}, value } of known) counter.inc({ ...of }, value as number)
    }
  }
  return { text: await registry.metrics(), content_type: EXPOSITION_TYPE }
}
