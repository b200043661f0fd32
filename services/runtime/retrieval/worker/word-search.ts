/** Finds by words, within a bound: ranking a word that stands in half of a million passages takes a second. */
import type { Filter } from '../retrieval.ts'
import { ownerTokens } from '../words.ts'
import type { Candidate, ReadStore } from './store.ts'

/** Passages that are ranked for one search; 10,000 take about 5 ms. */
const MAX_RANKED = 10_000

/** As a string of FTS5's query language: whatever it holds, it is text. */
const quoted = (term: string): string => `"${term.replaceAll('"', '""')}"`

/** Terms are looked for where words are, the owner where owners are. */
const toMatch = (terms: readonly string[], owner: string): string => {
  const words = `{latin pieces} : (${terms.map(quoted).join(' OR ')})`
  return owner === '' ? words : `(owner : (${owner.split(' ').map(quoted).join(' AND ')})) AND (${words})`
}

export interface Said extends Candidate {
  /** How much of what was asked stands in the passage, 0 to 1: rare words are more of it than common ones. */
  readonly share: number
}

/** What BM25 gives at most, about, for a word that so many of all passages have. */
const weightOf = (count: number, passages: number): number => Math.max(0, Math.log((passages - count + 0.5) / (count + 0.5)))

/**
 * Passages with any of the terms, best first. The rarest terms are ranked first, as many as fit the bound; of a single term
 * that is more common than that the newest passages are ranked.
 */
export const findByWords = (store: ReadStore, terms: readonly string[], filter: Filter, limit: number): Said[] => {
  const passages = store.passages()
  const owner = ownerTokens(filter)
  // Among all first: looking at two lists costs several times as much, and most words are rare enough.
  const countOf = (term: string): number => {
    const among_all = store.countMatches(toMatch([term], ''), MAX_RANKED + 1)
    return owner === '' || among_all <= MAX_RANKED ? among_all : store.countMatches(toMatch([term], owner), MAX_RANKED + 1)
  }
  const asked = terms.map((term) => ({ term, count: countOf(term) }))
  // A word that nobody has was asked for as well: what has all the others has not all.
  const whole = asked.reduce((sum, { count }) => sum + weightOf(count, passages), 0)
  const counted = asked.filter(({ count }) => count > 0).sort((a, b) => a.count - b.count)
  let ranked = 0
  const chosen = counted.filter(({ count }, index) => {
    ranked += count
    return index === 0 || ranked <= MAX_RANKED
  })
  const [rarest] = chosen
  if (rarest === undefined) return []
  const match = toMatch(
    chosen.map(({ term }) => term),
    owner,
  )
  const after = rarest.count > MAX_RANKED ? store.nthNewest(match, MAX_RANKED, filter.until) : 0
  return store
    .matches(match, after, filter, limit)
    .map(({ score, ...found }) => ({ ...found, share: whole === 0 ? 1 : Math.min(1, Math.max(0, score / whole)) }))
}
