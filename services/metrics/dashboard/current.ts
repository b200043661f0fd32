/**
 * The part of the answer of `GET /api/metrics` that the dashboard reads, and nothing else of it: what is not named here
 * cannot become public by accident. A part of another shape counts as not measured.
 */
import { z } from 'zod'

const number = z.number().nullish().catch(null)
const text = z.string().nullish().catch(null)
const count = z.number().catch(0)
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item.nullable().catch(null))
    .transform((items) => items.filter((value) => value !== null))
    .nullish()
    .catch(null)

const Job = z.object({
  name: z.string(),
  enabled: z.union([z.boolean(), z.number()]).transform(Boolean),
  job_type: z.string().nullish().catch(null),
  last_run_at: z.union([z.string(), z.number()]).nullish().catch(null),
  next_run_at: z.union([z.string(), z.number()]).nullish().catch(null),
  failures: number.describe('in a row, up to now'),
})

const System = z.object({
  cpu_usage_percent: number,
  load_avg: z.array(z.number()).nullish().catch(null),
  memory_used_gb: number,
  memory_total_gb: number,
  disk_used_gb: number,
  disk_total_gb: number,
  uptime_seconds: number,
})

const ModelUsage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_tokens: count,
  cache_creation_tokens: count,
  requests: count,
})

const ClaudeUsage = z.object({
  total_sessions: count,
  total_messages: count,
  total_requests: count,
  first_session_date: text,
  model_usage: z.record(z.string(), ModelUsage).catch({}),
  daily_activity: listOf(z.object({ date: z.string(), messages: count, sessions: count })),
  daily_models: listOf(z.object({ date: z.string(), input_tokens: count, output_tokens: count })),
  /** When all files had been read last; null while the first scan goes on. */
  scan: z.object({ scanned_at: number }).nullish().catch(null),
  context_avg: number,
  context_max: number,
})

export const Current = z.object({
  cron_jobs: listOf(Job),
  memory: z
    .object({ count, categories: z.record(z.string(), z.number()).catch({}), oldest: text, newest: text })
    .nullish()
    .catch(null),
  chat: z
    .object({ session_count: count, message_count: count, oldest_message: text, newest_message: text })
    .nullish()
    .catch(null),
  claude_usage: ClaudeUsage.nullish().catch(null),
  system: System.nullish().catch(null),
  harness: z
    .object({ running_jobs: z.array(z.unknown()), completed_jobs: z.array(z.unknown()), archived_count: count })
    .nullish()
    .catch(null),
  processes: z
    .object({ services: z.array(z.object({ state: z.string() })) })
    .nullish()
    .catch(null),
  alerts: z.array(z.unknown()).nullish().catch(null),
})
export type Current = z.output<typeof Current>
