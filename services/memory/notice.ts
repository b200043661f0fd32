/**
 * The notice of similar memories when one is kept. The memory is on disk by then: this only tells, and says less rather than
 * being late, or waiting for a model that may not answer.
 */
import type { Similar } from '../../protocol/memory.ts'
import { withDeadline } from '../runtime/deadline.ts'
import type { Retrieval } from '../runtime/retrieval/retrieval.ts'
import { digestOf, distanceOf, meanVectors, NEAR } from './duplicates.ts'
import type { Embedder } from './embedder/embedder.ts'
import { cutAt } from './embedder/reading.ts'
import { textOf } from './search-text.ts'
import type { MemoryRow, MemoryStore } from './store.ts'

const NOTICE_MS = 100
const MOST = 5
const CANDIDATES = 10
/** One passage: a longer memory is compared by its beginning here, and whole by the audit. */
const CHARS = 1_000

interface NoticeDeps {
  readonly store: MemoryStore
  readonly retrieval: Pick<Retrieval, 'search'>
  readonly embedder: Pick<Embedder, 'embed' | 'isQuick'>
}

/**
 * Candidates come from a search, distances from vectors of documents: models give a question another vector than a fact of
 * the same words.
 */
const nearOf = async ({ store, retrieval, embedder }: NoticeDeps, row: MemoryRow, signal: AbortSignal): Promise<Similar[]> => {
  const text = cutAt(textOf(row.key, row.content), CHARS)
  const filter = { bot_id: row.bot_id }
  const [made, { hits }] = await Promise.all([
    embedder.embed([text], { kind: 'document', signal, timeout_ms: NOTICE_MS }),
    retrieval.search({ query: text, limit: CANDIDATES, filter, signal }),
  ])
  const [vector] = made.vectors
  if (vector == null) return []
  const ids = hits.map(({ id }) => id).filter((id) => id !== row.id)
  const near = [...meanVectors(store.vectorsOf(ids, made.model))].flatMap(([id, other]) => {
    const distance = distanceOf(vector, other)
    const key = distance <= NEAR ? store.get(id)?.key : undefined
    return key === undefined ? [] : [{ id, key, distance }]
  })
  return near.sort((a, b) => a.distance - b.distance)
}

/** Other memories of the same bot that say the same or nearly so, nearest first, at most five. */
export const similarTo = async (deps: NoticeDeps, row: MemoryRow, signal: AbortSignal): Promise<Similar[]> => {
  const same = deps.store.sameContent(row.bot_id, digestOf(row.content), row.id, MOST)
  const exact = same.map((other) => ({ ...other, distance: 0 }))
  if (!deps.embedder.isQuick || row.content.trim() === '' || exact.length === MOST) return exact
  // Whatever kept it from an answer, the memory is kept and the same texts are told.
  const near = await withDeadline([signal], NOTICE_MS, (until) => nearOf(deps, row, until)).catch(() => [])
  return [...exact, ...near.filter(({ id }) => same.every((other) => other.id !== id))].slice(0, MOST)
}
