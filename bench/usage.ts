/** Claude's session files: how fast millions of lines are read for the first time, in how much memory, and what a later look costs. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { openUsageStore } from '../services/metrics/usage/store.ts'
import { Usage } from '../services/metrics/usage/usage.ts'
import { packageRoot } from '../services/runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../services/runtime/sqlite.ts'
import type { Bench } from './bench.ts'
import { atMost, toRow } from './row.ts'
import type { Scope } from './scope.ts'

/** Ten million take minutes; a line costs the same. */
const LINES = 1_000_000
const FILES = 500
const SAMPLE_MS = 20
const LATER_SCANS = 5
const MEGABYTE = 1_048_576

const lineOf = (session: string, index: number, at: number): string => {
  const timestamp = new Date(at + index * 1_000).toISOString()
  const common = {
    parentUuid: null,
    isSidechain: false,
    uuid: randomUUID(),
    timestamp,
    sessionId: session,
    version: '2.1.330',
    cwd: '/chat',
  }
  if (index % 2 === 0)
    return `${JSON.stringify({ ...common, type: 'user', message: { role: 'user', content: `message ${index}` } })}\n`
  const usage = { input_tokens: 4, cache_creation_input_tokens: 300, cache_read_input_tokens: 20_000, output_tokens: 250 }
  const content = [{ type: 'text', text: 'An answer of some words, as long as most of them are.' }]
  const message = { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', model: 'claude-opus-4-8', content, usage }
  return `${JSON.stringify({ ...common, type: 'assistant', requestId: `req_${session}_${index}`, message })}\n`
}

/** Writes the files and gives the path of one of them. */
const writeFiles = async (config_dir: string, lines: number): Promise<string> => {
  const folder = join(config_dir, 'projects', '-chat')
  mkdirSync(folder, { recursive: true })
  const began = Date.now() - 20 * 86_400_000
  for (let file = 0; file < FILES; file += 1) {
    const session = randomUUID()
    const stream = createWriteStream(join(folder, `${file}.jsonl`))
    for (let index = 0; index < lines / FILES; index += 1)
      if (!stream.write(lineOf(session, index, began + file * 3_000_000))) await once(stream, 'drain')
    stream.end()
    await once(stream, 'close')
  }
  return join(folder, '0.jsonl')
}

/** The first scan of so many lines, and later ones; all in this process, whose memory is watched meanwhile. */
export const measureUsage = async (scope: Scope, lines: number) => {
  const folder = scope.folder()
  const migrations_dir = join(packageRoot(import.meta.url), 'services/metrics/migrations')
  const path = await writeFiles(folder, lines)
  const db = openDatabase({ path: join(folder, 'metrics.db'), migrations_dir, synchronous: 'NORMAL' })
  scope.after(() => closeDatabase(db))
  const usage = new Usage({ config_dir: folder, store: openUsageStore(db), log: pino({ level: 'silent' }) })
  const before = process.memoryUsage().rss
  let peak = before
  let late = 0
  let woken = performance.now()
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
    late = Math.max(late, performance.now() - woken - SAMPLE_MS)
    woken = performance.now()
  }, SAMPLE_MS)
  await usage.scan()
  clearInterval(watch)
  const first = usage.read()
  if (first.total_messages !== lines) throw new Error(`${first.total_messages} messages of ${lines} were counted`)
  const idle: number[] = []
  const one: number[] = []
  for (let round = 0; round < LATER_SCANS; round += 1) {
    await usage.scan()
    idle.push(usage.read().scan.took_ms ?? Number.NaN)
    appendFileSync(path, lineOf(randomUUID(), 1, Date.now()))
    await usage.scan()
    one.push(usage.read().scan.took_ms ?? Number.NaN)
  }
  if (usage.read().total_messages !== lines + LATER_SCANS) throw new Error('new lines were not counted')
  await usage.close()
  return {
    first_s: (first.scan.took_ms ?? 0) / 1_000,
    grown_mb: (peak - before) / MEGABYTE,
    late_ms: late,
    idle,
    one,
  }
}

export const usage: Bench = {
  summary: "Claude's session files: the first scan of a million lines, its memory, and later scans",
  run: async ({ scope }) => {
    const { first_s, grown_mb, late_ms, idle, one } = await measureUsage(scope, LINES)
    const note = `${FILES} files; beyond 128 MB it takes half of the time off, for the others`
    return [
      toRow({ what: 'session files: first scan of 1,000,000 lines', unit: 's', rounds: [first_s], n: LINES, note }),
      toRow({ what: 'session files: memory that it takes', unit: 'MB', rounds: [grown_mb], n: 1, goal: atMost(150) }),
      toRow({
        what: 'session files: longest pause of the service meanwhile',
        unit: 'ms',
        rounds: [late_ms],
        n: 1,
        goal: atMost(200),
      }),
      toRow({
        what: 'session files: a later scan with nothing new',
        unit: 'ms',
        rounds: idle,
        n: idle.length,
        goal: atMost(100),
      }),
      toRow({ what: 'session files: a later scan with one new line', unit: 'ms', rounds: one, n: one.length, goal: atMost(100) }),
    ]
  },
}
