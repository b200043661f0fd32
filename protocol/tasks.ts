/** Work that goes on without the chat: background tasks, the state of their harness, and who is away. Methods of sessions. */

import { z } from 'zod'
import { Chain } from './chain.ts'
import { Delivery } from './deliveries.ts'
import { BotId, ChatId, TurnId } from './identifiers.ts'
import { method } from './method.ts'

const Bot = BotId.default('default')
const Chat = { chat_id: ChatId, bot_id: Bot }

/** A project of a chat: one task of each runs at a time. Empty: derived from the chat's folder, as the predecessor did. */
const ProjectId = z
  .string()
  .max(128)
  .regex(/^([A-Za-z0-9_-][A-Za-z0-9_.-]*)?$/, 'may hold letters, digits, "_", "-" and "." only and may not begin with a dot')
  .describe('names one piece of work of a chat; derived from its folder where empty')

/** delivering: it has ended, and its result is on the way to Telegram. The last four are ends. */
export const TaskState = z
  .enum(['queued', 'running', 'delivering', 'done', 'failed', 'cancelled', 'interrupted'])
  .meta({ title: 'TaskState' })
export type TaskState = z.output<typeof TaskState>

const counts = {
  total: z.number().int(),
  done: z.number().int(),
  in_progress: z.number().int(),
  blocked: z.number().int(),
  pending: z.number().int(),
}

/** How far a harness has come, by its own `tasks.json`. */
export const HarnessStatus = z
  .object({
    project_name: z.string(),
    current_phase: z.string(),
    ...counts,
    phases: z.record(z.string(), z.object(counts)),
  })
  .meta({ title: 'HarnessStatus' })
export type HarnessStatus = z.output<typeof HarnessStatus>

/** A background task: a turn in a conversation of its own beside the chat. Moments are milliseconds since 1970. */
export const Task = z
  .object({
    task_id: TurnId.describe('names the task; the same id names its turn'),
    bot_id: z.string(),
    chat_id: z.string(),
    project_id: z.string(),
    state: TaskState,
    message: z.string(),
    result: z.string().nullable().describe('the whole answer, or a line that begins with [ERROR]'),
    reason: z.string().nullable().describe('why it ended other than done'),
    chain_id: TurnId.describe('the first task of its chain; its own id where it is the first'),
    depth: z.number().int().describe('how many batches of the chain came before'),
    outcome: z.string().nullable().describe('what became of the chain at the end of this batch'),
    note: z.string().nullable().describe('what the person was told about that'),
    created_at: z.number(),
    due_at: z.number().nullable().describe('when a batch that waits for its turn begins'),
    started_at: z.number().nullable(),
    ended_at: z.number().nullable(),
    elapsed_ms: z.number().describe('since it started, until now or its end'),
    progress: z
      .object({
        last_tool: z.string().nullable(),
        last_line: z.string(),
        last_output_at: z.number().nullable(),
        output_tokens: z.number().int(),
      })
      .nullable()
      .describe('what it is doing; null unless it runs'),
    input_tokens: z.number().int().nullable(),
    output_tokens: z.number().int().nullable(),
    cost_usd: z.number().nullable(),
    deliveries: z
      .array(Delivery)
      .describe('what was sent to Telegram, with each attempt as evidence; empty where nobody is told'),
  })
  .meta({ title: 'Task' })
export type Task = z.output<typeof Task>

/** A task as it stands in a list: texts cut, deliveries by their state only. */
export const TaskSummary = Task.omit({ deliveries: true }).meta({ title: 'TaskSummary' })
export type TaskSummary = z.output<typeof TaskSummary>

/** The predecessor's words for how a task is doing. */
const BackgroundState = z.enum(['running', 'completed', 'failed', 'chain_failed', 'cancelled'])

const startInput = z.object({
  ...Chat,
  message: z.string().meta({ examples: ['Tidy up the notes'] }),
  bot_token: z.string().default('').describe('the bot whose chat gets the result; empty: nobody is told'),
  project_id: ProjectId.default(''),
  idempotency_key: z.string().min(1).max(200).optional().describe('makes a repeat give the task that is there already'),
  /** As in `send`: lets a client without a key send again when the answer broke off. */
  response: z.object({ response_id: z.uuid(), edge: z.string().min(1).max(100) }).optional(),
  chain: Chain,
})

export const taskMethods = {
  start_task: method({
    summary: 'Begin work in the background, beside the chat',
    input: startInput,
    output: TaskSummary,
    errors: ['low_disk', 'over_budget', 'forbidden', 'conflict'],
    http: [{ route: 'POST /api/tasks', status: 201 }],
    ws: true,
    timeout_ms: 10_000,
    idempotent: true,
  }),
  send_background: method({
    summary: 'Begin work in the background, as the predecessor did',
    input: startInput,
    output: z.union([
      z.object({ status: z.literal('started') }),
      z.object({ status: z.literal('rejected'), reason: z.string(), elapsed: z.number().int().optional() }),
    ]),
    errors: ['forbidden'],
    http: [{ route: 'POST /api/gateway/send-background', failure: 'rejected' }],
    mcp: 'send_background_message',
    ws: true,
    timeout_ms: 10_000,
    idempotent: true,
  }),
  list_tasks: method({
    summary: 'Background tasks, newest first',
    input: z.object({
      bot_id: z.string().optional(),
      chat_id: z.string().optional(),
      state: TaskState.optional(),
      before: TurnId.optional().describe('those that were made before this one'),
      limit: z.number().int().min(1).max(500).default(50),
    }),
    output: z.object({ tasks: z.array(TaskSummary) }),
    http: [{ route: 'GET /api/tasks' }],
    mcp: 'list_tasks',
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  task: method({
    summary: 'One background task with its result and the evidence of its delivery',
    input: z.object({ task_id: TurnId }),
    output: Task,
    errors: ['not_found'],
    http: [{ route: 'GET /api/tasks/{task_id}' }],
    mcp: 'get_task',
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  cancel_task: method({
    summary: 'End a background task, and the chain it belongs to',
    input: z.object({ task_id: TurnId }),
    output: z.object({ cancelled: z.boolean().describe('false when it had ended before') }),
    errors: ['not_found'],
    http: [{ route: 'POST /api/tasks/{task_id}/cancel' }],
    mcp: 'cancel_task',
    ws: true,
    timeout_ms: 15_000,
    idempotent: true,
  }),
  background_status: method({
    summary: 'How the latest background task of a chat is doing',
    input: z.object({ ...Chat, project_id: ProjectId.default('') }),
    output: z.union([
      z.object({ status: z.literal('idle') }),
      z.object({
        status: z.literal('running'),
        message: z.string(),
        elapsed_seconds: z.number().int(),
        started_at: z.number().describe('seconds since 1970, with a fraction'),
      }),
      z.object({
        status: BackgroundState.exclude(['running']),
        result: z.string().nullable().describe('its first 500 characters'),
        elapsed_seconds: z.number().int(),
      }),
    ]),
    http: [{ route: 'GET /api/gateway/background-status/{chat_id}' }],
    mcp: 'get_background_status',
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  harness_status: method({
    summary: 'The projects of a chat that are worked at in the background, and how far each has come',
    input: z.object(Chat),
    output: z.object({
      jobs: z.array(
        z.object({
          bg_status: z.enum([...BackgroundState.options, 'idle']),
          elapsed_seconds: z.number().int(),
          chain_depth: z.number().int(),
          project_id: z.string(),
          cwd: z.string().nullable(),
          harness: HarnessStatus.nullable(),
        }),
      ),
    }),
    http: [{ route: 'GET /api/gateway/harness-status/{chat_id}' }],
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  cleanup: method({
    summary: 'Forget finished background tasks of a chat; a finished harness is archived',
    input: z.object(Chat),
    output: z.object({
      cleaned: z.number().int(),
      archived: z.number().int(),
      skipped: z.number().int(),
      details: z.array(z.string()),
    }),
    http: [{ route: 'POST /api/gateway/cleanup/{chat_id}' }],
    ws: true,
    timeout_ms: 15_000,
    idempotent: true,
  }),
  queue_status: method({
    summary: 'Whether a chat is busy, and how many slots are taken',
    input: z.object(Chat),
    output: z.object({
      busy: z.boolean(),
      busy_message: z.string(),
      elapsed_seconds: z.number().int(),
      slots_used: z.number().int(),
      slots_max: z.number().int(),
      queue_wait_timeout: z.number().int(),
      queue_wait_remaining: z.number().int(),
    }),
    http: [{ route: 'GET /api/gateway/queue-status/{chat_id}' }],
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  set_nirmana: method({
    summary: 'Say that the person of a chat is away, or back; coming back gives a briefing',
    input: z.object({ ...Chat, action: z.enum(['away', 'back']) }),
    output: z.object({ status: z.literal('ok'), message: z.string().nullable(), briefing: z.string().nullable() }),
    http: [{ route: 'POST /api/gateway/nirmana' }],
    mcp: 'set_nirmana_mode',
    ws: true,
    timeout_ms: 15_000,
  }),
  nirmana: method({
    summary: 'Whether the person of a chat is away, and since when',
    input: z.object(Chat),
    output: z.object({
      nirmana_mode: z.boolean(),
      nirmana_activated_at: z.number().describe('seconds since 1970, with a fraction; 0 when not away'),
      away_duration_seconds: z.number().nullable(),
    }),
    http: [{ route: 'GET /api/gateway/nirmana/{chat_id}' }],
    mcp: 'get_nirmana_state',
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  start_away: method({
    summary: 'Work at the open issues of the configured repositories while the person is away; none can be configured yet',
    input: z.object({ ...Chat, bot_token: z.string().default('') }),
    output: z.object({
      repos: z.array(z.string()),
      queued: z.number().int(),
      issues: z.array(z.object({ repo: z.string(), number: z.number().int(), title: z.string(), branch: z.string() })),
      capped: z.boolean(),
      skipped_inflight: z.number().int(),
    }),
    http: [{ route: 'POST /api/gateway/away/start' }],
    timeout_ms: 10_000,
    idempotent: true,
  }),
  stop_away: method({
    summary: 'Pick up no more issues, and tell what became of those that were',
    input: z.object(Chat),
    output: z.object({
      roundup: z.array(
        z.object({
          repo: z.string(),
          number: z.number().int(),
          title: z.string(),
          branch: z.string(),
          status: z.enum(['done', 'failed']),
          pr_url: z.string().nullable(),
        }),
      ),
      stopped_new_pickups: z.literal(true),
    }),
    http: [{ route: 'POST /api/gateway/away/stop' }],
    timeout_ms: 10_000,
    idempotent: true,
  }),
}
