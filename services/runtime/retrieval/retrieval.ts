/**
 * Finding texts again, by meaning and by words: the library that memory and history share.
 *
 * The thread of the service writes; a worker thread with a connection of its own searches, so that neither a long list of
 * hits nor a million vectors hold up other calls.
 *
 * - **A** The database is the truth. Memory holds hints alone: whatever they say is looked up again in SQL, with its filters.
 * - **B** A vector belongs to one model, and a distance is taken between vectors of one model only.
 * - **C** Writing never waits for an embedding and never fails because of one: what has none is pending and found by words.
 * - **D** Passages never change and their numbers are never used again; another text, or another bot, is another passage. So
 *   an embedding that arrives late meets the text it was made of, or nothing.
 */
import type { Database } from 'better-sqlite3'
import { ServiceError } from '../../../protocol/errors.ts'
import { createClosing, withSignals } from '../deadline.ts'
import type { Log } from '../log.ts'
import type { UsedShare } from '../processors.ts'
import { EmbedLoop } from './embed-loop.ts'
import { cutPassages } from './passages.ts'
import { embedQuery, type QueryVector } from './query-vector.ts'
import { Searcher } from './searcher.ts'
import { openStore } from './store.ts'
import { ownerTokens, queryTerms, splitWords } from './words.ts'

/** Vectors of texts; null where a text can have none (a language the model does not know, an empty text). Throws when no model answers. */
export type Embed = (
  texts: readonly string[],
  options: { kind: 'document' | 'query'; signal: AbortSignal; timeout_ms: number },
) => Promise<{ model: string; dimensions: number; vectors: readonly (Float32Array | null)[] }>

/** Whose a text is and what filters ask for. */
export interface Attributes {
  readonly bot_id: string
  /** The chat or category it belongs to. */
  readonly scope: string
  readonly role: string
  /** Milliseconds since 1970. */
  readonly created_at: number
}

/** What hits must have; an absent field asks for nothing. */
export interface Filter {
  readonly bot_id?: string | undefined
  readonly scope?: string | undefined
  readonly role?: string | undefined
  /** Milliseconds since 1970; that moment counts. */
  readonly since?: number | undefined
  /** Milliseconds since 1970; that moment does not count. */
  readonly until?: number | undefined
}

export type Way = 'meaning' | 'words'

export interface Hit {
  /** The number under which the text was put. */
  readonly id: number
  /** The part of the text that matches best. */
  readonly passage: string
  /** Between unit vectors, 0 (the same) to 2 (the opposite); null where query or passage has no vector of this model. */
  readonly distance: number | null
  /** Its place among those found by words, from 1; null where words did not find it. */
  readonly text_rank: number | null
  /** What the hits are ordered by; higher is better. Comparable within one search only. */
  readonly score: number
  readonly found_by: readonly Way[]
}

export interface Query {
  /** Looked at up to {@link MAX_QUERY_CHARS}. */
  readonly query: string
  /** At most {@link MAX_HITS} are given, whatever is asked for; none for 0. */
  readonly limit: number
  readonly filter?: Filter
  readonly signal?: AbortSignal
}

export interface Found {
  readonly hits: readonly Hit[]
  /** Which ways were gone, whether or not they found anything. */
  readonly ways: readonly Way[]
  /** Of the query's vector. */
  readonly model: string | null
  /** Passages that meaning cannot find yet. */
  readonly pending: number
}

export interface Status {
  /** Passages there are. */
  readonly total: number
  /** Passages that the model in use has not seen yet. */
  readonly pending: number
  /** Null before any model has answered. */
  readonly model: string | null
  /** How far the passages of another model have been taken over; null where there are none. */
  readonly reembedding: { readonly done: number; readonly total: number } | null
}

export interface Retrieval {
  /** Takes in a text, in place of what was there under this number. Runs within the caller's transaction. */
  put(id: number, text: string, attributes: Attributes): void
  /** Forgets a text. Runs within the caller's transaction. */
  remove(id: number): void
  /** Throws `invalid_input` for a query of nothing, `cancelled`, `busy` and `closing`; without a model it finds by words. */
  search(query: Query): Promise<Found>
  status(): Status
  /** Begins to embed what is pending, and goes on until {@link close}. */
  start(): void
  close(): Promise<void>
}

/** More are not read by anybody, and each costs a look into the database. */
export const MAX_HITS = 200

/** A question is shorter, and models cut what is longer. */
export const MAX_QUERY_CHARS = 2_000

export interface RetrievalOptions {
  /** Open, with the tables of `schema.sql`. A file, since the worker opens it as well. */
  readonly db: Database
  readonly embed: Embed
  readonly log: Log
  /** How long it must be silent before embedding begins; for tests. */
  readonly settle_ms?: number | undefined
  /** The share of all processors in use since the last call; for tests. */
  readonly usedShare?: UsedShare | undefined
}

/** Opens retrieval over the tables of an open database; the worker starts with the first search. */
export const openRetrieval = ({ db, embed, log, settle_ms, usedShare }: RetrievalOptions): Retrieval => {
  const store = openStore(db)
  const searcher = new Searcher({ database: db.name, log })
  const onStored = (): void => searcher.catchUp(store.model()?.name ?? null)
  const loop = new EmbedLoop({ store, embed, log, settle_ms, usedShare, onStored })
  const closing = createClosing()

  /** Words find without it: that another model is in use may have to be written down, and the disk may be full. */
  const taken = (vector: QueryVector | null): QueryVector | null => {
    try {
      if (vector !== null) loop.use(vector.model, vector.dimensions)
      return vector
    } catch (error) {
      log.warn({ err: error }, 'That another model makes the vectors could not be written down; this search goes by words')
      return null
    }
  }

  return {
    put: (id, text, attributes) => {
      const passages = cutPassages(text.toWellFormed())
      const owner = ownerTokens(attributes)
      store.put(
        id,
        passages.map((passage) => ({ text: passage, ...splitWords(passage), owner })),
        attributes,
      )
      loop.wake()
    },

    remove: (id) => store.remove(id),

    search: async ({ query, limit, filter = {}, signal }) => {
      if (query.trim() === '') throw new ServiceError('invalid_input', 'The query is empty: say what to look for')
      if (!Number.isSafeInteger(limit) || limit < 0)
        throw new ServiceError('invalid_input', `The limit is ${limit}; it must be a whole number from 0`)
      if (closing.signal.aborted) throw new ServiceError('closing')
      const text = query.toWellFormed().slice(0, MAX_QUERY_CHARS)
      const count = Math.min(limit, MAX_HITS)
      if (count === 0) return { hits: [], ways: [], model: null, pending: store.status().pending }
      return await withSignals([signal, closing.signal], async (until) => {
        const vector = taken(await embedQuery(embed, text, until, log))
        const { hits, ways } = await searcher.search(
          { terms: queryTerms(text), vector: vector?.unit ?? null, model: vector?.model ?? null, limit: count, filter },
          until,
        )
        return { hits, ways, model: vector?.model ?? null, pending: store.status().pending }
      })
    },

    status: () => store.status(),
    start: () => loop.start(),
    close: async () => {
      closing.abort(new ServiceError('closing'))
      await Promise.all([loop.close(), searcher.close()])
    },
  }
}
