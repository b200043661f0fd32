/** The only SQL of memory. */
import type { Database } from 'better-sqlite3'
import type { Decision, Model } from './embedder/choice.ts'

/** A memory as it is kept. Moments are milliseconds since 1970. */
export interface MemoryRow {
  readonly id: number
  readonly bot_id: string
  readonly key: string
  readonly content: string
  readonly category: string
  readonly created_at: number
  readonly updated_at: number
  readonly use_count: number
  readonly last_used_at: number | null
}

/** What is written of a memory; `digest` is of its content. */
export type NewMemory = Omit<MemoryRow, 'id'> & { readonly digest: Buffer }

/** A memory by its name only. */
export interface NameRow {
  readonly id: number
  readonly key: string
}

/** What the audit looks at, without the content. */
export interface AuditRow extends NameRow {
  readonly digest: Buffer
  readonly chars: number
  readonly created_at: number
  readonly use_count: number
}

export interface RecallRow {
  readonly enabled: boolean
  readonly budget_tokens: number
}

/** The verbs in which memory speaks to its database. All of them run to their end before they return. */
export interface MemoryStore {
  /** Runs the work in one transaction. */
  atomically<T>(work: () => T): T
  /** The memories of a bot, newest change first, behind one of them; 0: all. An empty category is any. */
  list(bot_id: string, category: string, after_id: number | undefined, limit: number): MemoryRow[]
  get(id: number): MemoryRow | undefined
  byKey(bot_id: string, key: string): MemoryRow | undefined
  /** The number of the new row, or undefined where the bot has that key already. */
  insert(memory: NewMemory): number | undefined
  update(id: number, memory: Pick<NewMemory, 'content' | 'category' | 'digest' | 'updated_at'>): void
  remove(id: number): void
  /** Counts one use of each. */
  use(ids: readonly number[], now: number): void
  /** Other memories of the bot with the same content, oldest first. */
  sameContent(bot_id: string, digest: Buffer, but: number, limit: number): NameRow[]
  /** Memories by number, of a bot or of all where it is empty. */
  after(bot_id: string, after_id: number, limit: number): MemoryRow[]
  /** The memories of a bot by number, as the audit looks at them. */
  audit(bot_id: string): AuditRow[]
  /** The vectors of one model, of passages of a bot's memories behind one of them, by the memory's number. */
  vectors(bot_id: string, model: string, after_id: number, limit: number): { readonly id: number; readonly vector: Buffer }[]
  /** The vectors of one model, of passages of these memories. */
  vectorsOf(ids: readonly number[], model: string): { readonly id: number; readonly vector: Buffer }[]
  count(): number
  /** How many memories there are by bot and category, the largest first, at most 5,000 pairs. Moments in milliseconds since 1970. */
  groups(): { bot_id: string; category: string; memories: number; oldest: number; newest: number }[]
  recall(bot_id: string): RecallRow | undefined
  setRecall(bot_id: string, row: RecallRow): void
  lastChoice(now: number): { readonly model: Model | null; readonly changed_at: readonly number[] }
  keepChoice(decision: Decision, now: number): void
}

const COLUMNS = 'id, bot_id, key, content, category, created_at, updated_at, use_count, last_used_at'
const DAY_MS = 86_400_000

/** Prepares the statements of an open, migrated database. */
export const openStore = (db: Database): MemoryStore => {
  const get = db.prepare<[number], MemoryRow>(`SELECT ${COLUMNS} FROM memories WHERE id = ?`)
  const byKey = db.prepare<[string, string], MemoryRow>(`SELECT ${COLUMNS} FROM memories WHERE bot_id = ? AND key = ?`)
  // The row that the caller saw last may have been changed or deleted since: then its number alone says where to go on.
  const list = db.prepare(`
    SELECT ${COLUMNS} FROM memories
    WHERE bot_id = @bot_id AND (@category = '' OR category = @category) AND (@after_id IS NULL OR (updated_at, id) <
      (coalesce((SELECT updated_at FROM memories WHERE id = @after_id), ${Number.MAX_SAFE_INTEGER}), @after_id))
    ORDER BY updated_at DESC, id DESC LIMIT @limit`)
  const insert = db.prepare(`
    INSERT INTO memories (bot_id, key, content, category, created_at, updated_at, use_count, last_used_at, digest)
    VALUES (@bot_id, @key, @content, @category, @created_at, @updated_at, @use_count, @last_used_at, @digest)
    ON CONFLICT (bot_id, key) DO NOTHING RETURNING id`)
  const update = db.prepare(`
    UPDATE memories SET content = @content, category = @category, digest = @digest, updated_at = @updated_at WHERE id = @id`)
  const remove = db.prepare('DELETE FROM memories WHERE id = ?')
  const use = db.prepare('UPDATE memories SET use_count = use_count + 1, last_used_at = ? WHERE id = ?')
  const same = db.prepare<[string, Buffer, number, number], NameRow>(
    'SELECT id, key FROM memories WHERE bot_id = ? AND digest = ? AND id <> ? ORDER BY id LIMIT ?',
  )
  const afterOfAll = db.prepare<[number, number], MemoryRow>(`SELECT ${COLUMNS} FROM memories WHERE id > ? ORDER BY id LIMIT ?`)
  const afterOfBot = db.prepare<[string, number, number], MemoryRow>(
    `SELECT ${COLUMNS} FROM memories WHERE bot_id = ? AND id > ? ORDER BY id LIMIT ?`,
  )
  const audit = db.prepare<[string], AuditRow>(`
    SELECT id, key, digest, length(content) AS chars, created_at, use_count FROM memories WHERE bot_id = ? ORDER BY id`)
  const vectors = db.prepare<[string, string, number, number], { id: number; vector: Buffer }>(`
    SELECT passages.document_id AS id, passage_vectors.vector AS vector
    FROM passages JOIN passage_vectors ON passage_vectors.passage_id = passages.id
    WHERE passages.bot_id = ? AND passages.embedded_by = (SELECT id FROM embedding_models WHERE name = ?)
      AND passages.document_id > ?
    ORDER BY passages.document_id, passages.id LIMIT ?`)
  const vectorsOf = db.prepare<[number, string], { id: number; vector: Buffer }>(`
    SELECT passages.document_id AS id, passage_vectors.vector AS vector
    FROM passages JOIN passage_vectors ON passage_vectors.passage_id = passages.id
    WHERE passages.document_id = ? AND passages.embedded_by = (SELECT id FROM embedding_models WHERE name = ?)`)
  const count = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM memories')
  const groups = db.prepare<[], ReturnType<MemoryStore['groups']>[number]>(`
    SELECT bot_id, category, count(*) AS memories, min(created_at) AS oldest, max(created_at) AS newest
    FROM memories GROUP BY bot_id, category ORDER BY memories DESC, bot_id, category LIMIT 5000`)
  const recall = db.prepare<[string], { enabled: number; budget_tokens: number }>(
    'SELECT enabled, budget_tokens FROM recall_settings WHERE bot_id = ?',
  )
  const setRecall = db.prepare(`
    INSERT INTO recall_settings (bot_id, enabled, budget_tokens) VALUES (?, ?, ?)
    ON CONFLICT (bot_id) DO UPDATE SET enabled = excluded.enabled, budget_tokens = excluded.budget_tokens`)
  const lastChoice = db.prepare<[], { name: string; dimensions: number }>(
    'SELECT model AS name, dimensions FROM embedding_choices ORDER BY id DESC LIMIT 1',
  )
  const changes = db.prepare<[number], { chosen_at: number }>(
    'SELECT chosen_at FROM embedding_choices WHERE is_change = 1 AND chosen_at > ? ORDER BY id',
  )
  const keepChoice = db.prepare('INSERT INTO embedding_choices (model, dimensions, is_change, chosen_at) VALUES (?, ?, ?, ?)')

  return {
    atomically: (work) => db.transaction(work).immediate(),
    list: (bot_id, category, after_id, limit) =>
      list.all({ bot_id, category, after_id: after_id ?? null, limit: limit === 0 ? -1 : limit }) as MemoryRow[],
    get: (id) => get.get(id),
    byKey: (bot_id, key) => byKey.get(bot_id, key),
    insert: (memory) => (insert.get(memory) as { id: number } | undefined)?.id,
    update: (id, memory) => void update.run({ ...memory, id }),
    remove: (id) => void remove.run(id),
    use: (ids, now) => {
      for (const id of ids) use.run(now, id)
    },
    sameContent: (bot_id, digest, but, limit) => same.all(bot_id, digest, but, limit),
    after: (bot_id, after_id, limit) =>
      bot_id === '' ? afterOfAll.all(after_id, limit) : afterOfBot.all(bot_id, after_id, limit),
    audit: (bot_id) => audit.all(bot_id),
    vectors: (bot_id, model, after_id, limit) => vectors.all(bot_id, model, after_id, limit),
    vectorsOf: (ids, model) => ids.flatMap((id) => vectorsOf.all(id, model)),
    count: () => count.get()?.n ?? 0,
    groups: () => groups.all(),
    recall: (bot_id) => {
      const row = recall.get(bot_id)
      return row === undefined ? undefined : { ...row, enabled: row.enabled === 1 }
    },
    setRecall: (bot_id, { enabled, budget_tokens }) => void setRecall.run(bot_id, enabled ? 1 : 0, budget_tokens),
    lastChoice: (now) => ({
      model: lastChoice.get() ?? null,
      changed_at: changes.all(now - DAY_MS).map(({ chosen_at }) => chosen_at),
    }),
    keepChoice: ({ model, isChange }, now) => void keepChoice.run(model.name, model.dimensions, isChange ? 1 : 0, now),
  }
}
