/** What is put before a prompt by itself: few memories, all to the point, within a budget. */
import type { Recalled } from '../../protocol/memory.ts'
import type { Found } from '../runtime/retrieval/retrieval.ts'
import { countTokens } from './embedder/reading.ts'
import { FLOOR, relevanceOf } from './relevance.ts'
import type { MemoryRow } from './store.ts'

/** More than a handful is noise, whatever the budget. */
const MOST = 8
/** What is looked at to find them. */
export const CANDIDATES = 24
/** A prompt waits for this; whoever asks gives 300 ms, and the search by words needs some of them. */
export const VECTOR_MS = 180
export const DEFAULT_BUDGET_TOKENS = 500
/** Marks and line ends around each. */
const OVERHEAD_TOKENS = 6
const HALF_CHARS = 1_000

/** What of a message is searched for: of a long one its beginning and its end, where people say what they want. */
export const questionOf = (text: string): string =>
  text.length <= 2 * HALF_CHARS ? text : `${text.slice(0, HALF_CHARS - 1)} ${text.slice(-HALF_CHARS)}`.toWellFormed()

/** The best memories of what was found that fit into the budget; one that is too long leaves room for the next. */
export const chooseRecalled = (
  question: string,
  { hits, model }: Pick<Found, 'hits' | 'model'>,
  rowOf: (id: number) => MemoryRow | undefined,
  budget_tokens: number,
): Recalled[] => {
  const scored = hits
    .map((hit) => ({ id: hit.id, score: relevanceOf(hit, question, model) }))
    .filter(({ score }) => score >= FLOOR)
    .sort((a, b) => b.score - a.score || a.id - b.id)
  const chosen: Recalled[] = []
  let left = budget_tokens
  for (const { id, score } of scored) {
    const row = rowOf(id)
    if (row === undefined) continue
    const tokens = countTokens(row.key) + countTokens(row.content) + OVERHEAD_TOKENS
    if (tokens > left) continue
    left -= tokens
    chosen.push({ id, key: row.key, content: row.content, score: Math.round(score * 1_000) / 1_000 })
    if (chosen.length === MOST) break
  }
  return chosen
}
