/** A retrieval over a database of its own, and a model whose vectors a test can foresee. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { createLog } from '../../../../services/runtime/log.ts'
import { packageRoot } from '../../../../services/runtime/package-root.ts'
import type { UsedShare } from '../../../../services/runtime/processors.ts'
import { type Attributes, type Embed, openRetrieval, type Retrieval } from '../../../../services/runtime/retrieval/retrieval.ts'
import { atEnd, eventually, type Scope, tempDir } from '../../../harness.ts'

/** Directions by word: texts that share words lie near each other. `dimensions` directions, one a word, by its letters. */
export const toyVector = (text: string, dimensions: number): Float32Array => {
  const vector = new Float32Array(dimensions)
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
    let sum = 7
    for (const letter of word) sum = (sum * 31 + letter.charCodeAt(0)) % 1_000_003
    for (let index = 0; index < dimensions; index += 1)
      vector[index] = (vector[index] as number) + Math.sin((sum + 1) * (index + 1) * 12.9898)
  }
  return vector
}

/** A model that can be renamed, silenced and made to talk nonsense. Texts of other scripts get no vector. */
export class ToyModel {
  name = 'toy:64'
  dimensions = 64
  /** Runs before each answer; may throw or wait. */
  before: (texts: readonly string[], kind: 'document' | 'query', signal: AbortSignal) => void | Promise<void> = () => undefined
  /** Changes what is answered. */
  bend: (vectors: (Float32Array | null)[]) => (Float32Array | null)[] = (vectors) => vectors
  asked = 0

  readonly embed: Embed = async (texts, { kind, signal }) => {
    this.asked += 1
    const { name: model, dimensions } = this
    await this.before(texts, kind, signal)
    const vectors = texts.map((text) => (/[a-z]/i.test(text) ? toyVector(text, dimensions) : null))
    return { model, dimensions, vectors: this.bend(vectors) }
  }
}

export const NOON = Date.UTC(2026, 10, 22, 12)

export const attributes = (given: Partial<Attributes> = {}): Attributes => ({
  bot_id: 'default',
  scope: 'chat',
  role: 'user',
  created_at: NOON,
  ...given,
})

const SCHEMA = path.join(packageRoot(import.meta.url), 'services/runtime/retrieval/schema.sql')

/** Opens the file, and makes the tables where they are missing. */
export const openFile = (t: Scope, file: string): Database.Database => {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = OFF')
  db.pragma('foreign_keys = ON')
  if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'passages'").get() === undefined) db.exec(readFileSync(SCHEMA, 'utf8'))
  atEnd(t, () => void db.close())
  return db
}

export interface Rig {
  readonly db: Database.Database
  readonly file: string
  readonly model: ToyModel
  readonly retrieval: Retrieval
  /** Resolves when nothing is pending. */
  settled(): Promise<void>
}

interface RigOptions {
  readonly file?: string
  readonly start?: boolean
  readonly settle_ms?: number
  readonly usedShare?: UsedShare
}

/** A retrieval on a machine that has nothing else to do, unless told. */
export const openRig = (t: Scope, options: RigOptions = {}): Rig => {
  const { file = path.join(tempDir(t), 'retrieval.db'), start = true, settle_ms = 0, usedShare = () => 0 } = options
  const db = openFile(t, file)
  const model = new ToyModel()
  const log = createLog({ service: 'test', level: 'silent' })
  const retrieval = openRetrieval({ db, embed: model.embed, log, settle_ms, usedShare })
  atEnd(t, () => retrieval.close())
  if (start) retrieval.start()
  const settled = async (): Promise<void> => {
    await eventually(() => retrieval.status().pending === 0, { timeout_ms: 30_000 })
  }
  return { db, file, model, retrieval, settled }
}
