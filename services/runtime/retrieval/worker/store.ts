/** The SQL of the worker, which reads only. Every answer has passed the filters here, whatever the caller knows by heart. */
import type { Database } from 'better-sqlite3'
import type { Filter } from '../retrieval.ts'
import { toBlob } from '../signs.ts'
import type { Entry } from './sign-index.ts'

export interface ModelRow {
  readonly id: number
  readonly dimensions: number
}

/** A passage that was found, and whose it is. */
export interface Candidate {
  readonly id: number
  readonly document_id: number
}

export interface Ranked extends Candidate {
  /** By BM25, higher is better. */
  readonly score: number
}

export interface Measured extends Candidate {
  readonly distance: number
}

/** The verbs of the reading side. */
export interface ReadStore {
  model(name: string): ModelRow | undefined
  /** How many vectors there are of a model. */
  vectors(model_id: number): number
  /** Signs of a model that were stored after `seq`, in their order. */
  signsAfter(seq: number, model_id: number, limit: number): (Entry & { readonly seq: number })[]
  /** The distances of passages that pass the filter and have a vector of the model, nearest first. */
  measure(vector: Float32Array, ids: readonly number[], model_id: number, filter: Filter): Measured[]
  /** The nearest of all that pass the filter: exact, and as slow as it sounds. */
  nearest(vector: Float32Array, model_id: number, filter: Filter, limit: number): Measured[]
  /** How many passages match, counted up to `most`. */
  countMatches(match: string, most: number): number
  /** The number of the passage that is the `nth` from the newest of those that match, from before `until` if given; 0 where there are fewer. */
  nthNewest(match: string, nth: number, until?: number): number
  /** Passages numbered above `after` that match and pass the filter, best first by BM25. */
  matches(match: string, after: number, filter: Filter, limit: number): Ranked[]
  /** How many passages there are. */
  passages(): number
  text(id: number): string | undefined
}

/** Hash tokens and memory narrow before; these decide. */
const FILTER = `
  (@bot_id IS NULL OR p.bot_id = @bot_id) AND (@scope IS NULL OR p.scope = @scope) AND (@role IS NULL OR p.role = @role)
  AND (@since IS NULL OR p.created_at >= @since) AND (@until IS NULL OR p.created_at < @until)`

const toParameters = ({ bot_id = null, scope = null, role = null, since = null, until = null }: NullFilter) => ({
  bot_id,
  scope,
  role,
  since,
  until,
})
type NullFilter = { readonly [K in keyof Filter]: Filter[K] | null }

/** Bot, scope and role are found by, and do not count in the ranking. */
const RANK = 'bm25(passage_words, 1.0, 1.0, 0.0)'

export const openStore = (db: Database): ReadStore => {
  const model = db.prepare<[string], ModelRow>('SELECT id, dimensions FROM embedding_models WHERE name = ?')
  const vectors = db.prepare<[number], { vectors: number }>('SELECT vectors FROM passage_counts WHERE model_id = ?')
  const signsAfter = db.prepare<[number, number, number], Entry & { seq: number }>(`
    SELECT seq, signs, passage_id, bot_id, scope, role, created_at
    FROM passage_signs WHERE seq > ? AND model_id = ? ORDER BY seq LIMIT ?`)
  const measure = db.prepare<[object], Measured>(`
    SELECT p.id, p.document_id, vec_distance_l2(v.vector, @vector) AS distance
    FROM json_each(@ids) c CROSS JOIN passages p ON p.id = c.value CROSS JOIN passage_vectors v ON v.passage_id = p.id
    WHERE p.embedded_by = @model_id AND ${FILTER} ORDER BY distance`)
  const nearest = db.prepare<[object], Measured>(`
    SELECT p.id, p.document_id, vec_distance_l2(v.vector, @vector) AS distance
    FROM passages p CROSS JOIN passage_vectors v ON v.passage_id = p.id
    WHERE p.embedded_by = @model_id AND ${FILTER} ORDER BY distance LIMIT @limit`)
  const count = db.prepare<[string, number], { n: number }>(
    'SELECT count(*) AS n FROM (SELECT 1 FROM passage_words WHERE passage_words MATCH ? LIMIT ?)',
  )
  const nth = db.prepare<[string, number], { rowid: number }>(
    'SELECT rowid FROM passage_words WHERE passage_words MATCH ? ORDER BY rowid DESC LIMIT 1 OFFSET ?',
  )
  const nthBefore = db.prepare<[string, number, number], { rowid: number }>(`
    SELECT passage_words.rowid FROM passage_words CROSS JOIN passages p ON p.id = passage_words.rowid
    WHERE passage_words MATCH ? AND p.created_at < ? ORDER BY passage_words.rowid DESC LIMIT 1 OFFSET ?`)
  // Ranked before anything is looked up: a look at each of 10,000 passages takes longer than ranking them.
  const matches = db.prepare<[object], Ranked>(`
    SELECT p.id, p.document_id, -m.place AS score FROM (
      SELECT rowid AS id, ${RANK} AS place FROM passage_words
      WHERE passage_words MATCH @match AND rowid > @after ORDER BY place LIMIT @limit) m
    CROSS JOIN passages p ON p.id = m.id WHERE ${FILTER} ORDER BY m.place`)
  const matchesWithin = db.prepare<[object], Ranked>(`
    SELECT p.id, p.document_id, -${RANK} AS score FROM passage_words CROSS JOIN passages p ON p.id = passage_words.rowid
    WHERE passage_words MATCH @match AND passage_words.rowid > @after AND ${FILTER} ORDER BY score DESC LIMIT @limit`)
  const passages = db.prepare<[], { n: number }>('SELECT coalesce(sum(passages), 0) AS n FROM passage_counts')
  const text = db.prepare<[number], { text: string }>('SELECT text FROM passages WHERE id = ?')

  return {
    model: (name) => model.get(name),
    vectors: (model_id) => vectors.get(model_id)?.vectors ?? 0,
    signsAfter: (seq, model_id, limit) => signsAfter.all(seq, model_id, limit),
    measure: (vector, ids, model_id, filter) =>
      measure.all({ vector: toBlob(vector), ids: JSON.stringify(ids), model_id, ...toParameters(filter) }),
    nearest: (vector, model_id, filter, limit) =>
      nearest.all({ vector: toBlob(vector), model_id, limit, ...toParameters(filter) }),
    countMatches: (match, most) => count.get(match, most)?.n ?? 0,
    nthNewest: (match, n, until) => (until === undefined ? nth.get(match, n) : nthBefore.get(match, until, n))?.rowid ?? 0,
    matches: (match, after, filter, limit) => {
      const timed = filter.since !== undefined || filter.until !== undefined
      return (timed ? matchesWithin : matches).all({ match, after, limit, ...toParameters(filter) })
    },
    passages: () => passages.get()?.n ?? 0,
    text: (id) => text.get(id)?.text,
  }
}
