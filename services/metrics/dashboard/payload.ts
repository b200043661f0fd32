/** Makes the public payload of what was measured: chosen, rounded, cut to its limits, and without anything that is nobody's business. */
import type { z } from 'zod'
import {
  type ActivityCard,
  type ChatCard,
  type ClaudeCard,
  type HealthCard,
  type JobsCard,
  LIMITS,
  type MemoryCard,
  Payload,
  type SystemCard,
  type WorkCard,
} from '../../../protocol/dashboard.ts'
import { Current } from './current.ts'
import { lastDays } from './last-days.ts'
import { toCount, toDay, toMinute, toPercent, toStep } from './rounding.ts'
import type { Showable } from './settings.ts'

/** Means of full hours, oldest first; null for an hour of which nothing is known. Percent of all. */
export interface Past {
  /** When the last of these hours ended, in milliseconds since 1970. */
  readonly until_at: number
  readonly cpu_percent: readonly (number | null)[]
  readonly memory_percent: readonly (number | null)[]
}

export interface PayloadOptions {
  readonly title: string
  readonly show: readonly Showable[]
  readonly past: Past | null
  readonly sampled_at: number
  readonly next_push_by: number
  readonly writes: Payload['writes']
}

type Usage = NonNullable<Current['claude_usage']>
type Card<S extends z.ZodType> = z.output<S> | null

const LOAD_STEP = 0.25
const MEMORY_STEP_GB = 0.25
const CPU_STEP = 5
const HOUR_S = 3_600
const NAME_CHARACTERS = 40

/** A name in one line and at most 40 characters, each a whole one; null where nothing is left. */
const nameOf = (text: string): string | null => {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  // The schema counts UTF-16 units: a name of emojis has half as many.
  let name = ''
  for (const character of line) {
    if (name.length + character.length > NAME_CHARACTERS) break
    name += character
  }
  return name === '' ? null : name
}

const rounded = (value: number | null | undefined, round: (value: number) => number): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? round(value) : null

const gigabytes = (step: number) => (value: number) => Math.min(10_000_000, toStep(value, step))

const systemOf = ({ system }: Current, past: Past | null): Card<typeof SystemCard> => {
  if (!system) return null
  const [one, five, fifteen] = (system.load_avg ?? []).map((load) => rounded(load, (value) => toStep(value, LOAD_STEP)))
  const percents = (values: readonly (number | null)[]) =>
    values.slice(-LIMITS.hours).map((value) => rounded(value, (share) => toPercent(share)))
  return {
    cpu_percent: rounded(system.cpu_usage_percent, (value) => toPercent(value, CPU_STEP)),
    load: one == null || five == null || fifteen == null ? null : [one, five, fifteen],
    memory_used_gb: rounded(system.memory_used_gb, gigabytes(MEMORY_STEP_GB)),
    memory_total_gb: rounded(system.memory_total_gb, gigabytes(MEMORY_STEP_GB)),
    disk_used_gb: rounded(system.disk_used_gb, gigabytes(1)),
    disk_total_gb: rounded(system.disk_total_gb, gigabytes(1)),
    uptime_hours: rounded(system.uptime_seconds, (value) => Math.floor(value / HOUR_S)),
    past:
      past === null
        ? null
        : {
            until_at: past.until_at,
            cpu_percent: percents(past.cpu_percent),
            memory_percent: percents(past.memory_percent),
          },
  }
}

/** Names of models may hold an account (Bedrock's do); Anthropic's own names are public. */
const PUBLIC_MODEL = /^claude-[a-z0-9.-]{1,33}$/

/** What is known of Claude's use; not while the first scan goes on, since numbers that still grow look like a loss. */
const usageOf = ({ claude_usage: usage }: Current): Usage | null =>
  usage && !(usage.scan && usage.scan.scanned_at == null) ? usage : null

const claudeOf = (usage: Usage | null): Card<typeof ClaudeCard> => {
  if (usage === null) return null
  const byName = new Map<string, { -readonly [K in keyof (typeof usage.model_usage)[string]]: number }>()
  const sorted = Object.entries(usage.model_usage).sort(([, a], [, b]) => b.requests - a.requests)
  const days = lastDays(usage.daily_models ?? [], LIMITS.days)
  let named = 0
  for (const [model, spent] of sorted) {
    const shown = PUBLIC_MODEL.test(model) && named < LIMITS.models - 1
    named += shown ? 1 : 0
    const name = shown ? model : 'other'
    const sum = byName.get(name)
    if (sum === undefined) byName.set(name, { ...spent })
    else for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += spent[key]
  }
  return {
    sessions: toCount(usage.total_sessions),
    messages: toCount(usage.total_messages),
    requests: toCount(usage.total_requests),
    since_on: toDay(usage.first_session_date),
    context_avg: rounded(usage.context_avg, toCount),
    context_max: rounded(usage.context_max, toCount),
    models: [...byName].map(([name, spent]) => ({
      name,
      requests: toCount(spent.requests),
      input_tokens: toCount(spent.input_tokens),
      output_tokens: toCount(spent.output_tokens),
      cache_read_tokens: toCount(spent.cache_read_tokens),
      cache_creation_tokens: toCount(spent.cache_creation_tokens),
    })),
    days:
      days === null
        ? null
        : { until_on: days.until_on, tokens: days.sum((line) => line.input_tokens + line.output_tokens).map(toCount) },
  }
}

const kindOf = (type: string | null | undefined): 'shell' | 'claude' | null =>
  type === 'shell' || type === 'claude' ? type : null

const jobsOf = ({ cron_jobs: jobs }: Current, show: readonly Showable[]): Card<typeof JobsCard> => {
  if (!jobs) return null
  const seen = jobs.map((job) => ({
    name: show.includes('job_names') ? nameOf(job.name) : null,
    kind: kindOf(job.job_type),
    enabled: job.enabled,
    last_run_at: toMinute(job.last_run_at),
    last_ok: job.last_run_at == null || typeof job.failures !== 'number' ? null : job.failures === 0,
    next_run_at: job.enabled ? toMinute(job.next_run_at) : null,
  }))
  const rank = ({ enabled, next_run_at }: (typeof seen)[number]): number => next_run_at ?? (enabled ? 1e16 : 2e16)
  const isKnown = seen.some(({ last_ok }) => last_ok !== null)
  return {
    total: seen.length,
    enabled: seen.filter(({ enabled }) => enabled).length,
    failing: isKnown || seen.length === 0 ? seen.filter(({ enabled, last_ok }) => enabled && last_ok === false).length : null,
    next: seen.sort((a, b) => rank(a) - rank(b)).slice(0, LIMITS.jobs),
  }
}

const memoryOf = ({ memory }: Current, show: readonly Showable[]): Card<typeof MemoryCard> => {
  if (!memory) return null
  const categories = Object.entries(memory.categories).sort(([, a], [, b]) => b - a)
  return {
    count: toCount(memory.count),
    oldest_on: toDay(memory.oldest),
    newest_on: toDay(memory.newest),
    category_count: categories.length,
    categories: categories.slice(0, LIMITS.categories).map(([name, count]) => ({
      name: show.includes('memory_categories') ? nameOf(name) : null,
      count: toCount(count),
    })),
  }
}

const chatOf = ({ chat }: Current): Card<typeof ChatCard> =>
  chat
    ? {
        sessions: toCount(chat.session_count),
        messages: toCount(chat.message_count),
        oldest_on: toDay(chat.oldest_message),
        newest_on: toDay(chat.newest_message),
      }
    : null

/** The health of our own processes, without a name of any. */
const healthOf = ({ processes, alerts }: Current): Card<typeof HealthCard> =>
  processes && processes.services.length > 0
    ? {
        services_up: processes.services.filter(({ state }) => state === 'up').length,
        services: processes.services.length,
        alerts: alerts?.length ?? 0,
      }
    : null

/** Null where no line has a day. */
const activityOf = (usage: Usage | null): Card<typeof ActivityCard> => {
  const days = lastDays(usage?.daily_activity ?? [], LIMITS.days)
  return days === null
    ? null
    : {
        until_on: days.until_on,
        messages: days.sum(({ messages }) => messages).map(toCount),
        sessions: days.sum(({ sessions }) => sessions).map(toCount),
      }
}

const workOf = ({ harness }: Current): Card<typeof WorkCard> =>
  harness
    ? {
        running: harness.running_jobs.length,
        completed: harness.completed_jobs.length,
        archived: toCount(harness.archived_count),
      }
    : null

/**
 * @param measured the answer of `GET /api/metrics`, whatever its shape: what does not fit is left out
 */
export const toPayload = (measured: unknown, options: PayloadOptions): Payload => {
  const parsed = Current.safeParse(measured)
  const current: Current = parsed.success ? parsed.data : {}
  const usage = usageOf(current)
  const { title, show, past, sampled_at, next_push_by, writes } = options
  return Payload.parse({
    version: 1,
    title: nameOf(title) ?? 'Switchboard',
    sampled_at,
    next_push_by,
    writes,
    health: healthOf(current),
    system: systemOf(current, past),
    claude: claudeOf(usage),
    jobs: jobsOf(current, show),
    memory: memoryOf(current, show),
    chat: chatOf(current),
    activity: activityOf(usage),
    work: workOf(current),
  } satisfies Payload)
}
