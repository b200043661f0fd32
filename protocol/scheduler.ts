/** The scheduler: shell commands and prompts at cron times, every due moment accounted for. */

import { z } from 'zod'
import { BotId, ChatId } from './identifiers.ts'
import { LedgerPage } from './ledger.ts'
import { method, service, topic } from './method.ts'
import { jobSpendMethods } from './spend.ts'

/** A job's number; the predecessor's clients use it in paths. */
const JobId = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** A run's id: a UUID that the scheduler makes. */
export const RunId = z.uuid().meta({ description: 'names a run', examples: ['3f0c7a52-9b1d-4c8e-a6f4-5d2e8b7c9a10'] })

/** Moments on this service's wire are texts, as the predecessor's clients know them. */
const Moment = z.string().meta({ description: 'ISO 8601, UTC, microseconds', examples: ['2026-11-22T17:50:24.310000+00:00'] })

const DAY_S = 86_400

export const JobType = z.enum(['shell', 'claude'])
export type JobType = z.output<typeof JobType>

/** What becomes of moments that passed while nobody could run them. */
export const Misfire = z
  .enum(['skip', 'once', 'all'])
  .describe('moments missed while down: skip them, run once for all of them, or run all (the newest misfire_limit)')
export type Misfire = z.output<typeof Misfire>

/** What becomes of a moment that comes while the job still runs. */
export const Overlap = z.enum(['skip', 'queue', 'allow']).describe('a moment that comes while the job still runs')
export type Overlap = z.output<typeof Overlap>

export const RunTrigger = z.enum(['schedule', 'manual', 'catch-up'])
export type RunTrigger = z.output<typeof RunTrigger>

/** The states of a run. All but the first two are ends; a run reaches exactly one of them. */
export const RunState = z
  .enum(['claimed', 'running', 'ran', 'failed', 'skipped', 'missed', 'interrupted'])
  .meta({ title: 'RunState' })
export type RunState = z.output<typeof RunState>

/** The state of a result on its way; apart from the state of the run itself. */
export const ResultDelivery = z
  .object({
    state: z.enum(['none', 'pending', 'delivered', 'failed']),
    attempts: z.number().int(),
    reason: z.string().nullable(),
  })
  .describe('how the result was delivered; telegram: delivered means that it is in the outbox, which keeps evidence of its own')

/** Where results go, as a caller says it. */
export const DeliveryChoice = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none') }),
  z.object({
    kind: z.literal('telegram'),
    chat_id: ChatId,
    bot_token: z.string().min(1).max(200).optional().describe('given once and never shown; may be left out later'),
  }),
  z.object({ kind: z.literal('webhook'), url: z.string().min(1).max(2_000) }),
])
export type DeliveryChoice = z.output<typeof DeliveryChoice>

/** Where results go, as it is shown. */
export const Delivery = z.object({
  kind: z.enum(['none', 'telegram', 'webhook']),
  chat_id: z.string().nullable(),
  url: z.string().nullable(),
})

/** A moment at which a job comes due. */
export const NextRun = z.object({
  utc: z.string().meta({ examples: ['2026-11-23T01:00:00Z'] }),
  local: z.string().meta({ description: "on the clocks of the job's zone", examples: ['2026-11-23T09:00:00+08:00'] }),
})
export type NextRun = z.output<typeof NextRun>

/** A job as the predecessor's clients know it, and what is new behind it. */
export const Job = z
  .object({
    id: z.number().int(),
    name: z.string(),
    cron_expression: z.string(),
    command: z.string(),
    job_type: JobType,
    enabled: z.union([z.literal(0), z.literal(1)]),
    last_run_at: Moment.nullable(),
    last_result: z.string().nullable(),
    timezone: z.string().nullable(),
    created_at: Moment,
    updated_at: Moment,
    bot_id: z.string(),
    zone: z.string().describe("the zone in use: timezone, or the machine's where that is null"),
    misfire: Misfire,
    misfire_limit: z.number().int(),
    overlap: Overlap,
    timeout_s: z.number().int(),
    retries: z.number().int(),
    jitter_s: z.number().int(),
    disable_after: z.number().int().describe('failures in a row after which the job is disabled; 0: never'),
    spend_limit_usd: z.number().nullable().describe("claude: what may be spent a day (the zone's)"),
    delivery: Delivery,
    cwd: z.string().nullable(),
    chat_id: z.string().nullable().describe('claude: the chat in which it runs; null: cron-<id>'),
    failures: z.number().int().describe('in a row, up to now'),
    problem: z.string().nullable().describe('why it does not run, where that needs saying'),
    next_runs: z.array(NextRun).describe('empty while disabled'),
  })
  .meta({ title: 'Job' })
export type Job = z.output<typeof Job>

/** A run as the predecessor's clients know it, and what is new behind it. */
export const Run = z
  .object({
    id: z.number().int(),
    job_id: z.number().int(),
    started_at: Moment.describe('when it began; of a run that never began, when its row was made'),
    finished_at: Moment.nullable(),
    result: z.string().nullable().describe('stdout, or stderr where that is empty; the answer; at most 10,000 characters'),
    success: z.union([z.literal(0), z.literal(1)]),
    run_id: RunId,
    bot_id: z.string(),
    scheduled_at: Moment.describe('the due moment; of a manual run, when it was asked for'),
    missed_until_at: Moment.nullable().describe('the row stands for all due moments up to this one (missed in great number)'),
    trigger: RunTrigger,
    state: RunState,
    reason: z.string().nullable().describe('why it ended other than ran, or what it waits for'),
    exit_code: z.number().int().nullable(),
    stderr: z.string().nullable(),
    duration_ms: z.number().int().nullable(),
    attempt: z.number().int(),
    turn_id: z.string().nullable().describe('claude: the turn that answers, to be followed live'),
    cost_usd: z.number().nullable(),
    delivery: ResultDelivery,
  })
  .meta({ title: 'CronRun' })
export type Run = z.output<typeof Run>

const Name = z
  .string()
  .min(1)
  .max(200)
  .meta({ examples: ['Morning paper'] })
const Expression = z
  .string()
  .min(1)
  .max(500)
  .meta({ description: 'minute hour day month weekday, a second may stand before them, or @daily', examples: ['0 9 * * 1-5'] })
const Command = z
  .string()
  .min(1)
  .max(100_000)
  .meta({ description: 'a line for /bin/sh, or a prompt', examples: ['date'] })
const Zone = z
  .string()
  .max(100)
  .meta({ description: 'an IANA name', examples: ['Asia/Shanghai'] })
const Folder = z.string().min(1).max(1_000).describe('an absolute folder in which it runs; absent: the home folder')

/** What a caller may say of a job beside what it is; each has a sound default. */
const policies = {
  misfire: Misfire.nullish(),
  misfire_limit: z.number().int().min(1).max(100).nullish(),
  overlap: Overlap.nullish(),
  timeout_s: z
    .number()
    .int()
    .min(1)
    .max(30 * DAY_S)
    .nullish(),
  retries: z.number().int().min(0).max(10).nullish(),
  jitter_s: z.number().int().min(0).max(3_600).nullish(),
  disable_after: z.number().int().min(0).max(1_000).nullish(),
  spend_limit_usd: z.number().min(0).max(1_000_000).nullish(),
  delivery: DeliveryChoice.nullish(),
  cwd: Folder.nullish(),
  chat_id: ChatId.nullish(),
}

const Owner = BotId.nullish().describe('whose job it must be, where given')

/** Text that a running job has written, from a byte on. */
const Piece = z.object({ text: z.string(), next: z.number().int().describe('where to read on from') })

export const scheduler = service({
  summary: 'Shell commands and prompts at cron times, every due moment accounted for',
  methods: {
    list: method({
      summary: 'The jobs of a bot, newest first',
      input: z.object({
        bot_id: z.string().default('default').describe('empty: all bots'),
        next_runs: z.number().int().min(0).max(5).default(1).describe('how many coming runs of each to show'),
      }),
      output: z.array(Job),
      http: [{ route: 'GET /api/cron' }],
      mcp: 'list_cron_jobs',
      ws: true,
      timeout_ms: 10_000,
      idempotent: true,
    }),
    create: method({
      summary: 'Make a job that runs a shell command or a prompt at cron times',
      input: z.object({
        name: Name,
        cron_expression: Expression,
        command: Command,
        job_type: JobType.default('shell'),
        enabled: z.boolean().default(true),
        timezone: Zone.nullish().describe("an IANA name; absent: the machine's zone"),
        bot_id: BotId.default('default'),
        ...policies,
      }),
      output: z.object({ id: z.number().int(), next_runs: z.array(NextRun) }),
      errors: ['forbidden', 'busy', 'low_disk'],
      http: [{ route: 'POST /api/cron', status: 201 }],
      mcp: 'create_cron_job',
      ws: true,
      timeout_ms: 15_000,
    }),
    ...jobSpendMethods,
    preview: method({
      summary: 'The next five moments of a cron expression, in UTC and on the clocks of its zone',
      input: z.object({ cron_expression: Expression, timezone: Zone.nullish() }),
      output: z.object({ zone: z.string(), next_runs: z.array(NextRun) }),
      http: [{ route: 'GET /api/cron/preview' }],
      mcp: 'preview_cron_expression',
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    get: method({
      summary: 'One job with its next five runs',
      input: z.object({ job_id: JobId, bot_id: Owner }),
      output: Job,
      errors: ['not_found'],
      http: [{ route: 'GET /api/cron/{job_id}' }],
      ws: true,
      mcp: 'get_cron_job',
      timeout_ms: 5_000,
      idempotent: true,
    }),
    update: method({
      summary:
        'Change what is given of a job; null takes back cwd, chat_id, timeout_s and spend_limit_usd and is as not given elsewhere, an empty timezone goes back to the machine’s',
      input: z.object({
        job_id: JobId,
        bot_id: Owner,
        name: Name.nullish(),
        cron_expression: Expression.nullish(),
        command: Command.nullish(),
        job_type: JobType.nullish(),
        enabled: z.boolean().nullish(),
        timezone: Zone.nullish(),
        ...policies,
      }),
      output: Job,
      errors: ['not_found', 'forbidden', 'busy', 'low_disk'],
      http: [{ route: 'PUT /api/cron/{job_id}' }],
      mcp: 'update_cron_job',
      ws: true,
      timeout_ms: 15_000,
      idempotent: true,
    }),
    delete: method({
      summary: 'Delete a job; what runs goes on to its end, and its history stays',
      input: z.object({ job_id: JobId, bot_id: Owner }),
      output: z.object({ deleted: z.literal(true) }),
      errors: ['not_found'],
      http: [{ route: 'DELETE /api/cron/{job_id}' }],
      mcp: 'delete_cron_job',
      ws: true,
      timeout_ms: 10_000,
      idempotent: true,
    }),
    /** Repeatable: the id of the call makes a repeat attach to the run that the first one began. */
    run: method({
      summary: 'Run a job now, also a disabled one, and get the result',
      input: z.object({
        job_id: JobId,
        bot_id: Owner,
        idempotency_key: z.string().min(1).max(200).optional().describe('makes a repeat attach to the run of the first one'),
        wait_ms: z.number().int().min(0).max(30_000).default(30_000),
      }),
      output: z.object({
        result: z.string(),
        run_id: RunId,
        state: RunState,
        reason: z.string().nullable(),
        exit_code: z.number().int().nullable(),
        pending: z.boolean().describe('true when it had not ended within wait_ms: ask again'),
      }),
      errors: ['not_found', 'conflict', 'forbidden'],
      http: [{ route: 'POST /api/cron/{job_id}/run', shape: 'settle' }],
      mcp: 'run_cron_job',
      ws: true,
      timeout_ms: 45_000,
      idempotent: true,
    }),
    get_run: method({
      summary: 'One run; waits for its end where asked to',
      input: z.object({ run_id: RunId, wait_ms: z.number().int().min(0).max(30_000).default(0) }),
      output: Run,
      errors: ['not_found'],
      http: [{ route: 'GET /api/cron/runs/{run_id}' }],
      ws: true,
      timeout_ms: 45_000,
      idempotent: true,
    }),
    get_output: method({
      summary: 'What a shell run has written so far, from a byte on; waits for more',
      input: z.object({
        run_id: RunId,
        stdout_from: z.number().int().min(0).default(0),
        stderr_from: z.number().int().min(0).default(0),
        wait_ms: z.number().int().min(0).max(30_000).default(0),
      }),
      output: z.object({ run: Run, stdout: Piece, stderr: Piece, ended: z.boolean() }),
      errors: ['not_found'],
      http: [{ route: 'GET /api/cron/runs/{run_id}/output' }],
      ws: true,
      timeout_ms: 45_000,
      idempotent: true,
    }),
    stop_run: method({
      summary: 'End a run and all that it has started',
      input: z.object({ run_id: RunId }),
      output: z.object({ stopped: z.boolean() }),
      errors: ['not_found'],
      http: [{ route: 'POST /api/cron/runs/{run_id}/stop' }],
      ws: true,
      mcp: 'stop_cron_run',
      timeout_ms: 10_000,
      idempotent: true,
    }),
    history: method({
      summary: 'The runs of a job, newest first, with those that were skipped or missed',
      input: z.object({
        job_id: JobId,
        bot_id: Owner,
        limit: z.number().int().default(20).describe('negative: all that are kept'),
      }),
      output: z.array(Run),
      http: [{ route: 'GET /api/cron/{job_id}/history' }],
      mcp: 'get_cron_job_history',
      ws: true,
      timeout_ms: 10_000,
      idempotent: true,
    }),
    ledger: method({
      summary: 'For an auditor in another process: what the schedules were, and which due moments have a row',
      input: z.object({
        since: z.number().int().describe('milliseconds since 1970'),
        until: z.number().int(),
        after_job_id: z.number().int().min(0).default(0).describe('go on behind this job'),
        limit: z.number().int().min(1).max(500).default(500).describe('jobs, at most'),
      }),
      output: LedgerPage,
      timeout_ms: 30_000,
      idempotent: true,
    }),
    status: method({
      summary: 'How many jobs and runs there are, and how late the last moments were claimed',
      input: z.object({}),
      output: z.object({
        jobs: z.number().int(),
        enabled: z.number().int(),
        claimed: z.number().int(),
        running: z.number().int(),
        deliveries_pending: z.number().int(),
        last_tick_at: z.number().int().nullable().describe('milliseconds since 1970'),
        next_due_at: z.number().int().nullable(),
        late_ms: z.number().describe('the worst of the last ten minutes, on-time claims only'),
        shell: z.boolean().describe('whether shell jobs may run'),
      }),
      timeout_ms: 2_000,
      idempotent: true,
    }),
  },
  topics: {
    run_ended: topic({
      summary: 'A run has ended, or was skipped or missed',
      payload: z.object({ run_id: RunId, job_id: z.number().int(), bot_id: z.string(), state: RunState }),
    }),
    job_disabled: topic({
      summary: 'A job was disabled because it failed again and again, or cannot come due any more',
      payload: z.object({ job_id: z.number().int(), bot_id: z.string(), reason: z.string() }),
    }),
  },
})
