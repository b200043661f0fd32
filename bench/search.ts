/**
 * Search by meaning and by words at once, beside plain sqlite-vec in the same run: 10,000 and 100,000 messages, and with
 * `BENCH_MILLION=1` a million (some minutes to make, 8 GB of disk).
 */
import { closeSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import Database from 'better-sqlite3'
import * as sqliteVec from 'sqlite-vec'
import { createLog } from '../services/runtime/log.ts'
import { packageRoot } from '../services/runtime/package-root.ts'
import { type Embed, openRetrieval, type Retrieval } from '../services/runtime/retrieval/retrieval.ts'
import { toBlob } from '../services/runtime/retrieval/signs.ts'
import { openStore } from '../services/runtime/retrieval/store.ts'
import { openReader } from '../services/runtime/retrieval/worker/reader.ts'
import type { Bench } from './bench.ts'
import { atLeast, atMost, type Row, toRow } from './row.ts'
import type { Scope } from './scope.ts'
import { DIMENSIONS, messageOf, questionOf } from './search-data/corpus.ts'
import { quantile } from './statistics.ts'

const MODEL = 'dice:768'
const SEARCHES = 200
/** Plain sqlite-vec and the exact way look at every vector: a few searches say as much. */
const SLOW_SEARCHES = 20
const AT_ONCE = 2_000

/** What each size has to hold, in milliseconds. */
const GOALS: Readonly<Record<number, { p50: number; p99?: number }>> = {
  10000: { p50: 15, p99: 60 },
  100000: { p50: 15, p99: 60 },
  1000000: { p50: 60 },
}

const log = createLog({ service: 'bench', level: 'warn' })

/** Questions carry their number as their first word. */
const embedAt =
  (size: number): Embed =>
  async (texts) => ({
    model: MODEL,
    dimensions: DIMENSIONS,
    vectors: texts.map((text) => questionOf(Number(/^q(\d+)/.exec(text)?.[1]), size).unit),
  })

/** A database of `size` messages, and the same vectors in a vec0 table of sqlite-vec. */
export const fill = (folder: string, size: number): Database.Database => {
  const db = new Database(join(folder, 'search.db'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = OFF')
  db.pragma('foreign_keys = ON')
  sqliteVec.load(db)
  db.exec(readFileSync(join(packageRoot(import.meta.url), 'services/runtime/retrieval/schema.sql'), 'utf8'))
  db.exec(`CREATE VIRTUAL TABLE plain USING vec0 (vector float[${DIMENSIONS}])`)
  const retrieval = openRetrieval({ db, embed: embedAt(size), log })
  const store = openStore(db)
  const model = store.use(MODEL, DIMENSIONS)
  const plain = db.prepare('INSERT INTO plain (rowid, vector) VALUES (?, ?)')
  const part = db.transaction((first: number, last: number): void => {
    for (let id = first; id <= last; id += 1) {
      const { text, unit, ...attributes } = messageOf(id, size)
      retrieval.put(id, text, attributes)
      // One message, one passage: the numbers are the same.
      store.embedded(model, [{ id, unit }])
      plain.run(BigInt(id), toBlob(unit))
    }
  })
  for (let first = 1; first <= size; first += AT_ONCE) part(first, Math.min(size, first + AT_ONCE - 1))
  db.pragma('wal_checkpoint(TRUNCATE)')
  // What was filled is on the disk before anything is measured: the kernel would write gigabytes of it meanwhile.
  const file = openSync(db.name, 'r')
  fsyncSync(file)
  closeSync(file)
  return db
}

interface Timed {
  readonly ms: number[]
  readonly loop_ms: number
}

/** Searches one after the other, and how long the event loop of the caller was held up meanwhile; `all` gathers that over rounds. */
const timeSearches = async (
  retrieval: Retrieval,
  { size, round, filtered, all }: { size: number; round: number; filtered: boolean; all?: IntervalHistogram },
): Promise<Timed> => {
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  all?.enable()
  const ms: number[] = []
  for (let index = 0; index < SEARCHES; index += 1) {
    const number = round * SEARCHES + index
    const query = `q${number} ${questionOf(number, size).text}`
    const began = performance.now()
    await retrieval.search({ query, limit: 10, filter: filtered ? { bot_id: 'bot1' } : {} })
    ms.push(performance.now() - began)
  }
  loop.disable()
  all?.disable()
  return { ms, loop_ms: loop.percentile(99.9) / 1e6 }
}

const measure = async (scope: Scope, size: number, rounds: number): Promise<Row[]> => {
  const folder = scope.folder()
  const began = performance.now()
  const db = fill(folder, size)
  const made_s = (performance.now() - began) / 1_000
  const retrieval = openRetrieval({ db, embed: embedAt(size), log })
  scope.after(async () => {
    await retrieval.close()
    db.close()
  })
  const reader = openReader(db.name)
  scope.after(() => reader.close())

  const opened = performance.now()
  await retrieval.search({ query: 'q0 first', limit: 10 })
  const first_ms = performance.now() - opened
  await timeSearches(retrieval, { size, round: 1_000, filtered: false })

  const all = monitorEventLoopDelay({ resolution: 1 })
  const found: Timed[] = []
  const ofOneBot: Timed[] = []
  for (let round = 0; round < rounds; round += 1) {
    found.push(await timeSearches(retrieval, { size, round, filtered: false, all }))
    ofOneBot.push(await timeSearches(retrieval, { size, round: round + rounds, filtered: true }))
  }

  // The exact nearest, by sqlite-vec's own function over the same rows, and by its vec0 table.
  const exact = reader.prepare<[Buffer], { id: number }>(
    'SELECT passage_id AS id FROM passage_vectors ORDER BY vec_distance_l2(vector, ?) LIMIT 10',
  )
  const plain = reader.prepare<[Buffer], { id: number }>('SELECT rowid AS id FROM plain WHERE vector MATCH ? AND k = 10')
  const plain_ms: number[] = []
  let right = 0
  for (let index = 0; index < SLOW_SEARCHES; index += 1) {
    const { unit } = questionOf(index, size)
    const truth = new Set(exact.all(toBlob(unit)).map(({ id }) => id))
    const start = performance.now()
    plain.all(toBlob(unit))
    plain_ms.push(performance.now() - start)
    // A query without words to look for goes by meaning alone.
    const { hits } = await retrieval.search({ query: `q${index}`, limit: 10 })
    right += hits.filter(({ id }) => truth.has(id)).length
  }

  const name = size.toLocaleString('en-US')
  const goal = GOALS[size] ?? { p50: Number.POSITIVE_INFINITY }
  const n = SEARCHES * rounds
  const each = (timed: readonly Timed[], share: number): number[] => timed.map(({ ms }) => quantile(ms, share))
  const { p99 } = goal
  return [
    toRow({ what: `${name}: hybrid search, p50`, unit: 'ms', rounds: each(found, 0.5), n, goal: atMost(goal.p50) }),
    toRow({
      what: `${name}: hybrid search, p99`,
      unit: 'ms',
      rounds: each(found, 0.99),
      n,
      ...(p99 === undefined ? {} : { goal: atMost(p99) }),
    }),
    toRow({ what: `${name}: of one bot, p50`, unit: 'ms', rounds: each(ofOneBot, 0.5), n }),
    toRow({ what: `${name}: of one bot, p99`, unit: 'ms', rounds: each(ofOneBot, 0.99), n }),
    toRow({
      what: `${name}: other calls held up, p99.9`,
      unit: 'ms',
      rounds: found.map(({ loop_ms }) => loop_ms),
      // A round has about 1,600 samples: its p99.9 is little else than its longest.
      value: all.percentile(99.9) / 1e6,
      n: all.count,
      goal: atMost(10),
    }),
    toRow({
      what: `${name}: recall@10 against exact`,
      unit: '',
      rounds: [right / (SLOW_SEARCHES * 10)],
      n: SLOW_SEARCHES,
      goal: atLeast(0.98),
    }),
    toRow({
      what: `${name}: plain sqlite-vec (vec0), p50`,
      unit: 'ms',
      rounds: [quantile(plain_ms, 0.5)],
      n: SLOW_SEARCHES,
      note: 'yardstick, by meaning alone',
    }),
    toRow({ what: `${name}: first search, signs not read yet`, unit: 'ms', rounds: [first_ms], n: 1 }),
    toRow({
      what: `${name}: taking in a message, vector included`,
      unit: 'ms',
      rounds: [(made_s * 1_000) / size],
      n: size,
      note: 'twice: also into vec0',
    }),
    toRow({
      what: `${name}: memory of the process, mapped file included`,
      unit: 'MB',
      rounds: [process.memoryUsage.rss() / 1_048_576],
      n: 1,
    }),
  ]
}

export const search: Bench = {
  summary: 'Finding messages by meaning and by words at once',
  run: async ({ rounds, scope }) => {
    const sizes = [10_000, 100_000, ...(process.env.BENCH_MILLION === '1' ? [1_000_000] : [])]
    const rows: Row[] = []
    for (const size of sizes) rows.push(...(await measure(scope, size, rounds)))
    return rows
  },
}
