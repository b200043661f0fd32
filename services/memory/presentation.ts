/** Rows as clients read them: in the words of the predecessor's, with what is new behind them. */
import type { Memory } from '../../protocol/memory.ts'
import type { MemoryRow } from './store.ts'

/** A moment as the predecessor wrote it: microseconds, and the offset of UTC. */
export const toMoment = (at: number): string => `${new Date(at).toISOString().slice(0, 23)}000+00:00`

export const toMemory = (row: MemoryRow): Memory => ({
  id: row.id,
  key: row.key,
  content: row.content,
  category: row.category,
  created_at: toMoment(row.created_at),
  updated_at: toMoment(row.updated_at),
  bot_id: row.bot_id,
  use_count: row.use_count,
  last_used_at: row.last_used_at === null ? null : toMoment(row.last_used_at),
})
