/** Goes both ways, joins what they found, and keeps in memory what makes the way by meaning fast. */
import { fuse } from '../fusion.ts'
import type { Hit, Way } from '../retrieval.ts'
import type { Search, SearchResult } from '../searcher.ts'
import { toSigns } from '../signs.ts'
import { SignIndex } from './sign-index.ts'
import type { Candidate, ModelRow, ReadStore } from './store.ts'
import { findByWords } from './word-search.ts'

/** Measured exactly for each search: with 200 of a million the ten nearest were among them in 99 % of cases and more. */
const CANDIDATES = 200

/** Several passages of one text make one hit, so more are asked for until there are hits enough; but no more than that. */
const MAX_CANDIDATES = 4_096

/** Of each way there have to be more than are shown, or joining them has nothing to join. */
const CANDIDATES_PER_HIT = 5

/** Vectors that may be measured one and all: about 100 ms. */
const MAX_EXACT = 20_000

/** Rows that are read into memory in one go, about 10 ms. */
const PART = 5_000

/** Removed passages leave holes in the index; with more than a fifth it is made anew. */
const MAX_HOLES = 0.2
const HOLES_ALWAYS_FINE = 1_000

interface Loaded {
  readonly model: ModelRow
  readonly index: SignIndex
  readonly seq: number
  readonly complete: boolean
}

export interface Finder {
  /** From now on signs of this model are kept in memory. */
  use(model: string): void
  /** Reads a part of what is new into memory; whether that was all. */
  catchUp(): boolean
  find(search: Search): SearchResult
}

/** The first passage of each document, in their order. */
const firstOfEach = <C extends Candidate>(candidates: readonly C[]): Map<number, C> => {
  const first = new Map<number, C>()
  for (const candidate of candidates) if (!first.has(candidate.document_id)) first.set(candidate.document_id, candidate)
  return first
}

export const createFinder = (store: ReadStore): Finder => {
  let loaded: Loaded | undefined

  /** What takes its place when it is complete. */
  let next: Loaded | undefined

  const empty = (model: ModelRow): Loaded => ({ model, index: new SignIndex(model.dimensions), seq: 0, complete: false })

  const use = (name: string): void => {
    const model = store.model(name)
    if (model === undefined || loaded?.model.id === model.id) return
    loaded = empty(model)
    next = undefined
  }

  const readOn = (into: Loaded): Loaded => {
    const rows = store.signsAfter(into.seq, into.model.id, PART)
    for (const row of rows) into.index.add(row)
    return { ...into, seq: rows.at(-1)?.seq ?? into.seq, complete: rows.length < PART }
  }

  const catchUp = (): boolean => {
    if (loaded === undefined) return true
    loaded = readOn(loaded)
    if (next !== undefined) next = readOn(next)
    else if (loaded.complete && loaded.index.size > store.vectors(loaded.model.id) * (1 + MAX_HOLES) + HOLES_ALWAYS_FINE)
      next = empty(loaded.model)
    if (next?.complete === true) {
      loaded = next
      next = undefined
    }
    return loaded.complete && next === undefined
  }

  /** Candidates from memory; while it is read in, the exact way where that is short, else from as much as is there. */
  const byMeaning = (search: Search, model: ModelRow, count: number) => {
    const { vector, filter } = search
    if (vector === null || vector.length !== model.dimensions) return []
    catchUp()
    if (loaded === undefined || (!loaded.complete && store.vectors(model.id) <= MAX_EXACT))
      return store.nearest(vector, model.id, filter, count)
    const ids = loaded.index.nearest(toSigns(vector), filter, count)
    return store.measure(vector, ids, model.id, filter)
  }

  const toHits = (search: Search, model: ModelRow | undefined, count: number) => {
    const { terms, vector, filter, limit } = search
    const near = model === undefined ? [] : byMeaning(search, model, Math.max(CANDIDATES, count))
    const said = terms.length === 0 ? [] : findByWords(store, terms, filter, count)
    const meant = firstOfEach(near)
    const spoken = firstOfEach(said)
    // Beyond what either way may show a place in its list says nothing.
    const meantIds = [...meant.keys()].slice(0, count)
    const spokenIds = [...spoken.keys()]
    // A place counts as much as of the question is there, or one common word would outweigh what was meant. On the half of
    // bench/search-data that is for tuning, English: 0.97 found, 0.90 with full weight; squared or cut off was no better by
    // more than one question.
    const scores = [
      ...fuse([[...spoken].map(([id, { share }]) => ({ id, weight: share })), meantIds.map((id) => ({ id, weight: 1 }))]),
    ].slice(0, limit)
    const meantRank = new Map(meantIds.map((id, index) => [id, index + 1]))
    const spokenRank = new Map(spokenIds.map((id, index) => [id, index + 1]))
    const shown = scores.map(([id, score]) => {
      const text_rank = spokenRank.get(id) ?? null
      const rank = meantRank.get(id)
      const best = rank !== undefined && rank <= (text_rank ?? rank) ? meant.get(id)?.id : spoken.get(id)?.id
      const found_by: Way[] = [
        ...(rank === undefined ? [] : ['meaning' as const]),
        ...(text_rank === null ? [] : ['words' as const]),
      ]
      return { id, score, text_rank, found_by, best: best as number }
    })
    const measured =
      model === undefined || vector === null || vector.length !== model.dimensions
        ? []
        : store.measure(
            vector,
            shown.map(({ best }) => best),
            model.id,
            filter,
          )
    const distances = new Map(measured.map(({ id, distance }) => [id, distance]))
    const hits: Hit[] = shown.flatMap(({ best, ...hit }) => {
      const passage = store.text(best)
      return passage === undefined ? [] : [{ ...hit, passage, distance: distances.get(best) ?? null }]
    })
    return { hits, full: near.length >= count || said.length >= count }
  }

  return {
    use,
    catchUp,
    find: (search) => {
      if (search.model !== null) use(search.model)
      const model = search.model === null ? undefined : store.model(search.model)
      const ways: Way[] = [
        ...(model === undefined ? [] : ['meaning' as const]),
        ...(search.terms.length === 0 ? [] : ['words' as const]),
      ]
      let count = Math.max(50, search.limit * CANDIDATES_PER_HIT)
      for (;;) {
        const { hits, full } = toHits(search, model, count)
        if (hits.length >= search.limit || !full || count >= MAX_CANDIDATES) return { hits, ways }
        count = Math.min(count * 4, MAX_CANDIDATES)
      }
    },
  }
}
