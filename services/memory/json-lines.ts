/** Memories as lines of JSON: what is exported, and what may come back. */
import { z } from 'zod'
import { BotId } from '../../protocol/identifiers.ts'
import { type Memory, memory } from '../../protocol/memory.ts'
import { toMemory } from './presentation.ts'
import type { MemoryRow } from './store.ts'

const { key, content, category } = memory.methods.create.input.shape

const Moment = z
  .string()
  .transform((text) => Date.parse(text))
  .refine((at) => Number.isSafeInteger(at) && at >= 0, 'must be a moment such as 2026-11-22T17:50:24Z')

/** Only key and content are needed; a line that somebody wrote by hand is as good as one of ours. */
const Line = z.object({
  key,
  content,
  category,
  bot_id: BotId.default('default'),
  created_at: Moment.optional(),
  updated_at: Moment.optional(),
  // Above what is counted, and far below where one more makes no whole number.
  use_count: z.number().int().min(0).max(1_000_000_000_000).default(0),
  last_used_at: Moment.nullish(),
})
export type Line = z.output<typeof Line>

/** A line as it was read, or why it is none. Lines are counted from 1; `chars` is how long it is. */
export type ReadLine = { readonly line: number; readonly chars: number } & (
  | { readonly value: Line }
  | { readonly problem: string }
)

export const toLine = (row: MemoryRow): string => {
  const { id: _, ...rest }: Memory = toMemory(row)
  return JSON.stringify(rest)
}

const readLine = (text: string, schema: z.ZodType<Line>): { value: Line } | { problem: string } => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { problem: 'is no JSON' }
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return { value: parsed.data }
  return { problem: parsed.error.issues.map((issue) => `${issue.path.join('.') || 'line'}: ${issue.message}`).join('; ') }
}

/** Every line that is not blank, in order. @param bot_id whose they all are, whatever they say */
export function* readLines(text: string, bot_id?: string | null): Generator<ReadLine> {
  const schema = bot_id == null ? Line : Line.omit({ bot_id: true }).transform((line) => ({ ...line, bot_id }))
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() !== '') yield { line: index + 1, chars: line.length, ...readLine(line, schema) }
  }
}
