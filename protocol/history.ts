/** History: every message and every answer, stored exactly once. */
import { z } from 'zod'
import { BotId, TurnId } from './identifiers.ts'
import { method, service, topic } from './method.ts'

const SessionId = z
  .string()
  .min(1)
  .max(300)
  .meta({ description: 'gw-<bot_id>-<chat_id>', examples: ['gw-default-1'] })

/** A message as it is stored. `record_id` makes receiving it idempotent. `created_at`: milliseconds since 1970. */
export const HistoryRecord = z.object({
  record_id: z.string().min(1).max(200),
  session_id: z.string(),
  bot_id: z.string(),
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  source: z.string(),
  telegram_chat_id: z.number().int().nullable(),
  user_id: z.string().nullable(),
  username: z.string().nullable(),
  created_at: z.number().int(),
  turn_id: TurnId.nullish().describe('the turn that it began or ended'),
})
export type HistoryRecord = z.output<typeof HistoryRecord>

/** A message as the predecessor's clients read it. `created_at`: `YYYY-MM-DD HH:MM:SS`, UTC. */
export const ChatMessage = z
  .object({
    id: z.number().int(),
    session_id: z.string(),
    role: z.enum(['user', 'assistant']),
    content: z.string(),
    source: z.string(),
    telegram_chat_id: z.number().int().nullable(),
    user_id: z.string().nullable(),
    username: z.string().nullable(),
    created_at: z.string().describe('YYYY-MM-DD HH:MM:SS, UTC'),
    bot_id: z.string(),
    turn_id: z
      .string()
      .nullable()
      .describe('the turn that it began or ended, whose events tell of tools and thinking; null where none is known'),
  })
  .meta({ title: 'ChatMessage' })
export type ChatMessage = z.output<typeof ChatMessage>

const Way = z.enum(['meaning', 'words'])

/** A message that was found, and why. The first eight fields are those of the predecessor. */
export const ChatHit = ChatMessage.omit({ telegram_chat_id: true, user_id: true, username: true, turn_id: true })
  .extend({
    distance: z
      .number()
      .nullable()
      .describe('between unit vectors, 0 to 2, smaller is nearer; null where there is none to compare'),
    text_rank: z.number().int().nullable().describe('its place among those found by words, from 1'),
    score: z.number().describe('what the hits are ordered by; comparable within one search only'),
    passage: z.string().describe('the part of the message that matches best'),
    found_by: z.array(Way),
    ways: z.array(Way).describe('which ways the search went: without a model that reads the query, words alone'),
    model: z.string().nullable().describe('what made the vectors that were compared'),
  })
  .meta({ title: 'ChatHit' })
export type ChatHit = z.output<typeof ChatHit>

export const history = service({
  summary: 'Every message and every answer, stored exactly once',
  methods: {
    record: method({
      summary: 'Store messages that a service owes to history; a repeat changes nothing',
      input: z.object({ records: z.array(HistoryRecord).min(1).max(100) }),
      output: z.object({ stored: z.number().int().describe('how many were new') }),
      timeout_ms: 10_000,
      idempotent: true,
    }),
    list_sessions: method({
      summary: 'The chats that have messages, newest first',
      input: z.object({ bot_id: z.string().optional().describe('absent or empty: all bots') }),
      output: z.array(
        z.object({
          session_id: z.string(),
          bot_id: z.string(),
          started_at: z.string(),
          last_message_at: z.string(),
          message_count: z.number().int(),
        }),
      ),
      http: [{ route: 'GET /api/chat/sessions' }],
      mcp: 'list_chat_sessions',
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    get_session: method({
      summary: 'The messages of a chat in order; with a limit the newest ones',
      input: z.object({
        session_id: SessionId,
        limit: z.number().int().min(0).default(0).describe('0: all'),
        before_id: z.number().int().optional().describe('only what came before this message'),
        from_id: z.number().int().optional().describe('only this message and what came after it'),
      }),
      output: z.array(ChatMessage),
      errors: ['not_found'],
      http: [{ route: 'GET /api/chat/sessions/{session_id}' }],
      mcp: 'get_chat_session',
      ws: true,
      timeout_ms: 10_000,
      idempotent: true,
    }),
    messages_since: method({
      summary: 'What was said in a chat since a moment: how much, and the beginnings of the latest messages',
      input: z.object({
        session_id: SessionId,
        bot_id: BotId,
        since: z.number().int().describe('milliseconds since 1970; that moment counts'),
        limit: z.number().int().min(1).max(1_000).default(100),
        max_chars: z.number().int().min(1).max(10_000).default(200).describe('of each message'),
      }),
      output: z.object({
        total: z.number().int(),
        messages: z.array(z.object({ role: z.enum(['user', 'assistant']), content: z.string(), cut: z.boolean() })),
      }),
      timeout_ms: 10_000,
      idempotent: true,
    }),
    search: method({
      summary: 'Find messages by meaning and by words, the best first',
      input: z.object({
        q: z
          .string()
          .max(2_000_000)
          .meta({ examples: ['the day we talked about the boat'] }),
        limit: z.number().int().min(0).default(10).describe('at most 200 are given'),
        bot_id: z.string().optional().describe('absent or empty: all bots'),
        session_id: z.string().optional().describe('absent or empty: all chats'),
        role: z.enum(['user', 'assistant']).optional(),
        since: z.number().int().optional().describe('milliseconds since 1970; that moment counts'),
        until: z.number().int().optional().describe('milliseconds since 1970; that moment does not count'),
      }),
      output: z.array(ChatHit),
      errors: ['busy'],
      http: [{ route: 'GET /api/chat/search' }],
      mcp: 'search_chat_history',
      ws: true,
      timeout_ms: 15_000,
      idempotent: true,
    }),
    search_status: method({
      summary: 'How much of the messages can be found by meaning already',
      input: z.object({}),
      output: z.object({
        passages: z.number().int().describe('parts that messages were cut into'),
        pending: z.number().int().describe('passages that are found by words alone until a model has seen them'),
        backlog: z.number().int().describe('older messages, at most, that are not found yet'),
        model: z.string().nullable(),
        reembedding: z
          .object({ done: z.number().int(), total: z.number().int() })
          .nullable()
          .describe('how far passages were taken over after a change of the model'),
      }),
      http: [{ route: 'GET /api/chat/search/status' }],
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    post_message: method({
      summary: 'Store a message that came from elsewhere',
      input: z.object({
        session_id: SessionId,
        role: z.enum(['user', 'assistant']),
        content: z.string().meta({ examples: ['Hello'] }),
        source: z.string().max(100).default('telegram'),
        telegram_chat_id: z.number().int().nullable().default(null),
        bot_id: BotId.default('default'),
      }),
      output: z.object({ id: z.number().int() }),
      http: [{ route: 'POST /api/chat/messages', status: 201 }],
      ws: true,
      timeout_ms: 5_000,
    }),
  },
  topics: {
    message_recorded: topic({
      summary: 'A message was stored',
      payload: z.object({
        id: z.number().int(),
        session_id: z.string(),
        bot_id: z.string(),
        role: z.enum(['user', 'assistant']),
      }),
    }),
  },
})
