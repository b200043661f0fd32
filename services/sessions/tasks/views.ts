/** Tasks as clients are shown them: in our own words, and in the predecessor's. */
import type { Delivery } from '../../../protocol/deliveries.ts'
import type { Task, TaskSummary } from '../../../protocol/tasks.ts'
import type { OpenTurn } from '../open-turn.ts'
import type { TaskRow } from './store.ts'

/** In a list, of a message and of a result. The predecessor's limits. */
const MESSAGE_CHARS = 200
const RESULT_CHARS = 500

const cut = (text: string, chars: number): string => {
  const end = text.slice(0, chars)
  // Half of a surrogate pair is no character.
  return /[\ud800-\udbff]$/.test(end) ? end.slice(0, -1) : end
}

/** How long it has taken, in milliseconds: until its end, once there is one. */
export const elapsedOf = ({ started_at, ended_at, created_at }: TaskRow, now: number): number =>
  Math.max(0, (ended_at ?? now) - (started_at ?? created_at))

/** @param open the turn while it is held in memory */
export const toSummary = (row: TaskRow, open: OpenTurn | null, now: number): TaskSummary => ({
  task_id: row.task_id,
  bot_id: row.bot_id,
  chat_id: row.chat_id,
  project_id: row.project_id,
  state: row.state,
  message: cut(row.message, MESSAGE_CHARS),
  result: row.reply === null ? null : cut(row.reply, RESULT_CHARS),
  reason: row.reason,
  chain_id: row.chain_id,
  depth: row.depth,
  outcome: row.outcome,
  note: row.note,
  created_at: row.created_at,
  due_at: row.due_at,
  started_at: row.started_at,
  ended_at: row.ended_at,
  elapsed_ms: row.started_at === null ? 0 : elapsedOf(row, now),
  progress: row.state === 'running' && open ? { ...open.activity, output_tokens: open.fold?.outputTokens ?? 0 } : null,
  input_tokens: row.input_tokens,
  output_tokens: row.output_tokens,
  cost_usd: row.cost_usd,
})

export const toTask = (row: TaskRow, open: OpenTurn | null, deliveries: Delivery[], now: number): Task => ({
  ...toSummary(row, open, now),
  message: row.message,
  result: row.reply,
  deliveries,
})

/** Whether it is a batch that waits out the pause of its chain: to the predecessor's clients the one before is the latest. */
export const isPausing = (row: TaskRow, now: number): boolean => row.turn_state === 'waiting' && (row.due_at ?? 0) > now

/** The predecessor's word for how a task is doing. */
export const toBackgroundState = ({ state, turn_state }: TaskRow): 'running' | 'completed' | 'failed' | 'cancelled' => {
  if (state === 'queued' || state === 'running') return 'running'
  if (turn_state === 'cancelled') return 'cancelled'
  return turn_state === 'answered' ? 'completed' : 'failed'
}

const seconds = (ms: number): number => Math.floor(ms / 1_000)

/** What `background-status` answers of a task. */
export const toBackgroundStatus = (row: TaskRow, now: number) => {
  const status = toBackgroundState(row)
  const elapsed_seconds = seconds(elapsedOf(row, now))
  if (status === 'running') {
    const message = cut(row.message, MESSAGE_CHARS)
    return { status, message, elapsed_seconds, started_at: (row.started_at ?? row.created_at) / 1_000 } as const
  }
  return { status, result: row.reply === null ? null : cut(row.reply, RESULT_CHARS), elapsed_seconds } as const
}

/** The latest task of each project, of those that are shown, newest first. @param rows newest first */
export const latestOfEach = (rows: readonly TaskRow[], now: number): TaskRow[] => {
  const latest = new Map<string, TaskRow>()
  for (const row of rows) {
    if (!latest.has(row.project_id) && !isPausing(row, now)) latest.set(row.project_id, row)
  }
  return [...latest.values()]
}
