/** The SQL of the thread that writes. */
import type { Database } from 'better-sqlite3'
import type { Attributes, Status } from './retrieval.ts'
import { toBlob, toSigns } from './signs.ts'

/** A passage with its words. */
export interface NewPassage {
  readonly text: string
  readonly latin: string
  readonly pieces: string
  readonly owner: string
}

export interface Model {
  readonly id: number
  readonly name: string
  readonly dimensions: number
}

export interface PendingPassage {
  readonly id: number
  readonly text: string
}

/** The verbs of the writing side. All run to their end before they return. */
export interface RetrievalStore {
  /** Replaces the passages of a document, within the caller's transaction if there is one. Equal texts keep their vectors. */
  put(document_id: number, passages: readonly NewPassage[], attributes: Attributes): void
  remove(document_id: number): void
  /** The model in use. */
  model(): Model | null
  /** Takes a model into use: others' vectors are pending again. */
  use(name: string, dimensions: number): Model
  /** Passages that the model in use has not seen: first those that none has, newest first. `aside` is left out. */
  pending(limit: number, aside: ReadonlySet<number>): PendingPassage[]
  /** Stores what a model made of passages; null where it can make none. What was removed meanwhile is left out. */
  embedded(model: Model, made: readonly { readonly id: number; readonly unit: Float32Array | null }[]): void
  status(): Status
}

interface Kept {
  readonly id: number
  readonly text: string
  readonly embedded_by: number
}

/** Prepares the statements over the tables of `schema.sql`. */
export const openStore = (db: Database): RetrievalStore => {
  const insert = db.prepare<unknown[], { id: number }>(`
    INSERT INTO passages (document_id, embedded_by, bot_id, scope, role, created_at, text)
    VALUES (@document_id, @embedded_by, @bot_id, @scope, @role, @created_at, @text) RETURNING id`)
  const insertWords = db.prepare('INSERT INTO passage_words (rowid, latin, pieces, owner) VALUES (@id, @latin, @pieces, @owner)')
  const kept = db.prepare<[number], Kept>('SELECT id, text, embedded_by FROM passages WHERE document_id = ? ORDER BY id')
  const drop = db.prepare<[number]>('DELETE FROM passages WHERE document_id = ?')
  const dropOne = db.prepare<[number]>('DELETE FROM passages WHERE id = ?')
  const inheritVector = db.prepare(
    'INSERT INTO passage_vectors (passage_id, vector) SELECT @id, vector FROM passage_vectors WHERE passage_id = @from',
  )
  const inheritSigns = db.prepare(`
    INSERT INTO passage_signs (passage_id, model_id, bot_id, scope, role, created_at, signs)
    SELECT p.id, s.model_id, p.bot_id, p.scope, p.role, p.created_at, s.signs
    FROM passages p, passage_signs s WHERE p.id = @id AND s.passage_id = @from`)
  const current = db.prepare<[], Model>('SELECT id, name, dimensions FROM embedding_models WHERE current = 1')
  const retire = db.prepare('UPDATE embedding_models SET current = 0')
  const appoint = db.prepare<[string, number], Model>(`
    INSERT INTO embedding_models (name, dimensions, current) VALUES (?, ?, 1)
    ON CONFLICT (name) DO UPDATE SET current = 1 RETURNING id, name, dimensions`)
  const others = db.prepare<[number], { model_id: number }>(
    'SELECT model_id FROM passage_counts WHERE model_id <> ? AND passages > 0 ORDER BY model_id',
  )
  const pendingOf = db.prepare<[number, number], PendingPassage>(
    'SELECT id, text FROM passages WHERE embedded_by = ? ORDER BY id DESC LIMIT ?',
  )
  const seen = db.prepare<[number, number]>('UPDATE passages SET embedded_by = ? WHERE id = ?')
  const forgetVector = db.prepare<[number]>('DELETE FROM passage_vectors WHERE passage_id = ?')
  const forgetSigns = db.prepare<[number]>('DELETE FROM passage_signs WHERE passage_id = ?')
  const insertVector = db.prepare<[number, Buffer]>('INSERT INTO passage_vectors (passage_id, vector) VALUES (?, ?)')
  const insertSigns = db.prepare<[number, Uint8Array, number]>(`
    INSERT INTO passage_signs (passage_id, model_id, bot_id, scope, role, created_at, signs)
    SELECT id, ?, bot_id, scope, role, created_at, ? FROM passages WHERE id = ?`)
  const counts = db.prepare<[], { model_id: number; passages: number }>('SELECT model_id, passages FROM passage_counts')

  const put = db.transaction((document_id: number, passages: readonly NewPassage[], attributes: Attributes): void => {
    const before = kept.all(document_id)
    for (const { text, ...words } of passages) {
      const same = before.find((old) => old.text === text)
      const made = insert.get({ ...attributes, document_id, text, embedded_by: same?.embedded_by ?? 0 })
      if (made === undefined) throw new Error('SQLite gave no number for a passage')
      insertWords.run({ ...words, id: made.id })
      if (same === undefined) continue
      inheritVector.run({ id: made.id, from: same.id })
      inheritSigns.run({ id: made.id, from: same.id })
    }
    for (const { id } of before) dropOne.run(id)
  })

  const use = db.transaction((name: string, dimensions: number): Model => {
    retire.run()
    const made = appoint.get(name, dimensions)
    if (made === undefined) throw new Error('SQLite gave no number for a model')
    if (made.dimensions !== dimensions)
      throw new Error(
        `The model ${name} had ${made.dimensions} dimensions and now has ${dimensions}: its vectors cannot be compared`,
      )
    return made
  })

  const embedded = db.transaction((model: Model, made: readonly { id: number; unit: Float32Array | null }[]): void => {
    for (const { id, unit } of made) {
      if (seen.run(model.id, id).changes === 0) continue
      forgetVector.run(id)
      forgetSigns.run(id)
      if (unit === null) continue
      insertVector.run(id, toBlob(unit))
      insertSigns.run(model.id, toSigns(unit), id)
    }
  })

  return {
    put,
    remove: (document_id) => void drop.run(document_id),
    model: () => current.get() ?? null,
    use: (name, dimensions) => {
      const known = current.get()
      return known?.name === name && known.dimensions === dimensions ? known : use.immediate(name, dimensions)
    },
    pending: (limit, aside) => {
      const found: PendingPassage[] = []
      for (const { model_id } of others.all(current.get()?.id ?? -1)) {
        for (const passage of pendingOf.all(model_id, limit + aside.size)) {
          if (found.length === limit) return found
          if (!aside.has(passage.id)) found.push(passage)
        }
      }
      return found
    },
    embedded: (model, made) => embedded.immediate(model, made),
    status: () => {
      const model = current.get() ?? null
      const rows = counts.all()
      const of = (wanted: (id: number) => boolean): number =>
        rows.filter(({ model_id }) => wanted(model_id)).reduce((sum, { passages }) => sum + passages, 0)
      const total = of(() => true)
      const done = model === null ? 0 : of((id) => id === model.id)
      const foreign = of((id) => id !== 0 && id !== model?.id)
      return { total, pending: total - done, model: model?.name ?? null, reembedding: foreign === 0 ? null : { done, total } }
    },
  }
}
