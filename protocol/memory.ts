/** Memory: what bots keep in mind by key, found by meaning and by words; and vectors for whoever searches by meaning. */
import { z } from 'zod'
import { BotId } from './identifiers.ts'
import { method, service, topic } from './method.ts'

/** A memory's number; the predecessor's clients use it in paths. */
const MemoryId = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Moments on this service's wire are texts, as the predecessor's clients know them. */
const Moment = z.string().meta({ description: 'ISO 8601, UTC, microseconds', examples: ['2026-11-22T17:50:24.310000+00:00'] })

const Key = z
  .string()
  .min(1)
  .max(500)
  .meta({ examples: ['coffee'] })
const Content = z
  .string()
  .max(1_000_000)
  .meta({ examples: ['Likes dark roast'] })
const Category = z.string().max(100)

/** Whose memory it must be, where given; that of another bot is as good as not there. */
const Owner = BotId.nullish().describe('whose memory it must be, where given')

/** A memory as the predecessor's clients know it, and what is new behind it. */
export const Memory = z
  .object({
    id: z.number().int(),
    key: z.string().describe('one of its kind within its bot'),
    content: z.string(),
    category: z.string(),
    created_at: Moment,
    updated_at: Moment,
    bot_id: z.string(),
    use_count: z.number().int().describe('how often a search or a recall found it to the point'),
    last_used_at: Moment.nullable(),
  })
  .meta({ title: 'Memory' })
export type Memory = z.output<typeof Memory>

/** Another memory of the same bot that says much the same. */
export const Similar = z.object({
  id: z.number().int(),
  key: z.string(),
  distance: z.number().describe('of their vectors, each of length 1: 0 is the same text, 0.6 much the same'),
})
export type Similar = z.output<typeof Similar>

/** How a row was found: by a vector near that of the query, by words that both have. */
const Way = z.enum(['meaning', 'words'])

/** A memory that was found, and why. */
export const MemoryHit = Memory.omit({ updated_at: true })
  .extend({
    distance: z.number().nullable().describe('of the vectors, each of length 1; smaller is nearer; null: found by words alone'),
    text_rank: z.number().nullable().describe('its place among those found by words; null: found by meaning alone'),
    score: z.number().describe('both places joined; larger is better; comparable within one answer'),
    passage: z.string().describe('the part of the content that fits best'),
    found_by: z.array(Way),
    ways: z.array(Way).describe('which ways were searched; without meaning while no model answers'),
    model: z.string().nullable().describe('whose vectors were compared'),
  })
  .meta({ title: 'MemoryHit' })
export type MemoryHit = z.output<typeof MemoryHit>

/** What is put before a prompt, best first. */
export const Recalled = z.object({
  id: z.number().int(),
  key: z.string(),
  content: z.string(),
  score: z.number().describe('0 to 1: how much it has to do with the text'),
})
export type Recalled = z.output<typeof Recalled>

/** Whether memories are put before the prompts of a bot. */
export const RecallSettings = z
  .object({
    bot_id: z.string(),
    enabled: z.boolean(),
    budget_tokens: z.number().int().describe('how much may be put before a prompt, in tokens (estimated)'),
  })
  .meta({ title: 'RecallSettings' })
export type RecallSettings = z.output<typeof RecallSettings>

const BudgetTokens = z.number().int().min(1).max(20_000)

/** float32, little-endian. Travels as bytes, since numbers in msgpack or JSON take twice to five times the room. */
const Vector = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.byteLength % 4 === 0,
  'must be float32 as bytes',
)
Vector._zod.toJSONSchema = () => ({ type: 'string', contentEncoding: 'base64', description: 'float32, little-endian' })

/** A vector of the wire as numbers. Copies: bytes that come out of a message seldom lie where a Float32Array may begin. */
export const toVector = (bytes: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer)

/** A vector as it goes over the wire. */
export const toBytes = (vector: Float32Array): Uint8Array => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)

/** `ollama:<name>:<dimensions>` or `use-lite-en:512`; vectors of different models are never compared. */
const ModelName = z.string().meta({ examples: ['ollama:nomic-embed-text:768'] })

/** Where vectors come from, and what is the matter where they do not come. */
export const EmbeddingStatus = z
  .object({
    mode: z.enum(['auto', 'ollama', 'embedded', 'off']),
    model: ModelName.nullable().describe('the model in use; null: none was decided on yet'),
    dimensions: z.number().int().nullable(),
    answering: z.boolean().describe('whether the model in use answers; while not, search goes by words'),
    problem: z.string().nullable().describe('what is missing, and what to do'),
    leaning: z
      .object({ model: ModelName, since: Moment, changes_at: Moment })
      .nullable()
      .describe('the model that will be changed to if things stay as they are'),
  })
  .meta({ title: 'EmbeddingStatus' })
export type EmbeddingStatus = z.output<typeof EmbeddingStatus>

/** The most that one call may ask for. */
export const EMBED_TEXTS = 64
const EMBED_CHARACTERS = 8_000

export const memory = service({
  summary: 'What bots keep in mind, found by meaning and by words',
  methods: {
    list: method({
      summary: 'The memories of a bot, newest change first',
      input: z.object({
        category: z.string().optional().describe('absent or empty: all'),
        bot_id: z.string().default('default'),
        limit: z.number().int().min(0).default(0).describe('0: all'),
        after_id: MemoryId.optional().describe('go on behind this one'),
      }),
      output: z.array(Memory),
      http: [{ route: 'GET /api/memory' }],
      mcp: 'list_memories',
      ws: true,
      timeout_ms: 10_000,
      idempotent: true,
    }),
    create: method({
      summary: 'Keep something in mind under a new key; tells of memories that say much the same',
      input: z.object({
        key: Key,
        content: Content,
        category: Category.default('general'),
        bot_id: BotId.default('default'),
      }),
      output: z.object({ id: z.number().int(), similar: z.array(Similar) }),
      errors: ['conflict'],
      http: [{ route: 'POST /api/memory', status: 201 }],
      mcp: 'add_memory',
      ws: true,
      timeout_ms: 5_000,
    }),
    put: method({
      summary: 'Keep something in mind under a key, new or not',
      input: z.object({
        key: Key,
        content: Content,
        category: Category.nullish().describe('absent: as it was; general where it is new'),
        bot_id: BotId.default('default'),
      }),
      output: Memory.extend({ created: z.boolean() }),
      http: [{ route: 'PUT /api/memory/by-key' }],
      ws: true,
      mcp: 'put_memory',
      timeout_ms: 5_000,
      idempotent: true,
    }),
    get: method({
      summary: 'One memory by its number',
      input: z.object({ memory_id: MemoryId, bot_id: Owner }),
      output: Memory,
      errors: ['not_found'],
      http: [{ route: 'GET /api/memory/{memory_id}' }],
      ws: true,
      mcp: 'get_memory',
      timeout_ms: 5_000,
      idempotent: true,
    }),
    update: method({
      summary: 'Change the content or the category of a memory; null is the same as not given',
      input: z.object({ memory_id: MemoryId, bot_id: Owner, content: Content.nullish(), category: Category.nullish() }),
      output: Memory,
      errors: ['not_found'],
      http: [{ route: 'PUT /api/memory/{memory_id}' }],
      mcp: 'update_memory',
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    delete: method({
      summary: 'Delete a memory; one that is not there counts as deleted',
      input: z.object({ memory_id: MemoryId, bot_id: Owner }),
      output: z.object({ deleted: z.literal(true) }),
      errors: ['not_found'],
      http: [{ route: 'DELETE /api/memory/{memory_id}' }],
      mcp: 'delete_memory',
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    search: method({
      summary: 'The memories of a bot that come nearest to a phrase, by meaning and by words',
      input: z.object({
        q: z
          .string()
          .max(100_000)
          .meta({ examples: ['what coffee does she like'] }),
        limit: z.number().int().min(0).default(10).describe('0: none; at most 200 are given'),
        bot_id: z.string().default('default'),
        category: z.string().optional().describe('absent or empty: all'),
      }),
      output: z.array(MemoryHit),
      errors: ['busy'],
      http: [{ route: 'GET /api/memory/search' }],
      mcp: 'search_memory',
      ws: true,
      timeout_ms: 10_000,
      idempotent: true,
    }),
    recall: method({
      summary: 'The few memories that belong before a prompt, within a number of tokens; none where the bot has it switched off',
      input: z.object({
        bot_id: BotId,
        text: z.string().describe('the message; of a long one its beginning and its end count'),
        budget_tokens: BudgetTokens.optional().describe("absent: the bot's own"),
      }),
      output: z.object({ enabled: z.boolean(), memories: z.array(Recalled), ways: z.array(Way) }),
      errors: ['busy'],
      timeout_ms: 1_000,
      idempotent: true,
    }),
    recall_settings: method({
      summary: 'Whether memories are put before the prompts of a bot by themselves',
      input: z.object({ bot_id: BotId.default('default') }),
      output: RecallSettings,
      http: [{ route: 'GET /api/memory/recall' }],
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    set_recall: method({
      summary: 'Have memories put before the prompts of a bot by themselves, or no longer',
      input: z.object({
        bot_id: BotId.default('default'),
        enabled: z.boolean().nullish().describe('null or absent: as it was'),
        budget_tokens: BudgetTokens.nullish().describe('null or absent: as it was'),
      }),
      output: RecallSettings,
      http: [{ route: 'PUT /api/memory/recall' }],
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    export: method({
      summary: 'Memories as lines of JSON, oldest first, a piece at a time',
      input: z.object({
        bot_id: z.string().optional().describe('absent or empty: all bots'),
        after_id: MemoryId.default(0).describe('go on behind this one'),
        limit: z.number().int().min(1).max(10_000).default(10_000),
      }),
      output: z.object({
        lines: z.string().describe('one JSON object a line'),
        count: z.number().int(),
        next_after_id: z.number().int().nullable().describe('null: that was all; else ask again behind this one'),
      }),
      http: [{ route: 'GET /api/memory/export' }],
      ws: true,
      timeout_ms: 15_000,
      idempotent: true,
    }),
    import: method({
      summary: 'Take memories in from lines of JSON, as export gives them',
      input: z.object({
        lines: z.string().max(16_000_000),
        bot_id: BotId.nullish().describe('for this bot, whatever the lines say'),
        existing: z.enum(['keep', 'replace']).default('keep').describe('what becomes of a key that is there already'),
      }),
      output: z.object({
        created: z.number().int(),
        replaced: z.number().int(),
        kept: z.number().int().describe('were there already'),
        refused: z.number().int(),
        problems: z.array(z.object({ line: z.number().int(), problem: z.string() })).describe('the first 100 refused lines'),
      }),
      http: [{ route: 'POST /api/memory/import' }],
      ws: true,
      timeout_ms: 60_000,
      idempotent: true,
    }),
    audit: method({
      summary: 'Memories worth tidying up: the same twice, nearly the same, never used, too long',
      input: z.object({
        bot_id: BotId.default('default'),
        after_id: MemoryId.default(0).describe('go on behind this one'),
        limit: z.number().int().min(1).max(1_000).default(500).describe('how many memories to look at in this call'),
        unused_days: z.number().int().min(0).max(36_500).default(30).describe('never used counts from this age on'),
        oversized_chars: z.number().int().min(1).default(4_000),
      }),
      output: z.object({
        checked: z.number().int(),
        exact: z.array(z.array(z.object({ id: z.number().int(), key: z.string() }))).describe('groups with the same content'),
        near: z
          .array(z.object({ a: Similar.omit({ distance: true }), b: Similar }))
          .describe('pairs that say much the same; of each memory the five nearest at most'),
        never_used: z.array(z.object({ id: z.number().int(), key: z.string(), created_at: Moment })),
        oversized: z.array(z.object({ id: z.number().int(), key: z.string(), chars: z.number().int() })),
        without_vector: z.number().int().describe('could not be compared by meaning'),
        next_after_id: z.number().int().nullable().describe('null: all were looked at; else ask again behind this one'),
      }),
      http: [{ route: 'GET /api/memory/audit' }],
      mcp: 'audit_memories',
      ws: true,
      timeout_ms: 30_000,
      idempotent: true,
    }),
    embed: method({
      summary: 'Vectors of texts, all of one model; null for a text that the model cannot read',
      input: z.object({
        texts: z.array(z.string().max(EMBED_CHARACTERS)).min(1).max(EMBED_TEXTS),
        kind: z.enum(['document', 'query']),
        timeout_ms: z.number().int().min(1).max(60_000).default(30_000),
      }),
      output: z.object({ model: ModelName, dimensions: z.number().int(), vectors: z.array(Vector.nullable()) }),
      timeout_ms: 60_000,
      idempotent: true,
    }),
    status: method({
      summary: 'Which model is in use, what is missing, and how many memories wait for a vector',
      input: z.object({}),
      output: z.object({
        embedding: EmbeddingStatus,
        memories: z.number().int(),
        passages: z.number().int(),
        pending: z.number().int().describe('passages that have no vector of the model in use yet'),
        reembedding: z
          .object({ done: z.number().int(), total: z.number().int() })
          .nullable()
          .describe('after a change of the model'),
        oldest: z.string().nullable().describe('when the first of them was made'),
        newest: z.string().nullable(),
        bots: z.array(
          z.object({
            bot_id: z.string(),
            memories: z.number().int(),
            categories: z.array(z.object({ category: z.string(), memories: z.number().int() })).describe('the largest first'),
          }),
        ),
      }),
      http: [{ route: 'GET /api/memory/status' }],
      mcp: 'get_memory_status',
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
  },
  topics: {
    memory_changed: topic({
      summary: 'A memory was created, updated or deleted; of many that an import takes in at once, the last of each bot',
      payload: z.object({ id: z.number().int(), bot_id: z.string(), change: z.enum(['created', 'updated', 'deleted']) }),
    }),
  },
})
