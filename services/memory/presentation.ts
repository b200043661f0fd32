/** Rows as clients read them: in the words of the predecessor's, with what is new behind them. */
import type { Memory } from '../../protocol/memory.ts'
import type { MemoryRow, MemoryStore } from './store.ts'

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

/** What there is of whom: the bots with the most memories first. */
export const toStock = (groups: ReturnType<MemoryStore['groups']>) => {
  const bots = new Map<string, { bot_id: string; memories: number; categories: { category: string; memories: number }[] }>()
  let [oldest, newest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const group of groups) {
    const { bot_id, category, memories } = group
    const bot = bots.get(bot_id) ?? { bot_id, memories: 0, categories: [] }
    bot.memories += memories
    bot.categories.push({ category, memories })
    bots.set(bot_id, bot)
    oldest = Math.min(oldest, group.oldest)
    newest = Math.max(newest, group.newest)
  }
  return {
    oldest: groups.length === 0 ? null : toMoment(oldest),
    newest: groups.length === 0 ? null : toMoment(newest),
    bots: [...bots.values()].sort((a, b) => b.memories - a.memories),
  }
}
