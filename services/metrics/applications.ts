/** What the other services tell of themselves, in the words of the predecessor's page. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Clients } from '../../protocol/contract.ts'
import type { Counts, HarnessJob, Metrics } from '../../protocol/metrics.ts'
import type { TaskSummary } from '../../protocol/tasks.ts'

/** Whom metrics asks. */
export type Neighbours = {
  readonly sessions: Pick<Clients['sessions'], 'status' | 'list_tasks' | 'harness_status'>
  readonly scheduler: Pick<Clients['scheduler'], 'list' | 'status'>
  readonly memory: Pick<Clients['memory'], 'status' | 'list'>
  readonly history: Pick<Clients['history'], 'list_sessions'>
}

/** A part of the answer; a value that is there. */
type Part<K extends keyof Metrics> = NonNullable<Metrics[K]>

const PREVIEW_CHARS = 200
const MEMORY_CHARS = 500
const MEMORY_ITEMS = 50
/** Chats whose harness is asked for, those with the newest tasks. */
const HARNESS_CHATS = 20
const TASKS = 200
const ARCHIVED = 50

export const readJobs = async ({ scheduler }: Neighbours): Promise<Part<'cron_jobs'>> => {
  const jobs = await scheduler.list({ bot_id: '', next_runs: 1 })
  return jobs
    .map((job) => ({
      id: job.id,
      name: job.name,
      cron_expression: job.cron_expression,
      job_type: job.job_type,
      enabled: job.enabled === 1,
      last_run_at: job.last_run_at,
      last_result_preview: job.last_result?.slice(0, PREVIEW_CHARS) ?? null,
      timezone: job.timezone,
      next_run_at: job.next_runs[0]?.utc ?? null,
      failures: job.failures,
    }))
    .sort((a, b) => a.id - b.id)
}

export const readMemory = async ({ memory }: Neighbours): Promise<Part<'memory'>> => {
  const { memories, pending, bots, oldest, newest } = await memory.status({})
  const lists = await Promise.all(bots.slice(0, MEMORY_ITEMS).map(({ bot_id }) => memory.list({ bot_id, limit: MEMORY_ITEMS })))
  const items = lists
    .flat()
    .sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1))
    .slice(0, MEMORY_ITEMS)
    .map(({ key, content, category }) => ({ key, content: content.slice(0, MEMORY_CHARS), category }))
  const counts = new Map<string, number>()
  for (const { category, memories: count } of bots.flatMap((bot) => bot.categories))
    counts.set(category, (counts.get(category) ?? 0) + count)
  const categories = Object.fromEntries(counts)
  return { count: memories, pending, items, categories, oldest, newest }
}

const least = (texts: readonly string[]): string | null =>
  texts.reduce<string | null>((a, b) => (a === null || b < a ? b : a), null)
const most = (texts: readonly string[]): string | null =>
  texts.reduce<string | null>((a, b) => (a === null || b > a ? b : a), null)

export const readChat = async ({ history }: Neighbours): Promise<Part<'chat'>> => {
  const chats = await history.list_sessions({})
  return {
    session_count: chats.length,
    message_count: chats.reduce((sum, { message_count }) => sum + message_count, 0),
    oldest_message: least(chats.map(({ started_at }) => started_at)),
    newest_message: most(chats.map(({ last_message_at }) => last_message_at)),
  }
}

/** A line of `archives/index.json`, which clients of the predecessor read, too. */
const Archived = z.object({
  project_name: z.string(),
  archived_at: z.string(),
  tasks_done: z.number().int(),
  tasks_total: z.number().int(),
  status: z.string(),
})

const readArchives = (file: string): Pick<Part<'harness'>, 'archived_count' | 'archived_projects'> => {
  let lines: unknown
  try {
    lines = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { archived_count: 0, archived_projects: [] }
  }
  const known = (Array.isArray(lines) ? lines : []).flatMap((line) => Archived.safeParse(line).data ?? [])
  const newest = known.sort((a, b) => (a.archived_at < b.archived_at ? 1 : -1)).slice(0, ARCHIVED)
  return { archived_count: known.length, archived_projects: newest }
}

const chatsOf = (tasks: readonly TaskSummary[]): { chat_id: string; bot_id: string }[] => {
  const chats = new Map(tasks.map(({ chat_id, bot_id }) => [JSON.stringify([bot_id, chat_id]), { chat_id, bot_id }]))
  return [...chats.values()].slice(0, HARNESS_CHATS)
}

/** @param archives the index of the archived projects */
export const readHarness = async ({ sessions }: Neighbours, archives: string): Promise<Part<'harness'>> => {
  const { tasks } = await sessions.list_tasks({ limit: TASKS })
  const answers = await Promise.all(chatsOf(tasks).map((chat) => sessions.harness_status(chat)))
  const jobs = answers.flatMap(({ jobs: all }) =>
    all.flatMap(({ cwd: _, harness, ...job }): HarnessJob[] => {
      if (harness === null) return []
      const { project_name, current_phase, done, total, in_progress, blocked } = harness
      return [{ ...job, project_name, current_phase, done, total, in_progress, blocked }]
    }),
  )
  return {
    running_jobs: jobs.filter(({ done, total }) => done < total),
    completed_jobs: jobs.filter(({ done, total }) => total > 0 && done >= total),
    ...readArchives(archives),
  }
}

/** What sessions, scheduler and memory count by themselves; asked at every sample, so these calls are the cheap ones. */
export const readSessionCounts = async ({ sessions }: Neighbours): Promise<Partial<Counts>> => {
  const { active_sessions, live_agents, running_turns, waiting_turns } = await sessions.status({})
  return { active_sessions, live_agents, running_turns, waiting_turns }
}

export const readSchedulerCounts = async ({ scheduler }: Neighbours): Promise<Partial<Counts>> => {
  const { jobs, enabled, running, late_ms, deliveries_pending } = await scheduler.status({})
  return { cron_jobs: jobs, cron_jobs_enabled: enabled, cron_runs_running: running, cron_late_ms: late_ms, deliveries_pending }
}

export const readMemoryCounts = async ({ memory }: Neighbours): Promise<Partial<Counts>> => {
  const { memories } = await memory.status({})
  return { memories }
}
