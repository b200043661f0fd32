/**
 * How often what is looked for is among the first five: by meaning, by words, and by both joined.
 *
 * 220 questions about 220 messages, written by hand before anything was tuned (`search-data/*.tsv`, under the licence of this
 * repository): each message has a neighbour that answers neither question, one question in other words and one by names.
 * Messages with an even line number were there to tune on; the figures are those of the others. The model is the one that is
 * built in and reads English only, so that Chinese is found by words; with `OLLAMA_BASE_URL` set, Ollama's.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Ollama } from 'ollama'
import { EMBEDDED_DIMENSIONS, EMBEDDED_MODEL, EmbeddedModel } from '../services/memory/embedder/embedded.ts'
import { createLog } from '../services/runtime/log.ts'
import { packageRoot } from '../services/runtime/package-root.ts'
import { type Embed, openRetrieval, type Way } from '../services/runtime/retrieval/retrieval.ts'
import { toUnit } from '../services/runtime/retrieval/signs.ts'
import type { Bench } from './bench.ts'
import { type Row, toRow } from './row.ts'
import type { Scope } from './scope.ts'
import { dice } from './search-data/corpus.ts'
import { quantile } from './statistics.ts'

const FIRST = 5
const RESAMPLES = 2_000
const log = createLog({ service: 'bench', level: 'error' })

interface Question {
  readonly query: string
  readonly answer: number
  readonly language: string
  readonly kind: 'other words' | 'names'
  readonly tuned: boolean
}

const DATA = join(packageRoot(import.meta.url), 'bench/search-data')

const read = (): { messages: Map<number, string>; questions: Question[] } => {
  const messages = new Map<number, string>()
  const questions: Question[] = []
  for (const language of ['en', 'zh']) {
    const lines = readFileSync(join(DATA, `${language}.tsv`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
    for (const [index, line] of lines.entries()) {
      const [message = '', neighbour = '', meant = '', named = ''] = line.split('\t')
      const answer = messages.size + 1
      messages.set(answer, message)
      messages.set(answer + 1, neighbour)
      const common = { answer, language, tuned: index % 2 === 1 }
      questions.push({ ...common, query: meant, kind: 'other words' }, { ...common, query: named, kind: 'names' })
    }
  }
  return { messages, questions }
}

const openEmbed = (scope: Scope): Embed => {
  const host = process.env.OLLAMA_BASE_URL
  if (host !== undefined) {
    const ollama = new Ollama({ host })
    const name = process.env.OLLAMA_EMBED_MODEL ?? 'nomic-embed-text'
    return async (texts, { kind }) => {
      const prefix = kind === 'query' ? 'search_query: ' : 'search_document: '
      const { embeddings } = await ollama.embed({ model: name, input: texts.map((text) => prefix + text) })
      const dimensions = embeddings[0]?.length ?? 0
      return { model: `ollama:${name}:${dimensions}`, dimensions, vectors: embeddings.map((vector) => Float32Array.from(vector)) }
    }
  }
  const model = new EmbeddedModel({ log })
  scope.after(() => model.close())
  return async (texts, { kind, signal }) => ({
    model: EMBEDDED_MODEL,
    dimensions: EMBEDDED_DIMENSIONS,
    vectors: await model.embed(texts, kind, signal),
  })
}

/** The middle 95 % of what other draws of the same questions would have given. */
const interval = (values: readonly number[]): readonly [number, number] => {
  const roll = dice(4_711)
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0
    for (let drawn = 0; drawn < values.length; drawn += 1) sum += values[Math.floor(roll() * values.length)] as number
    return sum / values.length
  })
  return [quantile(means, 0.025), quantile(means, 0.975)]
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** 1 where the answer is among the first, in the order of the questions. */
type Scores = Readonly<Record<'hybrid' | Way, number[]>>

const ask = async (scope: Scope, questions: readonly Question[], messages: ReadonlyMap<number, string>): Promise<Scores> => {
  const db = new Database(join(scope.folder(), 'quality.db'))
  scope.after(() => db.close())
  db.pragma('journal_mode = WAL')
  db.pragma('foreign_keys = ON')
  db.exec(readFileSync(join(packageRoot(import.meta.url), 'services/runtime/retrieval/schema.sql'), 'utf8'))
  const embed = openEmbed(scope)
  const none: Embed = async () => {
    throw new Error('by words alone')
  }
  const both = openRetrieval({ db, embed, log, settle_ms: 0 })
  scope.after(() => both.close())
  for (const [id, text] of messages) both.put(id, text, { bot_id: 'b', scope: 's', role: 'user', created_at: 0 })
  both.start()
  while (both.status().pending > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  const words = openRetrieval({ db, embed: none, log })
  scope.after(() => words.close())
  const vectors = db.prepare<[], { id: number; vector: Buffer }>(
    'SELECT p.document_id AS id, v.vector FROM passage_vectors v JOIN passages p ON p.id = v.passage_id',
  )
  const units = vectors.all().map(({ id, vector }) => ({ id, unit: new Float32Array(new Uint8Array(vector).buffer) }))
  const byVector = async (query: string): Promise<number[]> => {
    const { vectors } = await embed([query], { kind: 'query', signal: new AbortController().signal, timeout_ms: 10_000 })
    const asked = vectors[0] ? toUnit(vectors[0]) : null
    if (asked === null) return []
    const near = units.map(({ id, unit }) => ({ id, dot: unit.reduce((sum, value, at) => sum + value * (asked[at] ?? 0), 0) }))
    return near.sort((a, b) => b.dot - a.dot).map(({ id }) => id)
  }
  const scores: Scores = { hybrid: [], meaning: [], words: [] }
  for (const { query, answer } of questions) {
    const found = async (by: typeof both) => (await by.search({ query, limit: FIRST })).hits.map(({ id }) => id)
    scores.hybrid.push((await found(both)).includes(answer) ? 1 : 0)
    scores.words.push((await found(words)).includes(answer) ? 1 : 0)
    scores.meaning.push((await byVector(query)).slice(0, FIRST).includes(answer) ? 1 : 0)
  }
  return scores
}

export const searchQuality: Bench = {
  summary: `How often the answer is among the first ${FIRST}, on questions that were not tuned on`,
  run: async ({ scope }) => {
    const { messages, questions } = read()
    const half = questions.filter(({ tuned }) => (process.env.SEARCH_HALF === 'tuned' ? tuned : !tuned))
    const scores = await ask(scope, half, messages)
    const row = (what: string, values: readonly number[], note = ''): Row => {
      const [low, high] = interval(values)
      return toRow({ what, unit: '', value: mean(values), rounds: [low, high], n: values.length, note: note || '95 % beside it' })
    }
    const groups: readonly (readonly [string, (question: Question) => boolean])[] = [
      ['all', () => true],
      ['English', ({ language }) => language === 'en'],
      ['English, in other words', ({ language, kind }) => language === 'en' && kind === 'other words'],
      ['English, by names', ({ language, kind }) => language === 'en' && kind === 'names'],
      ['Chinese', ({ language }) => language === 'zh'],
    ]
    const rows = groups.flatMap(([name, belongs]) => {
      const pick = (values: readonly number[]) => values.filter((_, index) => belongs(half[index] as Question))
      return (['hybrid', 'meaning', 'words'] as const).map((way) =>
        row(`${name}: recall@${FIRST}, ${way === 'hybrid' ? way : `${way} alone`}`, pick(scores[way])),
      )
    })
    // Above by more than chance: the interval of the difference, question by question, lies above zero.
    const beats = (way: Way): Row => {
      const [low, high] = interval(scores.hybrid.map((value, index) => value - (scores[way][index] ?? 0)))
      return toRow({
        what: `all: hybrid − ${way} alone, lower end of 95 %`,
        unit: '',
        rounds: [low, high],
        value: low,
        n: half.length,
        goal: { is: 'at least', limit: 0.001 },
      })
    }
    return [...rows, beats('meaning'), beats('words')]
  },
}
