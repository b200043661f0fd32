/** Metrics: what the machine, our processes and Claude's use of tokens are like, and what is wrong at this moment. */
import { z } from 'zod'
import { doctorMethods } from './doctor.ts'
import { method, service, topic } from './method.ts'

const Iso = z.string().meta({ description: 'ISO 8601, UTC', examples: ['2026-11-22T17:50:24.310Z'] })
const Day = z.string().meta({ description: "a day of this machine's zone", examples: ['2026-11-22'] })
const Count = z.number().int()
const At = z.number().int().describe('milliseconds since 1970')

/** A job as the predecessor's page shows it. */
export const CronJobMetrics = z.object({
  id: Count,
  name: z.string(),
  cron_expression: z.string(),
  job_type: z.string(),
  enabled: z.boolean(),
  last_run_at: z.string().nullable(),
  last_result_preview: z.string().nullable().describe('its first 200 characters'),
  timezone: z.string().nullable(),
  next_run_at: z.string().nullable().describe('UTC; null while disabled'),
  failures: Count.describe('in a row, up to now'),
})

const MemoryMetrics = z.object({
  count: Count,
  categories: z.record(z.string(), Count).describe('how many memories each has; of the first 10,000 where there are more'),
  oldest: z.string().nullable(),
  newest: z.string().nullable(),
  items: z
    .array(z.object({ key: z.string(), content: z.string(), category: z.string() }))
    .describe('the newest fifty, each by its first 500 characters'),
  pending: Count.describe('passages that have no vector yet'),
})

const ChatMetrics = z.object({
  session_count: Count,
  message_count: Count,
  oldest_message: z.string().nullable(),
  newest_message: z.string().nullable(),
})

/** Tokens as Claude counts them. */
const tokens = {
  input_tokens: Count,
  output_tokens: Count,
  cache_read_tokens: Count,
  cache_creation_tokens: Count,
  requests: Count,
}

/** What the CLI's own session files tell, each message counted once. */
export const ClaudeUsage = z.object({
  total_sessions: Count.describe('conversations'),
  total_messages: Count.describe('lines of people and tools, and answers'),
  total_requests: Count,
  first_session_date: Day.nullable(),
  model_usage: z.record(z.string(), z.object(tokens)),
  daily_activity: z
    .array(z.object({ date: Day, messages: Count, sessions: Count }))
    .describe('oldest first, the last 90 days that have any'),
  context_avg: Count.describe('tokens that a request sent, from the cache or not'),
  context_max: Count,
  daily_models: z.array(z.object({ date: Day, model: z.string(), ...tokens })).describe('the last 31 days, oldest first'),
  scan: z.object({
    running: z.boolean().describe('while the first scan runs the numbers still grow'),
    files: Count,
    bytes: z.number().describe('read since the first scan, over restarts'),
    lines: z.number(),
    skipped_lines: z.number().describe('could not be read; all others were'),
    scanned_at: At.nullable().describe('when the last scan ended'),
    took_ms: z.number().nullable(),
  }),
})
export type ClaudeUsage = z.output<typeof ClaudeUsage>

const Gigabytes = z.number().nullable().describe('in 2^30 bytes; null where the system does not say')
const Percent = z.number().min(0)

export const SystemMetrics = z.object({
  cpu: z.string().describe('its name'),
  memory_total_gb: z.number(),
  cpu_usage_percent: Percent,
  cpu_idle_percent: Percent,
  memory_used_gb: z.number(),
  memory_free_gb: z.number().describe('available without swapping'),
  memory_wired_gb: Gigabytes,
  memory_active_gb: Gigabytes,
  memory_inactive_gb: Gigabytes,
  memory_compressed_gb: Gigabytes,
  memory_purgeable_gb: Gigabytes,
  load_avg: z.array(z.number()).length(3).describe('of 1, 5 and 15 minutes'),
  disk_total_gb: z.number().describe('of the disk on which SWITCHBOARD_HOME lies'),
  disk_used_gb: z.number(),
  disk_free_gb: z.number(),
  disk_used_percent: Percent,
  uptime: z.string().meta({ examples: ['3 days, 4:05'] }),
  hostname: z.string(),
  cpu_cores: Count,
  uptime_seconds: z.number(),
  platform: z.string(),
  sampled_at: At,
})
export type SystemMetrics = z.output<typeof SystemMetrics>

/** A project that is worked at in the background, or was. */
const HarnessJob = z.object({
  bg_status: z.string(),
  elapsed_seconds: Count,
  chain_depth: Count,
  project_id: z.string(),
  project_name: z.string(),
  current_phase: z.string(),
  done: Count,
  total: Count,
  in_progress: Count,
  blocked: Count,
})
export type HarnessJob = z.output<typeof HarnessJob>

const HarnessMetrics = z.object({
  running_jobs: z.array(HarnessJob),
  completed_jobs: z.array(HarnessJob),
  archived_count: Count,
  archived_projects: z
    .array(
      z.object({
        project_name: z.string(),
        archived_at: z.string(),
        tasks_done: Count,
        tasks_total: Count,
        status: z.string(),
      }),
    )
    .describe('the newest fifty'),
})

/** silent: there, and it does not answer; down: nobody is there. */
export const ProcessState = z.enum(['up', 'silent', 'down'])

/** One of our processes. What is null is not known. */
export const ServiceProcess = z
  .object({
    service: z.string().meta({ examples: ['edge'] }),
    state: ProcessState,
    pid: Count.nullable(),
    cpu_percent: z.number().nullable().describe('of one core, since the sample before'),
    rss_bytes: z.number().nullable(),
    uptime_ms: z.number().nullable(),
    restarts: Count.nullable().describe('as PM2 counts them'),
    loop_lag_ms: z.number().nullable().describe('the latest that its event loop was, since the sample before'),
    calls: Count.nullable().describe('since it started'),
    failures: Count.nullable(),
    in_flight: Count.nullable(),
  })
  .meta({ title: 'ServiceProcess' })
export type ServiceProcess = z.output<typeof ServiceProcess>

/** An agent that lives. */
export const AgentProcess = z
  .object({
    agent: Count.describe('its number, the folder in SWITCHBOARD_HOME/agents'),
    pid: Count,
    cpu_percent: z.number(),
    rss_bytes: z.number(),
    uptime_ms: z.number(),
  })
  .meta({ title: 'AgentProcess' })
export type AgentProcess = z.output<typeof AgentProcess>

const Processes = z.object({
  services: z.array(ServiceProcess),
  agents: z.array(AgentProcess),
  sampled_at: At,
})

/** warning: look at it when you can; critical: messages or jobs are affected, and /readyz says so. */
export const AlertLevel = z.enum(['warning', 'critical'])
export type AlertLevel = z.output<typeof AlertLevel>

/** Something that is wrong, from when it was noticed until it is over. */
export const Alert = z
  .object({
    id: Count,
    kind: z.string().meta({ examples: ['service_down'] }),
    subject: z.string().describe('what it is about: a service, a job, a disk'),
    level: AlertLevel,
    message: z.string().describe('what happened, to what, and what to do'),
    raised_at: At,
    cleared_at: At.nullable(),
  })
  .meta({ title: 'Alert' })
export type Alert = z.output<typeof Alert>

/** How much there is and goes on. Null: the service that knows did not answer, and never has. */
const Counts = z.object({
  active_sessions: Count.nullable(),
  live_agents: Count.nullable(),
  running_turns: Count.nullable(),
  waiting_turns: Count.nullable(),
  cron_jobs: Count.nullable(),
  cron_jobs_enabled: Count.nullable(),
  cron_runs_running: Count.nullable(),
  cron_late_ms: z.number().nullable().describe('the worst of the last ten minutes'),
  deliveries_pending: Count.nullable(),
  memories: Count.nullable(),
})
export type Counts = z.output<typeof Counts>

/** Everything, as `GET /api/metrics` shows it. A part is null while what it comes from has never answered; `notes` say why. */
export const Metrics = z
  .object({
    timestamp: Iso,
    cron_jobs: z.array(CronJobMetrics).nullable(),
    memory: MemoryMetrics.nullable(),
    chat: ChatMetrics.nullable(),
    claude_usage: ClaudeUsage.nullable(),
    system: SystemMetrics.nullable(),
    harness: HarnessMetrics.nullable(),
    counts: Counts,
    processes: Processes,
    alerts: z.array(Alert).describe('those that are not over'),
    notes: z
      .array(z.object({ part: z.string(), problem: z.string() }))
      .describe('parts that could not be read anew: they are null, or as they were known last'),
  })
  .meta({ title: 'Metrics' })
export type Metrics = z.output<typeof Metrics>

/** The steps in which series are kept. Samples are kept for hours, minutes for two days, hours for 90 days, days for ten years. */
export const SeriesStep = z.enum(['sample', 'minute', 'hour', 'day'])
export type SeriesStep = z.output<typeof SeriesStep>

/** What was measured in one step. `at`: when the step began. */
export const SeriesPoint = z.object({
  at: At,
  average: z.number(),
  min: z.number(),
  max: z.number(),
  last: z.number(),
  samples: Count,
})
export type SeriesPoint = z.output<typeof SeriesPoint>

/** The most points that one call gives, of all series together. */
export const MAX_POINTS = 5_000

/** The text format of Prometheus, as it names itself. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export const metrics = service({
  summary: 'What the machine, the processes and the use of tokens are like, and what is wrong',
  methods: {
    current: method({
      summary: 'Everything that is known: system, processes, Claude usage, jobs, memory, chats, harness, alerts',
      input: z.object({}),
      output: Metrics,
      http: [{ route: 'GET /api/metrics' }],
      mcp: 'get_metrics',
      ws: true,
      timeout_ms: 15_000,
      idempotent: true,
    }),
    refresh: method({
      summary: 'Look at everything anew, now',
      input: z.object({}),
      output: z.union([
        z.object({ status: z.literal('ok'), timestamp: Iso }),
        z.object({ status: z.literal('error'), message: z.string() }),
      ]),
      http: [{ route: 'POST /api/metrics/refresh' }],
      ws: true,
      timeout_ms: 30_000,
      idempotent: true,
    }),
    series: method({
      summary: 'How numbers went over time, for charts',
      input: z.object({
        names: z
          .string()
          .min(1)
          .max(2_000)
          .describe('names of series with commas between them; see the list')
          .meta({ examples: ['system.cpu_percent,process.edge.rss_bytes'] }),
        from: At.nullish().describe('milliseconds since 1970; absent: as many steps ago as fit'),
        to: At.nullish().describe('that moment does not count; absent: now'),
        step: SeriesStep.default('minute'),
        limit: z.number().int().min(1).max(MAX_POINTS).default(500).describe('of each series, the newest ones'),
      }),
      output: z.object({
        step: SeriesStep,
        series: z.array(z.object({ name: z.string(), unit: z.string().nullable(), points: z.array(SeriesPoint) })),
      }),
      http: [{ route: 'GET /api/metrics/series' }],
      ws: true,
      mcp: 'get_metric_series',
      timeout_ms: 10_000,
      idempotent: true,
    }),
    list_series: method({
      summary: 'The names of the series that are kept, with their units',
      input: z.object({}),
      output: z.array(z.object({ name: z.string(), unit: z.string(), last: z.number(), last_at: At })),
      http: [{ route: 'GET /api/metrics/series/names' }],
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    processes: method({
      summary: 'Our processes and the agents: processor, memory, uptime, restarts, lateness of the event loop',
      input: z.object({}),
      output: Processes,
      http: [{ route: 'GET /api/metrics/processes' }],
      ws: true,
      mcp: 'list_processes',
      timeout_ms: 5_000,
      idempotent: true,
    }),
    alerts: method({
      summary: 'What is wrong now; with a limit also what was, newest first',
      input: z.object({ past: z.number().int().min(0).max(500).default(0).describe('how many that are over to show') }),
      output: z.object({ alerts: z.array(Alert) }),
      http: [{ route: 'GET /api/metrics/alerts' }],
      ws: true,
      mcp: 'list_alerts',
      timeout_ms: 5_000,
      idempotent: true,
    }),
    ...doctorMethods,
    /** For the edge, which shows it as `GET /metrics`. */
    exposition: method({
      summary: 'All numbers in the text format of Prometheus',
      input: z.object({}),
      output: z.object({ text: z.string(), content_type: z.literal(EXPOSITION_TYPE) }),
      timeout_ms: 10_000,
      idempotent: true,
    }),
  },
  topics: {
    alert_raised: topic({ summary: 'Something is wrong', payload: Alert }),
    alert_cleared: topic({ summary: 'Something is no longer wrong', payload: Alert }),
    sampled: topic({ summary: 'The numbers were looked at anew', payload: z.object({ at: At }) }),
  },
})
