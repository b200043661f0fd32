/** Memories: through the memory service's own import, which leaves a key that is there already as it is. */
import { toMoment } from './moments.ts'
import type { OldRow, Predecessor } from './store.ts'
import { newTally, type Tally } from './tally.ts'

const PIECE = 500
/** Below what one call may hold. */
const PIECE_CHARACTERS = 8_000_000

/** What the memory service says of an import. */
export interface Taken {
  readonly created: number
  readonly kept: number
  readonly problems: readonly { readonly line: number; readonly problem: string }[]
}

const isoOf = (value: unknown): string | undefined => {
  const moment = toMoment(value)
  return moment === null ? undefined : new Date(moment).toISOString()
}

/** A row as a line of JSON, or why not. */
export const toLine = (row: OldRow): { line: string } | { problem: string } => {
  const { id, key, content } = row
  if (typeof key !== 'string' || key === '') return { problem: `memory ${id}: it has no key` }
  if (typeof content !== 'string') return { problem: `memory ${id} (${key}): its content is no text` }
  return {
    line: JSON.stringify({
      key,
      content,
      category: typeof row.category === 'string' && row.category !== '' ? row.category : 'general',
      bot_id: typeof row.bot_id === 'string' && row.bot_id !== '' ? row.bot_id : 'default',
      created_at: isoOf(row.created_at),
      updated_at: isoOf(row.updated_at),
    }),
  }
}

/** Takes over all memories. They are embedded anew: vectors of the predecessor may be stale. @param take null: only looks */
export const importMemories = async (old: Predecessor, take: ((lines: string) => Promise<Taken>) | null): Promise<Tally> => {
  const tally = newTally('memories')
  const send = async (lines: readonly { line: string; name: string }[]): Promise<void> => {
    if (take === null || lines.length === 0) return
    const { created, kept, problems } = await take(lines.map(({ line }) => line).join('\n'))
    tally.taken += created
    tally.known += kept
    for (const { line, problem } of problems) tally.refused.push(`${lines[line - 1]?.name}: ${problem}`)
  }
  for (const rows of old.pieces('memory', PIECE)) {
    tally.found += rows.length
    let lines: { line: string; name: string }[] = []
    let characters = 0
    for (const row of rows) {
      const made = toLine(row)
      if ('problem' in made) {
        tally.refused.push(made.problem)
        continue
      }
      if (characters + made.line.length > PIECE_CHARACTERS) {
        await send(lines)
        lines = []
        characters = 0
      }
      lines.push({ line: made.line, name: `memory ${row.id} (${row.key})` })
      characters += made.line.length
    }
    await send(lines)
  }
  return tally
}
