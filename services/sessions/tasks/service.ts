/** What can be asked of background tasks: one handler a method of `protocol/tasks.ts`. */
import { ServiceError } from '../../../protocol/errors.ts'
import type { history } from '../../../protocol/history.ts'
import type { Client, Handlers } from '../../../protocol/method.ts'
import type { sessions } from '../../../protocol/sessions.ts'
import type { taskMethods } from '../../../protocol/tasks.ts'
import { archiveHarness, removeHarness } from '../harness/archive.ts'
import { isAllDone, readHarness, toHarnessStatus } from '../harness/progress.ts'
import { refuseLoop } from '../loops.ts'
import { sessionKey } from '../open-turn.ts'
import type { Store } from '../store.ts'
import type { Deliveries } from '../telegram/deliveries.ts'
import type { BotTokens } from '../telegram/tokens.ts'
import type { Turns } from '../turns.ts'
import { briefing } from './briefing.ts'
import { ownerOf, type TaskRow, type TaskStore } from './store.ts'
import { projectOf, type TaskOrder, type Tasks } from './tasks.ts'
import { elapsedOf, latestOfEach, toBackgroundState, toBackgroundStatus, toSummary, toTask } from './views.ts'

export interface TaskServiceDeps {
  readonly store: Store
  readonly taskStore: TaskStore
  readonly tasks: Tasks
  readonly turns: Turns
  readonly deliveries: Pick<Deliveries, 'ofOwner'>
  readonly tokens: Pick<BotTokens, 'keep'>
  readonly history: Pick<Client<typeof history>, 'messages_since'>
  /** The real path of the session base. */
  readonly base: string
  /** Where finished harnesses are kept. */
  readonly archives: string
  readonly max_running: number
  readonly queue_wait_s: number
  readonly stuck_s: number
}

type TaskHandlers = Pick<Handlers<typeof sessions>, keyof typeof taskMethods>

/** The predecessor's limit for what is shown of a message under way. */
const BUSY_CHARS = 80

const wholeSeconds = (ms: number): number => Math.max(0, Math.floor(ms / 1_000))

export const createTaskHandlers = (deps: TaskServiceDeps): TaskHandlers => {
  const { store, taskStore, tasks, turns, base } = deps

  const orderOf = (input: Parameters<TaskHandlers['start_task']>[0]): TaskOrder => {
    refuseLoop(input.chain)
    return {
      bot_id: input.bot_id,
      chat_id: input.chat_id,
      message: input.message,
      project_id: input.project_id,
      // On disk before the row that names it.
      token_id: input.bot_token === '' ? null : deps.tokens.keep(input.bot_token),
      idempotency_key: input.idempotency_key ?? null,
      response: input.response ?? null,
      chain: input.chain ?? null,
    }
  }

  const known = (taskId: string): TaskRow => {
    const row = taskStore.task(taskId)
    if (!row) throw new ServiceError('not_found', 'there is no such task')
    return row
  }

  const harnessOf = (cwd: string | null) => (cwd === null ? null : readHarness(cwd, base))

  /** Where a chat works, or null: it has no session, or stopped it. */
  const cwdOf = (bot_id: string, chat_id: string): string | null => {
    const session = store.session({ bot_id, chat_id, lane: '' })
    return session && session.stopped === 0 ? session.cwd : null
  }

  return {
    async start_task(input) {
      const taskId = await tasks.start(orderOf(input))
      return toSummary(known(taskId), turns.get(taskId), Date.now())
    },

    async send_background(input) {
      try {
        await tasks.start(orderOf(input))
        return { status: 'started' }
      } catch (error) {
        // Its clients look at the body only: whatever is not `rejected` there they take for a start.
        if (!(error instanceof ServiceError) || error.code === 'internal') throw error
        const { elapsed } = (error.data ?? {}) as { elapsed?: number }
        return { status: 'rejected', reason: error.message, ...(elapsed === undefined ? {} : { elapsed }) }
      }
    },

    async list_tasks(filter) {
      const now = Date.now()
      return { tasks: taskStore.list(filter).map((row) => toSummary(row, turns.get(row.task_id), now)) }
    },

    async task({ task_id }) {
      return toTask(known(task_id), turns.get(task_id), deps.deliveries.ofOwner(ownerOf(task_id)), Date.now())
    },

    async cancel_task({ task_id }) {
      return { cancelled: await tasks.cancel(task_id) }
    },

    async background_status({ bot_id, chat_id, project_id }) {
      const now = Date.now()
      const shown = latestOfEach(taskStore.ofChat(bot_id, chat_id), now)
      const row = project_id === '' ? shown[0] : shown.find((task) => task.project_id === project_id)
      return row ? toBackgroundStatus(row, now) : { status: 'idle' }
    },

    async harness_status({ bot_id, chat_id }) {
      const now = Date.now()
      const cwd = cwdOf(bot_id, chat_id)
      const harness = harnessOf(cwd)
      const told = harness && toHarnessStatus(harness)
      const jobs = latestOfEach(taskStore.ofChat(bot_id, chat_id), now).map((row) => ({
        bg_status: toBackgroundState(row),
        elapsed_seconds: wholeSeconds(elapsedOf(row, now)),
        chain_depth: row.depth,
        project_id: row.project_id,
        cwd,
        harness: told,
      }))
      if (jobs.length > 0 || told === null || cwd === null) return { jobs }
      const idle = { bg_status: 'idle' as const, elapsed_seconds: 0, chain_depth: 0 }
      return { jobs: [{ ...idle, project_id: projectOf(cwd), cwd, harness: told }] }
    },

    async cleanup({ bot_id, chat_id }) {
      const now = Date.now()
      const cwd = cwdOf(bot_id, chat_id)
      const harness = harnessOf(cwd)
      const details: string[] = []
      let cleaned = 0
      let archived = 0
      let skipped = 0
      for (const row of latestOfEach(taskStore.ofChat(bot_id, chat_id), now)) {
        const status = toBackgroundState(row)
        const isUnfinished = harness !== null && harness.total > 0 && !isAllDone(harness)
        if (status === 'running' || isUnfinished) {
          const why = status === 'running' ? 'running' : `active harness ${harness?.done}/${harness?.total}`
          details.push(`Skipped (${why}): ${row.project_id}`)
          skipped += 1
          continue
        }
        taskStore.dismiss(bot_id, chat_id, row.project_id)
        details.push(`Cleaned (${status}): ${row.project_id}`)
        cleaned += 1
      }
      if (skipped === 0 && cwd !== null && harness !== null && harness.dir === cwd && isAllDone(harness)) {
        try {
          if (archiveHarness({ cwd, archives_dir: deps.archives, bot_id, chat_id, now })) {
            removeHarness(cwd)
            details.push(`Archived completed: ${harness.project_name}`, `Cleaned CWD: ${cwd}`)
            archived += 1
            cleaned += 1
          }
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error
          details.push(`Skipped (cannot be archived): ${error.message}`)
          skipped += 1
        }
      }
      return { cleaned, archived, skipped, details }
    },

    async queue_status({ bot_id, chat_id }) {
      const now = Date.now()
      const turn = turns.active(sessionKey({ bot_id, chat_id, lane: '' }))
      const elapsed_seconds = turn ? wholeSeconds(now - (turn.row.started_at ?? turn.row.created_at)) : 0
      return {
        busy: turn !== null,
        busy_message: turn ? [...turn.row.message.trim()].slice(0, BUSY_CHARS).join('') : '',
        elapsed_seconds,
        slots_used: turns.running('chats'),
        slots_max: deps.max_running,
        queue_wait_timeout: deps.queue_wait_s,
        queue_wait_remaining: turn ? Math.max(0, deps.stuck_s - elapsed_seconds) : 0,
      }
    },

    async set_nirmana({ bot_id, chat_id, action }) {
      const now = Date.now()
      if (action === 'away') {
        taskStore.goAway(bot_id, chat_id, now)
        return { status: 'ok', message: 'Nirmana activated', briefing: null }
      }
      const away = taskStore.away(bot_id, chat_id)
      if (!away) return { status: 'ok', message: 'Not in Nirmana mode', briefing: '' }
      const told = await briefing(deps.history, bot_id, chat_id, away.since)
      taskStore.comeBack(bot_id, chat_id)
      return { status: 'ok', message: null, briefing: told }
    },

    async nirmana({ bot_id, chat_id }) {
      const away = taskStore.away(bot_id, chat_id)
      const seconds = away ? Math.max(0, Date.now() - away.activated_at) / 1_000 : null
      return {
        nirmana_mode: away !== null,
        nirmana_activated_at: away ? away.activated_at / 1_000 : 0,
        away_duration_seconds: seconds === null ? null : Math.round(seconds * 10) / 10,
      }
    },

    async start_away() {
      return { repos: [], queued: 0, issues: [], capped: false, skipped_inflight: 0 }
    },

    async stop_away() {
      return { roundup: [], stopped_new_pickups: true }
    },
  }
}
