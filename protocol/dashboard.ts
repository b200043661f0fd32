/**
 * What the public page is told: one JSON value that everybody may read. Nothing in it names the machine, a person, a chat,
 * a memory or a command; names of jobs and of categories are null unless the owner lets them be shown.
 *
 * Every list has a limit, so that the largest payload there can be fits the smallest store with room to spare.
 */
import { z } from 'zod'

/** The key under which the payload is kept. The predecessor's, so that a store of its time goes on. */
export const ITEM_KEY = 'metrics_current'

/** The smallest store of Vercel's Edge Config holds 8 KB, keys and all. */
export const STORE_LIMIT_BYTES = 8_000

/** What a payload may weigh as JSON: a quarter of the store stays free. */
export const PAYLOAD_LIMIT_BYTES = 6_000

/** How many of each thing a payload holds at most. */
export const LIMITS = { jobs: 8, models: 4, categories: 6, days: 14, hours: 24 } as const

const Count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const Moment = Count.describe('milliseconds since 1970')
const Percent = z.number().int().min(0).max(100)
const Gigabytes = z.number().min(0).max(10_000_000)
const Day = z.string().regex(/^\d{4}-\d\d-\d\d$/)
/** Of at most 40 characters, so that 8 names of jobs in any script still fit. */
const Name = z.string().min(1).max(40)

/** Numbers at equal distances, the last one last; null where nothing is known. */
const hours = z.array(Percent.nullable()).max(LIMITS.hours)

export const SystemCard = z.object({
  cpu_percent: Percent.nullable(),
  load: z.tuple([z.number().min(0), z.number().min(0), z.number().min(0)]).nullable(),
  memory_used_gb: Gigabytes.nullable(),
  memory_total_gb: Gigabytes.nullable(),
  disk_used_gb: Gigabytes.nullable(),
  disk_total_gb: Gigabytes.nullable(),
  uptime_hours: Count.nullable(),
  /** Means of full hours, the last of which ended at `until_at`. */
  past: z.object({ until_at: Moment, cpu_percent: hours, memory_percent: hours }).nullable(),
})

export const ClaudeCard = z.object({
  sessions: Count,
  messages: Count,
  requests: Count,
  since_on: Day.nullable(),
  context_avg: Count.nullable(),
  context_max: Count.nullable(),
  /** By requests, most first. `other` is everything that has no place or no public name. */
  models: z
    .array(
      z.object({
        name: Name,
        requests: Count,
        input_tokens: Count,
        output_tokens: Count,
        cache_read_tokens: Count,
        cache_creation_tokens: Count,
      }),
    )
    .max(LIMITS.models),
  /** Tokens that went in and came out, a number a day; what was read from a cache is left out. */
  days: z.object({ until_on: Day, tokens: z.array(Count).max(LIMITS.days) }).nullable(),
})

export const JobsCard = z.object({
  total: Count,
  enabled: Count,
  /** Enabled jobs whose last run failed; null where that is not known. */
  failing: Count.nullable(),
  /** The next ones first. */
  next: z
    .array(
      z.object({
        name: Name.nullable(),
        kind: z.enum(['shell', 'claude']).nullable(),
        enabled: z.boolean(),
        last_run_at: Moment.nullable(),
        last_ok: z.boolean().nullable(),
        next_run_at: Moment.nullable(),
      }),
    )
    .max(LIMITS.jobs),
})

export const MemoryCard = z.object({
  count: Count,
  oldest_on: Day.nullable(),
  newest_on: Day.nullable(),
  /** The largest ones; a name only where the owner shows names. */
  categories: z.array(z.object({ name: Name.nullable(), count: Count })).max(LIMITS.categories),
  /** How many categories there are in all. */
  category_count: Count,
})

export const ChatCard = z.object({ sessions: Count, messages: Count, oldest_on: Day.nullable(), newest_on: Day.nullable() })

export const ActivityCard = z.object({
  /** The day of the last number. */
  until_on: Day,
  messages: z.array(Count).max(LIMITS.days),
  sessions: z.array(Count).max(LIMITS.days),
})

/** How our own processes are. */
export const HealthCard = z.object({ services_up: Count, services: Count, alerts: Count })

export const WorkCard = z.object({ running: Count, completed: Count, archived: Count })

/** What is pushed, kept and shown. A part that could not be measured is null. */
export const Payload = z.object({
  version: z.literal(1),
  title: Name,
  sampled_at: Moment,
  /** The next push comes until then; only later may the page call this stale. */
  next_push_by: Moment,
  /** Writes of this month (UTC) to the store, this one included, and how many there may be. */
  writes: z.object({ used: Count, budget: Count }),
  health: HealthCard.nullable(),
  system: SystemCard.nullable(),
  claude: ClaudeCard.nullable(),
  jobs: JobsCard.nullable(),
  memory: MemoryCard.nullable(),
  chat: ChatCard.nullable(),
  activity: ActivityCard.nullable(),
  work: WorkCard.nullable(),
})
export type Payload = z.output<typeof Payload>

/** How many bytes a payload weighs on the wire and in the store. */
export const sizeOf = (payload: unknown): number => new TextEncoder().encode(JSON.stringify(payload)).byteLength
