/** Sessions: where a message becomes an answer. */

import { z } from 'zod'
import { ApprovalId, approvalMethods, approvalTopics } from './approvals.ts'
import { Chain } from './chain.ts'
import { deliveryMethods } from './deliveries.ts'
import { BotId, ChatId, EventId, TurnId } from './identifiers.ts'
import { method, service, topic } from './method.ts'
import { spendMethods } from './spend.ts'
import { TaskState, taskMethods } from './tasks.ts'

/** The states of a turn. The last five are ends; a turn reaches exactly one of them, once. */
export const TurnState = z
  .enum(['waiting', 'handing', 'running', 'answered', 'failed', 'cancelled', 'interrupted', 'expired'])
  .meta({ title: 'TurnState' })
export type TurnState = z.output<typeof TurnState>

/** Who began a turn: a person's message, a background task, or the CLI by itself (a background tool ended). */
export const TurnOrigin = z.enum(['message', 'task', 'agent'])

/** What a turn has cost and how long it took. Null where the agent did not say. */
export const TurnUsage = z.object({
  input_tokens: z.number().int().nullable(),
  output_tokens: z.number().int().nullable(),
  cache_read_tokens: z.number().int().nullable(),
  cache_creation_tokens: z.number().int().nullable(),
  cost_usd: z.number().nullable(),
  duration_ms: z.number().nullable(),
  first_token_ms: z.number().nullable(),
  model: z.string().nullable(),
})
export type TurnUsage = z.output<typeof TurnUsage>

/** One message and its answer. Moments are milliseconds since 1970. */
export const Turn = z
  .object({
    turn_id: TurnId,
    bot_id: z.string(),
    chat_id: z.string(),
    origin: TurnOrigin,
    state: TurnState,
    message: z.string(),
    reply: z.string().nullable().describe('what is shown at the end: the answer, or a line that begins with [ERROR] or [BUSY]'),
    reason: z.string().nullable().describe('why it ended other than answered'),
    created_at: z.number().describe('milliseconds since 1970, as all moments here'),
    started_at: z.number().nullable(),
    ended_at: z.number().nullable(),
    ...TurnUsage.shape,
    memories: z.array(z.number().int()).describe('the memories that were put before the message'),
  })
  .meta({ title: 'Turn' })
export type Turn = z.output<typeof Turn>

/** What a list tells of a turn that has not ended. */
export const OpenTurn = Turn.pick({
  turn_id: true,
  bot_id: true,
  chat_id: true,
  origin: true,
  state: true,
  created_at: true,
  started_at: true,
})
  .extend({ message: z.string().describe('its beginning, up to 500 characters') })
  .meta({ title: 'OpenTurn' })
export type OpenTurn = z.output<typeof OpenTurn>

/**
 * What happens in a turn, in order. `id` is stable: folding the agent's log again gives the same events (design §5 C).
 * Exactly one `end`, the last.
 */
export const TurnEvent = z
  .discriminatedUnion('type', [
    z.object({ id: EventId, type: z.literal('queued'), ahead: z.number().int() }).describe('it waits'),
    z.object({ id: EventId, type: z.literal('running') }).describe('it was handed to an agent'),
    z.object({ id: EventId, type: z.literal('text'), content: z.string() }).describe('to be appended'),
    z
      .object({ id: EventId, type: z.literal('thinking'), content: z.string() })
      .describe("the model's thinking, to be appended apart"),
    z
      .object({ id: EventId, type: z.literal('replaced'), content: z.string() })
      .describe('the text so far was superseded (the CLI repeated a broken request) and begins anew with this'),
    z
      .object({ id: EventId, type: z.literal('tool_use'), tool_use_id: z.string(), name: z.string(), input: z.string() })
      .describe('the agent uses a tool; its input, shortened'),
    z
      .object({
        id: EventId,
        type: z.literal('tool_result'),
        tool_use_id: z.string(),
        is_error: z.boolean(),
        content: z.string(),
      })
      .describe('what came of it, shortened'),
    z
      .object({
        id: EventId,
        type: z.literal('retrying'),
        attempt: z.number(),
        max_attempts: z.number(),
        delay_ms: z.number(),
        reason: z.string(),
      })
      .describe('the CLI waits before it asks the model again'),
    z
      .object({
        id: EventId,
        type: z.literal('approval'),
        approval_id: ApprovalId,
        tool_use_id: z.string(),
        tool_name: z.string(),
        title: z.string(),
        input: z.string(),
      })
      .describe('the agent asks whether it may use a tool, and waits: sessions.decide answers'),
    z.object({ id: EventId, type: z.literal('notice'), content: z.string() }).describe('a sentence for the user'),
    z
      .object({ id: EventId, type: z.literal('end'), state: TurnState, content: z.string(), reason: z.string().nullable() })
      .describe('the reply, and how it came about'),
  ])
  .meta({ title: 'TurnEvent' })
export type TurnEvent = z.output<typeof TurnEvent>

/** A session as the predecessor's clients list it. */
export const Session = z
  .object({
    chat_id: z.string(),
    bot_id: z.string(),
    busy: z.boolean(),
    first_done: z.boolean(),
    last_active: z.number().describe('seconds since 1970, with a fraction'),
    idle_seconds: z.number().int(),
    busy_seconds: z.number().int(),
  })
  .meta({ title: 'Session' })
export type Session = z.output<typeof Session>

/** The agent program in use and whether it can serve. */
export const AgentProgram = z
  .object({
    kind: z.enum(['demo', 'claude']),
    version: z.string().nullable(),
    problem: z.string().nullable().describe('null when it can serve; else what is wrong and what to do'),
  })
  .meta({ title: 'AgentProgram' })
export type AgentProgram = z.output<typeof AgentProgram>

export const sessions = service({
  summary: 'Where a message becomes an answer',
  methods: {
    send: method({
      summary: 'Send a message to a chat and get the answer',
      input: z.object({
        chat_id: ChatId,
        message: z.string().meta({ examples: ['Hello'] }),
        bot_id: BotId.default('default'),
        user_id: z.string().nullish(),
        username: z.string().nullish(),
        /** The edge makes one where none came. */
        idempotency_key: z
          .string()
          .min(1)
          .max(200)
          .optional()
          .describe("makes a repeat attach to the first one's turn, for 24 h, per session"),
        /**
         * Names the response that an edge is about to give to a client without a key of its own. If an earlier response to
         * the same message broke, this one takes up its turn (design §5 H).
         */
        response: z.object({ response_id: z.uuid(), edge: z.string().min(1).max(100) }).optional(),
        chain: Chain,
        unattended: z.boolean().default(false).describe('nobody waits for the answer: it stops first at a spending limit'),
      }),
      output: z.object({ turn_id: TurnId, attached: z.boolean() }),
      errors: ['low_disk', 'over_budget', 'forbidden', 'conflict'],
      http: [
        { route: 'POST /api/gateway/send', shape: 'await' },
        { route: 'POST /api/gateway/send-stream', shape: 'sse' },
      ],
      mcp: 'send_gateway_message',
      ws: true,
      timeout_ms: 10_000,
      idempotent: true,
      follow: { method: 'events', of: 'turn_id' },
    }),
    response_ended: method({
      summary: 'A response to a client was written to its end, or broke off before',
      input: z.object({ response_id: z.uuid(), completed: z.boolean() }),
      output: z.object({}),
      timeout_ms: 10_000,
      idempotent: true,
    }),
    events: method({
      summary: 'What happened in a turn behind an event; waits for news',
      input: z.object({
        turn_id: TurnId,
        after: EventId.nullish(),
        wait_ms: z.number().int().min(0).max(30_000).default(0),
        max_bytes: z.number().int().min(1_000).max(4_000_000).default(262_144),
      }),
      /** `ended` is true once the batch holds the last event, or nothing lies behind `after` any more. */
      output: z.object({ events: z.array(TurnEvent), ended: z.boolean() }),
      errors: ['not_found', 'gone'],
      // A task's turn has the task's id.
      http: [
        { route: 'GET /api/gateway/turns/{turn_id}/events', shape: 'events' },
        { route: 'GET /api/tasks/{turn_id}/events', shape: 'events' },
      ],
      ws: true,
      timeout_ms: 45_000,
      idempotent: true,
    }),
    turn: method({
      summary: 'One turn: its message, state, reply and what it has cost',
      input: z.object({ turn_id: TurnId }),
      output: Turn,
      errors: ['not_found'],
      http: [{ route: 'GET /api/gateway/turns/{turn_id}' }],
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    open_turns: method({
      summary: 'The turns that wait or run, eldest first',
      input: z.object({ bot_id: z.string().optional(), chat_id: z.string().optional() }),
      output: z.object({ turns: z.array(OpenTurn) }),
      http: [{ route: 'GET /api/gateway/turns' }],
      ws: true,
      mcp: 'list_open_turns',
      timeout_ms: 5_000,
      idempotent: true,
    }),
    list: method({
      summary: 'The sessions and whether they are busy',
      input: z.object({ bot_id: z.string().optional() }),
      output: z.array(Session),
      http: [{ route: 'GET /api/gateway/sessions' }],
      mcp: 'list_gateway_sessions',
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    interrupt: method({
      summary: 'Stop the running answer of a chat; the conversation goes on',
      input: z.object({
        chat_id: ChatId,
        bot_id: BotId.default('default'),
        turn_id: TurnId.optional().describe('only this turn, which may also wait still'),
      }),
      output: z.object({ interrupted: z.boolean() }),
      http: [{ route: 'POST /api/gateway/interrupt' }],
      ws: true,
      mcp: 'interrupt_gateway_session',
      timeout_ms: 5_000,
      // Not idempotent: without a turn's name, a repeat would stop the answer after the one that was meant.
    }),
    stop: method({
      summary: 'End a session: its work, its conversation and its files',
      input: z.object({ chat_id: ChatId, bot_id: BotId.default('default') }),
      output: z.object({ stopped: z.boolean() }),
      errors: ['forbidden', 'conflict', 'too_large'],
      http: [{ route: 'POST /api/gateway/stop' }],
      mcp: 'stop_gateway_session',
      ws: true,
      timeout_ms: 15_000,
      idempotent: true,
    }),
    reset: method({
      summary: 'Forget the conversation of a chat and delete its files',
      input: z.object({ chat_id: ChatId, bot_id: BotId.default('default') }),
      output: z.object({ reset: z.literal(true), chat_id: z.string(), bot_id: z.string() }),
      errors: ['forbidden', 'conflict', 'too_large'],
      http: [{ route: 'POST /api/gateway/sessions/{chat_id}/reset' }],
      mcp: 'reset_gateway_session',
      ws: true,
      timeout_ms: 15_000,
      idempotent: true,
    }),
    reap: method({
      summary: 'End the agents of sessions that were idle for too long; conversations stay',
      input: z.object({}),
      output: z.object({
        reaped: z.array(
          z.object({
            chat_id: z.string(),
            bot_id: z.string(),
            type: z.enum(['interactive', 'background']),
            idle_seconds: z.number().int(),
            idle_hours: z.number(),
          }),
        ),
        count: z.number().int(),
      }),
      http: [{ route: 'POST /api/gateway/sessions/reap' }],
      ws: true,
      timeout_ms: 15_000,
      idempotent: true,
    }),
    retire: method({
      summary: 'Before a stop of everything: hand over no more, let agents finish their turn and leave',
      input: z.object({}),
      output: z.object({ running: z.number().int() }),
      timeout_ms: 5_000,
      idempotent: true,
    }),
    status: method({
      summary: 'How many sessions, agents and turns there are, and which agent program answers',
      input: z.object({}),
      output: z.object({
        active_sessions: z.number().int(),
        live_agents: z.number().int(),
        running_turns: z.number().int(),
        waiting_turns: z.number().int(),
        agent: AgentProgram,
      }),
      ws: true,
      timeout_ms: 2_000,
      idempotent: true,
    }),
    ...taskMethods,
    ...deliveryMethods,
    ...spendMethods,
    ...approvalMethods,
  },
  topics: {
    ...approvalTopics,
    turn_changed: topic({
      summary: 'A turn has reached another state',
      payload: z.object({ turn_id: TurnId, bot_id: z.string(), chat_id: z.string(), state: TurnState }),
    }),
    task_changed: topic({
      summary: 'A background task has reached another state',
      payload: z.object({ task_id: TurnId, bot_id: z.string(), chat_id: z.string(), state: TaskState }),
    }),
  },
})
