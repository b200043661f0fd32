/**
 * The SQL of background tasks and of who is away, on the database of sessions. A task and its turn share their id; how the
 * task is doing is read off the turn and its delivery, so that nothing can say otherwise.
 */
import type { Database } from 'better-sqlite3'
import type { TurnState } from '../../../protocol/sessions.ts'
import type { TaskState } from '../../../protocol/tasks.ts'

/** A task as it is made. */
export interface NewTask {
  readonly task_id: string
  readonly bot_id: string
  readonly chat_id: string
  readonly project_id: string
  readonly chain_id: string
  readonly depth: number
  readonly decompositions: number
  readonly interruptions: number
  readonly stale: number
  readonly done_before: number | null
  readonly token_id: string | null
}

/** A task with what its turn says of it. */
export interface TaskRow extends NewTask {
  readonly outcome: string | null
  readonly note: string | null
  readonly dismissed: number
  readonly state: TaskState
  readonly turn_state: TurnState
  readonly message: string
  readonly reply: string | null
  readonly reason: string | null
  readonly created_at: number
  readonly due_at: number | null
  readonly started_at: number | null
  readonly ended_at: number | null
  readonly input_tokens: number | null
  readonly output_tokens: number | null
  readonly cost_usd: number | null
}

export interface TaskFilter {
  readonly bot_id?: string | undefined
  readonly chat_id?: string | undefined
  readonly state?: TaskState | undefined
  readonly before?: string | undefined
  readonly limit: number
}

export interface AwayRow {
  readonly since: number
  readonly activated_at: number
}

/** `owner` of what is delivered for a task. */
export const ownerOf = (taskId: string): string => `task:${taskId}`

const COLUMNS = `k.*, t.seq, t.state AS turn_state, t.message, t.reply, t.reason, t.created_at, t.due_at, t.started_at, t.ended_at,
    t.input_tokens, t.output_tokens, t.cost_usd,
    CASE
      WHEN t.state = 'waiting' THEN 'queued'
      WHEN t.state IN ('handing', 'running') THEN 'running'
      WHEN EXISTS (SELECT 1 FROM deliveries d WHERE d.owner = 'task:' || k.task_id AND d.state = 'pending') THEN 'delivering'
      WHEN t.state = 'answered' THEN 'done'
      WHEN t.state IN ('cancelled', 'interrupted') THEN t.state
      ELSE 'failed'
    END AS state`
const TASK = `SELECT ${COLUMNS} FROM tasks k JOIN turns t ON t.turn_id = k.task_id`
/** The same from the newest on, without a walk through the turns of chats. */
const NEWEST = `SELECT ${COLUMNS} FROM turns t INDEXED BY turns_tasks CROSS JOIN tasks k ON k.task_id = t.turn_id WHERE t.lane <> ''`

export const openTaskStore = (db: Database) => {
  const q = {
    task: db.prepare<[string], TaskRow>(`${TASK} WHERE k.task_id = ?`),
    ofChat: db.prepare<[string, string], TaskRow>(
      `${TASK} WHERE k.bot_id = ? AND k.chat_id = ? AND k.dismissed = 0 ORDER BY t.seq DESC`,
    ),
    latest: db.prepare<[string, string, string], TaskRow>(
      `${TASK} WHERE k.bot_id = ? AND k.chat_id = ? AND k.project_id = ? ORDER BY t.seq DESC LIMIT 1`,
    ),
    list: db.prepare<[Record<'bot_id' | 'chat_id' | 'state' | 'before', string | null> & { limit: number }], TaskRow>(
      `SELECT * FROM (${NEWEST}) WHERE (:bot_id IS NULL OR bot_id = :bot_id) AND (:chat_id IS NULL OR chat_id = :chat_id)
         AND (:state IS NULL OR state = :state) AND (:before IS NULL OR seq < (SELECT seq FROM turns WHERE turn_id = :before))
       ORDER BY seq DESC LIMIT :limit`,
    ),
    add: db.prepare<[NewTask]>(
      `INSERT INTO tasks (task_id, bot_id, chat_id, project_id, chain_id, depth, decompositions, interruptions, stale, done_before, token_id)
       VALUES (:task_id, :bot_id, :chat_id, :project_id, :chain_id, :depth, :decompositions, :interruptions, :stale, :done_before, :token_id)`,
    ),
    end: db.prepare<[string, string | null, string]>('UPDATE tasks SET outcome = ?, note = ? WHERE task_id = ?'),
    dismiss: db.prepare<[string, string, string | null, string | null]>(
      `UPDATE tasks SET dismissed = 1 WHERE bot_id = ? AND chat_id = ? AND (? IS NULL OR project_id = ?)
         AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.turn_id = tasks.task_id AND t.state IN ('waiting', 'handing', 'running'))`,
    ),
    away: db.prepare<[string, string], AwayRow>('SELECT since, activated_at FROM away WHERE bot_id = ? AND chat_id = ?'),
    goAway: db.prepare<[string, string, number, number]>(
      `INSERT INTO away (bot_id, chat_id, since, activated_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (bot_id, chat_id) DO UPDATE SET activated_at = excluded.activated_at`,
    ),
    comeBack: db.prepare<[string, string]>('DELETE FROM away WHERE bot_id = ? AND chat_id = ?'),
  }

  return {
    task: (taskId: string) => q.task.get(taskId) ?? null,
    /** What a chat's clients are shown, newest first. */
    ofChat: (botId: string, chatId: string) => q.ofChat.all(botId, chatId),
    /** The newest task of a project, also one that was cleaned up. */
    latest: (botId: string, chatId: string, projectId: string) => q.latest.get(botId, chatId, projectId) ?? null,
    list: ({ bot_id = null, chat_id = null, state = null, before = null, limit }: NullableFilter) =>
      q.list.all({ bot_id, chat_id, state, before, limit }),

    add: (task: NewTask) => void q.add.run(task),
    /** What became of the chain at the end of a batch, and what its person was told. */
    end: (taskId: string, outcome: string, note: string | null) => void q.end.run(outcome, note, taskId),
    /** Lists the tasks of a chat no more, or of one of its projects; those that have not ended stay. */
    dismiss: (botId: string, chatId: string, projectId: string | null) => void q.dismiss.run(botId, chatId, projectId, projectId),

    away: (botId: string, chatId: string) => q.away.get(botId, chatId) ?? null,
    goAway: (botId: string, chatId: string, now: number) => void q.goAway.run(botId, chatId, now, now),
    comeBack: (botId: string, chatId: string) => void q.comeBack.run(botId, chatId),
  }
}

type NullableFilter = { readonly [K in keyof Omit<TaskFilter, 'limit'>]: TaskFilter[K] | null } & Pick<TaskFilter, 'limit'>

export type TaskStore = ReturnType<typeof openTaskStore>
