/** Memory: one handler for each method of its contract. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ServiceError } from '../../protocol/errors.ts'
import { type memory, toBytes } from '../../protocol/memory.ts'
import type { Handlers, Publisher } from '../../protocol/method.ts'
import type { Log } from '../runtime/log.ts'
import type { Retrieval } from '../runtime/retrieval/retrieval.ts'
import { auditOf } from './audit.ts'
import { digestOf } from './duplicates.ts'
import type { Embedder } from './embedder/embedder.ts'
import { type Line, readLines, toLine } from './json-lines.ts'
import { similarTo } from './notice.ts'
import { toMemory, toStock } from './presentation.ts'
import { CANDIDATES, chooseRecalled, DEFAULT_BUDGET_TOKENS, questionOf, VECTOR_MS } from './recall.ts'
import { FLOOR, relevanceOf } from './relevance.ts'
import { textOf } from './search-text.ts'
import type { MemoryRow, MemoryStore } from './store.ts'

interface MemoryDeps {
  readonly store: MemoryStore
  readonly retrieval: Retrieval
  readonly embedder: Pick<Embedder, 'embed' | 'hurried' | 'status' | 'isQuick'>
  readonly publish: Publisher<typeof memory>
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** What one transaction of an import takes at most, between which other calls are answered: lines, and characters before the last of them. */
const SLICE = 50
const SLICE_CHARS = 100_000
const MOST_PROBLEMS = 100
/** Well below what a message may have. */
const EXPORT_BYTES = 8 * 1024 * 1024
const EXPORT_ROWS = 20

/** Composes memory. What a handler answers is committed before it answers; vectors follow by themselves. */
export const createMemory = ({
  store,
  retrieval,
  embedder,
  publish,
  log,
  now = Date.now,
}: MemoryDeps): Handlers<typeof memory> => {
  const notFound = (): ServiceError => new ServiceError('not_found', 'Memory not found')

  /** Fails alike for one that is not there and for one of another bot. */
  const rowOf = (id: number, bot_id?: string | null): MemoryRow => {
    const row = store.get(id)
    if (row === undefined || (bot_id != null && row.bot_id !== bot_id)) throw notFound()
    return row
  }

  const index = ({
    id,
    bot_id,
    key,
    content,
    category,
    created_at,
  }: Omit<MemoryRow, 'updated_at' | 'use_count' | 'last_used_at'>) =>
    retrieval.put(id, textOf(key, content), { bot_id, scope: category, role: '', created_at })

  /** The number of the new memory, or undefined where the bot has that key. Within a transaction. */
  const insert = (line: Line): number | undefined => {
    const at = line.created_at ?? now()
    const key = line.key.toWellFormed()
    const content = line.content.toWellFormed()
    const category = line.category.toWellFormed()
    const row = { bot_id: line.bot_id, key, content, category, created_at: at, updated_at: line.updated_at ?? at }
    const { use_count, last_used_at = null } = line
    const id = store.insert({ ...row, use_count, last_used_at, digest: digestOf(content) })
    if (id !== undefined) index({ ...row, id })
    return id
  }

  /** Within a transaction. What is as it was needs no new vector. */
  const change = (row: MemoryRow, given: { content?: string | null | undefined; category?: string | null | undefined }): void => {
    const content = given.content?.toWellFormed() ?? row.content
    const category = given.category?.toWellFormed() ?? row.category
    store.update(row.id, { content, category, digest: digestOf(content), updated_at: now() })
    if (content !== row.content || category !== row.category) index({ ...row, content, category })
  }

  /** What was found is given out also where its use cannot be written down (the disk is full, say). */
  const countUse = (ids: readonly number[]): void => {
    if (ids.length === 0) return
    try {
      store.atomically(() => store.use(ids, now()))
    } catch (error) {
      log.warn({ err: error }, 'That memories were used could not be written down')
    }
  }

  const recallOf = (bot_id: string) => ({
    bot_id,
    ...(store.recall(bot_id) ?? { enabled: false, budget_tokens: DEFAULT_BUDGET_TOKENS }),
  })

  return {
    list: async ({ bot_id, category = '', after_id, limit }) => store.list(bot_id, category, after_id, limit).map(toMemory),

    create: async (memory, { signal }) => {
      const id = store.atomically(() => insert({ ...memory, use_count: 0 }))
      if (id === undefined) throw new ServiceError('conflict', `Memory with key '${memory.key}' already exists`)
      publish.memory_changed({ id, bot_id: memory.bot_id, change: 'created' })
      return { id, similar: await similarTo({ store, retrieval, embedder }, rowOf(id), signal) }
    },

    put: async ({ category, ...memory }) => {
      const { id, created } = store.atomically(() => {
        const known = store.byKey(memory.bot_id, memory.key.toWellFormed())
        if (known !== undefined) {
          change(known, { content: memory.content, category })
          return { id: known.id, created: false }
        }
        return { id: insert({ ...memory, category: category ?? 'general', use_count: 0 }) ?? 0, created: true }
      })
      publish.memory_changed({ id, bot_id: memory.bot_id, change: created ? 'created' : 'updated' })
      return { ...toMemory(rowOf(id)), created }
    },

    get: async ({ memory_id, bot_id }) => toMemory(rowOf(memory_id, bot_id)),

    update: async ({ memory_id, bot_id, content, category }) => {
      const before = rowOf(memory_id, bot_id)
      if (content == null && category == null) return toMemory(before)
      store.atomically(() => change(before, { content, category }))
      publish.memory_changed({ id: memory_id, bot_id: before.bot_id, change: 'updated' })
      return toMemory(rowOf(memory_id))
    },

    delete: async ({ memory_id, bot_id }) => {
      const row = store.get(memory_id)
      if (row === undefined) return { deleted: true }
      rowOf(memory_id, bot_id)
      store.atomically(() => {
        retrieval.remove(memory_id)
        store.remove(memory_id)
      })
      publish.memory_changed({ id: memory_id, bot_id: row.bot_id, change: 'deleted' })
      return { deleted: true }
    },

    search: async ({ q, limit, bot_id, category }, { signal }) => {
      const filter = { bot_id, ...(category === undefined || category === '' ? {} : { scope: category }) }
      const { hits, ways, model } = await retrieval.search({ query: q, limit, filter, signal })
      const found = hits.flatMap((hit) => {
        const row = store.get(hit.id)
        return row === undefined ? [] : [{ hit, row }]
      })
      countUse(found.filter(({ hit }) => relevanceOf(hit, q, model) >= FLOOR).map(({ row }) => row.id))
      return found.map(({ hit, row }) => {
        const { updated_at: _, ...memory } = toMemory(row)
        const { distance, text_rank, score, passage, found_by } = hit
        return { ...memory, distance, text_rank, score, passage, found_by: [...found_by], ways: [...ways], model }
      })
    },

    recall: async ({ bot_id, text, budget_tokens }, { signal }) => {
      const settings = recallOf(bot_id)
      const question = questionOf(text)
      if (!settings.enabled || question.trim() === '') return { enabled: settings.enabled, memories: [], ways: [] }
      const found = await embedder.hurried(VECTOR_MS, () =>
        retrieval.search({ query: question, limit: CANDIDATES, filter: { bot_id }, signal }),
      )
      const memories = chooseRecalled(question, found, (id) => store.get(id), budget_tokens ?? settings.budget_tokens)
      countUse(memories.map(({ id }) => id))
      return { enabled: true, memories, ways: [...found.ways] }
    },

    recall_settings: async ({ bot_id }) => recallOf(bot_id),

    set_recall: async ({ bot_id, enabled, budget_tokens }) => {
      const before = recallOf(bot_id)
      store.setRecall(bot_id, { enabled: enabled ?? before.enabled, budget_tokens: budget_tokens ?? before.budget_tokens })
      return recallOf(bot_id)
    },

    export: async ({ bot_id = '', after_id, limit }) => {
      const lines: string[] = []
      let bytes = 0
      let last = after_id
      while (lines.length < limit && bytes < EXPORT_BYTES) {
        const rows = store.after(bot_id, last, Math.min(EXPORT_ROWS, limit - lines.length))
        if (rows.length === 0) break
        for (const row of rows) {
          if (bytes >= EXPORT_BYTES) break
          const line = toLine(row)
          bytes += Buffer.byteLength(line)
          lines.push(line)
          last = row.id
        }
      }
      const isMore = store.after(bot_id, last, 1).length > 0
      const text = lines.map((line) => `${line}\n`).join('')
      return { lines: text, count: lines.length, next_after_id: isMore ? last : null }
    },

    import: async ({ lines, bot_id, existing }, { signal }) => {
      const tally = { created: 0, replaced: 0, kept: 0, refused: 0 }
      const problems: { line: number; problem: string }[] = []
      /** The last change of each bot within a transaction. */
      const changes = new Map<string, Parameters<typeof publish.memory_changed>[0]>()
      const take = (line: Line): void => {
        const { bot_id } = line
        const id = insert(line)
        const known = id === undefined ? store.byKey(bot_id, line.key.toWellFormed()) : undefined
        if (id !== undefined) {
          tally.created += 1
          changes.set(bot_id, { id, bot_id, change: 'created' })
        } else if (known !== undefined && existing === 'replace') {
          change(known, line)
          tally.replaced += 1
          changes.set(bot_id, { id: known.id, bot_id, change: 'updated' })
        } else tally.kept += 1
      }
      const all = readLines(lines, bot_id)
      for (let more = true; more; await nextTurn()) {
        signal.throwIfAborted()
        more = store.atomically(() => {
          for (let count = 0, chars = 0; count < SLICE && chars < SLICE_CHARS; count++) {
            const next = all.next()
            if (next.done === true) return false
            const read = next.value
            chars += read.chars
            if ('value' in read) take(read.value)
            else {
              tally.refused += 1
              if (problems.length < MOST_PROBLEMS) problems.push({ line: read.line, problem: read.problem })
            }
          }
          return true
        })
        for (const changed of changes.values()) publish.memory_changed(changed)
        changes.clear()
      }
      return { ...tally, problems }
    },

    audit: async (input, { signal }) => {
      const { model } = retrieval.status()
      return await auditOf(store, input, { model, now: now(), signal })
    },

    embed: async ({ texts, kind, timeout_ms }, { signal }) => {
      const { model, dimensions, vectors } = await embedder.embed(texts, { kind, signal, timeout_ms })
      return { model, dimensions, vectors: vectors.map((vector) => (vector === null ? null : toBytes(vector))) }
    },

    status: async () => {
      const { total, pending, reembedding, model } = retrieval.status()
      const embedding = embedder.status()
      // Decided on a moment ago, and retrieval has not yet met it: then none has a vector that counts.
      const isNew = embedding.model !== null && embedding.model !== model
      const ways = isNew ? { pending: total, reembedding: model === null ? null : { done: 0, total } } : { pending, reembedding }
      return { embedding, memories: store.count(), passages: total, ...ways, ...toStock(store.groups()) }
    },
  }
}
