import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { Reader } from '../../../services/metrics/usage/reader.ts'
import { openUsageStore } from '../../../services/metrics/usage/store.ts'
import { Usage } from '../../../services/metrics/usage/usage.ts'
import { atEnd, checkLeaks, type Scope, tempDir } from '../../harness.ts'
import fc from '../../property.ts'
import { openMetricsDatabase } from './rig.ts'
import { answerLine, openProjects, otherLine, userLine } from './session-files.ts'

checkLeaks()

const log = pino({ level: 'silent' })
const MORNING = '2026-11-21T10:00:00.000Z'
const NEXT = '2026-11-22T10:00:00.000Z'
const now = () => Date.parse('2026-11-22T12:00:00.000Z')

const openUsage = (t: Scope, config_dir = tempDir(t)) => {
  const store = openUsageStore(openMetricsDatabase(t))
  const usage = new Usage({ config_dir, store, log, now })
  atEnd(t, () => usage.close())
  return { usage, store, config_dir, projects: openProjects(config_dir) }
}

test('usage - nothing is there: nothing is counted', async (t) => {
  const { usage } = openUsage(t)
  await usage.scan()
  const { total_messages, total_requests, first_session_date, context_avg, scan } = usage.read()
  assert.deepEqual([total_messages, total_requests, first_session_date, context_avg, scan.files], [0, 0, null, 0, 0])
})

test('usage - tokens are summed by model and day, and each answer counts once however many lines it has', async (t) => {
  const { usage, projects } = openUsage(t)
  projects.write('a/one.jsonl', [
    otherLine('one', MORNING),
    userLine('one', MORNING),
    // Around the stroke of an hour; the last line of an answer knows its whole output.
    answerLine('one', '2026-11-21T10:59:59.000Z', { input: 10, output: 1, read: 100, created: 3 }, { id: 'msg_1' }),
    userLine('one', MORNING),
    answerLine('one', '2026-11-21T11:00:01.000Z', { input: 10, output: 7, read: 100, created: 3 }, { id: 'msg_1' }),
    answerLine('one', '2026-11-21T11:00:02.000Z', { input: 10, output: 7, read: 100, created: 3 }, { id: 'msg_1' }),
    answerLine('one', NEXT, { input: 1, output: 2, read: 0, created: 0 }, { model: 'claude-haiku' }),
    answerLine('one', NEXT, { input: 9, output: 9 }, { model: '<synthetic>' }),
  ])
  await usage.scan()
  const { model_usage, daily_models, daily_activity, total_messages, total_sessions, total_requests, context_max, context_avg } =
    usage.read()
  const opus = { input_tokens: 10, output_tokens: 7, cache_read_tokens: 100, cache_creation_tokens: 3, requests: 1 }
  const haiku = { input_tokens: 1, output_tokens: 2, cache_read_tokens: 0, cache_creation_tokens: 0, requests: 1 }
  assert.deepEqual(model_usage, { 'claude-opus-4-8': opus, 'claude-haiku': haiku })
  assert.deepEqual(daily_models, [
    { date: '2026-11-21', model: 'claude-opus-4-8', ...opus },
    { date: '2026-11-22', model: 'claude-haiku', ...haiku },
  ])
  assert.deepEqual(daily_activity, [
    { date: '2026-11-21', messages: 3, sessions: 1 },
    { date: '2026-11-22', messages: 2, sessions: 1 },
  ])
  assert.deepEqual([total_messages, total_sessions, total_requests, context_max, context_avg], [5, 1, 2, 113, 57])
})

test('usage - copies by fork and resume are not counted again, in whatever order they are read', async (t) => {
  const { usage, projects } = openUsage(t)
  const old = [userLine('one', MORNING), answerLine('one', MORNING), userLine('one', MORNING), answerLine('one', MORNING)]
  projects.write('a/one.jsonl', old)
  // A fork copies the lines and changes the conversation's id in them.
  const forked = old.map((line) => line.replaceAll('"sessionId":"one"', '"sessionId":"two"'))
  projects.write('b/two.jsonl', [...forked, userLine('two', NEXT), answerLine('two', NEXT)])
  projects.write('0/three.jsonl', forked)
  projects.write('a/one/subagents/agent-1.jsonl', [answerLine('one', NEXT, { output: 50 })])
  await usage.scan()
  const { total_messages, total_requests, model_usage, scan } = usage.read()
  assert.deepEqual([total_messages, total_requests, scan.files], [7, 4, 4])
  assert.equal(model_usage['claude-opus-4-8']?.output_tokens, 5 + 5 + 5 + 50)
})

test('usage - only new bytes are read, and half a line waits until it is whole', async (t) => {
  const { usage, projects } = openUsage(t)
  projects.write('a/one.jsonl', [answerLine('one', MORNING)])
  await usage.scan()
  const { bytes } = usage.read().scan
  const line = `${answerLine('one', MORNING, { output: 70 })}\n`
  projects.append('a/one.jsonl', line.slice(0, 50))
  await usage.scan()
  assert.deepEqual([usage.read().total_requests, usage.read().scan.bytes], [1, bytes])
  projects.append('a/one.jsonl', line.slice(50))
  await usage.scan()
  const { total_requests, model_usage, scan } = usage.read()
  assert.deepEqual([total_requests, scan.bytes, scan.lines], [2, bytes + line.length, 2])
  assert.equal(model_usage['claude-opus-4-8']?.output_tokens, 75)
})

test('usage - what is older than a copy can be is forgotten, and does not count again when it comes', async (t) => {
  const { usage, store, projects } = openUsage(t)
  const old = [userLine('old', '2025-01-05T10:00:00.000Z'), answerLine('old', '2025-01-05T10:00:00.000Z')]
  projects.write('a/old.jsonl', old)
  projects.write('a/new.jsonl', [answerLine('new', NEXT)])
  await usage.scan()
  const before = usage.read()
  assert.deepEqual([before.total_messages, before.total_sessions], [3, 2], 'the first scan counts what there is')
  store.forgetBefore(Date.parse('2025-06-01T00:00:00.000Z'), 20250601)
  projects.write('b/copy.jsonl', [...old, answerLine('new', NEXT, {}, { id: 'msg_x' })])
  await usage.scan()
  const { total_messages, total_sessions, total_requests } = usage.read()
  assert.deepEqual([total_messages, total_sessions, total_requests], [4, 2, 3])
})

test('usage - files that shrink, are rotated, written anew or deleted neither lose nor double what was counted', async (t) => {
  const { usage, projects } = openUsage(t)
  const lines = [answerLine('one', MORNING), answerLine('one', MORNING), answerLine('one', MORNING)]
  const count = async (): Promise<number> => {
    await usage.scan()
    return usage.read().total_requests
  }
  projects.write('a/one.jsonl', lines)
  assert.equal(await count(), 3)
  truncateSync(projects.path('a/one.jsonl'), `${lines[0]}\n`.length)
  assert.equal(await count(), 3, 'shrunk')
  projects.append('a/one.jsonl', `${answerLine('one', MORNING)}\n`)
  assert.equal(await count(), 4, 'went on behind that')
  renameSync(projects.path('a/one.jsonl'), projects.path('a/two.jsonl'))
  projects.write('a/one.jsonl', [answerLine('one', NEXT)])
  assert.equal(await count(), 5, 'rotated')
  // The same file, larger than before, with other bytes in front.
  writeFileSync(projects.path('a/one.jsonl'), `${[1, 2, 3].map(() => answerLine('one', NEXT)).join('\n')}\n`)
  assert.equal(await count(), 8, 'written anew')
  rmSync(projects.path('a'), { recursive: true })
  assert.equal(await count(), 8, 'deleted')
  assert.equal(usage.read().scan.files, 0)
  copyFileSync(new URL(import.meta.url), join(projects.path(''), 'no-folder.jsonl'))
  assert.equal(await count(), 8, 'what is no session file is left alone')
})

test('usage - lines that cannot be read are counted as such, and all others are read', async (t) => {
  const { usage, projects } = openUsage(t)
  projects.write('a/one.jsonl', [
    '{"type":"user", torn',
    '{"type":"assistant"',
    '',
    'null',
    '{"type":"user","timestamp":"never","uuid":"x"}',
    JSON.stringify({ type: 'x', text: '"type":"user"' }),
    '{"type":"user"} ',
    answerLine('one', MORNING).replace('hello', String.raw`\ud800`),
    `{"nested":${answerLine('one', MORNING)}}`,
  ])
  await usage.scan()
  const { total_messages, scan } = usage.read()
  assert.deepEqual([total_messages, scan.skipped_lines, scan.lines], [1, 2, 8])
})

test('usage - a line that is too long is left out, and what comes behind it is read', async (t) => {
  const config_dir = tempDir(t)
  const projects = openProjects(config_dir)
  const long = answerLine('one', MORNING, {}, { model: 'x'.repeat(1_500_000) })
  projects.write('a/one.jsonl', [answerLine('one', MORNING), long, answerLine('one', MORNING)])
  projects.write('a/two.jsonl', [long])
  projects.append('a/two.jsonl', long)
  const store = openUsageStore(openMetricsDatabase(t))
  const { signal } = new AbortController()
  const reader = new Reader({ config_dir, store, log, signal, max_line_bytes: 1_000_000 })
  await reader.scan()
  assert.deepEqual(
    store.days().map(({ model, requests }) => [model, requests]),
    [['claude-opus-4-8', 2]],
  )
  projects.append('a/two.jsonl', `\n${answerLine('two', MORNING)}\n`)
  await reader.scan()
  assert.equal(store.days()[0]?.requests, 3)
})

test('usage - a crash between two pieces loses and doubles nothing', async (t) => {
  const config_dir = tempDir(t)
  const projects = openProjects(config_dir)
  projects.write(
    'a/one.jsonl',
    Array.from({ length: 4_000 }, () => answerLine('one', MORNING)),
  )
  const store = openUsageStore(openMetricsDatabase(t))
  let pieces = 0
  for (let life = 0; life < 20 && (store.days()[0]?.requests ?? 0) < 4_000; life += 1) {
    // Dies while the second piece of this life is being kept: nothing of it is.
    let taken = 0
    const dying = {
      ...store,
      take: (piece: Parameters<typeof store.take>[0]) => {
        taken += 1
        if (taken === 2) throw new Error('killed')
        pieces += 1
        store.take(piece)
      },
    }
    const reader = new Reader({ config_dir, store: dying, log, signal: new AbortController().signal })
    await reader.scan().catch((error: Error) => assert.equal(error.message, 'killed'))
  }
  assert.ok(pieces > 2, `${pieces} pieces`)
  assert.equal(store.days()[0]?.requests, 4_000)
})

test('usage - however a file grows, what is counted is what it holds', async (t) => {
  const { usage, store, projects } = openUsage(t)
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('answer', 'user', 'again', 'other'), fc.nat(400)), { minLength: 1, maxLength: 25 }),
      async (steps) => {
        run += 1
        const file = `p/${run}.jsonl`
        projects.write(file, [])
        const before = store.totals().lines
        const answers = usage.read().total_requests
        let last = answerLine('s', MORNING)
        let held = ''
        const ids = new Set<string>()
        for (const [kind, cut] of steps) {
          if (kind === 'answer') last = answerLine('s', MORNING)
          const line = kind === 'user' ? userLine('s', MORNING) : kind === 'other' ? otherLine('s', MORNING) : last
          if (kind === 'answer' || kind === 'again') ids.add(last)
          held += `${line}\n`
          // Written up to anywhere, also amid a line.
          const end = Math.max(0, held.length - cut)
          projects.append(file, held.slice(0, end))
          held = held.slice(end)
          await usage.scan()
        }
        projects.append(file, held)
        await usage.scan()
        assert.equal(store.totals().lines - before, steps.length)
        assert.equal(usage.read().total_requests - answers, ids.size)
      },
    ),
    { numRuns: 25 },
  )
})

test('usage - the first scan of 200,000 lines is bounded in memory, and the next one takes milliseconds', async (t) => {
  const { usage, projects } = openUsage(t)
  const FILES = 40
  const LINES = 5_000
  for (let file = 0; file < FILES; file += 1) {
    const lines = Array.from({ length: LINES }, (_, index) =>
      index % 2 === 0 ? userLine(`s${file}`, MORNING) : answerLine(`s${file}`, MORNING),
    )
    projects.write(`p${file % 8}/s${file}.jsonl`, lines)
  }
  const size = readFileSync(projects.path('p0/s0.jsonl')).length * FILES
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = 0
  let longest = 0
  let woken = performance.now()
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss - before)
    longest = Math.max(longest, performance.now() - woken)
    woken = performance.now()
  }, 5)
  await usage.scan()
  clearInterval(watch)
  const { total_messages, total_sessions, scan } = usage.read()
  assert.deepEqual([total_messages, total_sessions, scan.lines], [FILES * LINES, FILES, FILES * LINES])
  t.diagnostic(
    `${Math.round(size / 1e6)} MB, ${scan.took_ms} ms, ${Math.round(peak / 1e6)} MB more, longest pause ${Math.round(longest)} ms`,
  )
  assert.ok(peak < 150e6, `${Math.round(peak / 1e6)} MB of memory for ${Math.round(size / 1e6)} MB of files`)
  // The quickest of five: what a stall of the machine takes is not what a scan takes.
  const took: number[] = []
  for (let count = 0; count < 5; count += 1) {
    await usage.scan()
    took.push(usage.read().scan.took_ms ?? Number.NaN)
  }
  t.diagnostic(`the next scans: ${took.join(', ')} ms`)
  assert.ok(Math.min(...took) < 250, `${took.join(', ')} ms for a scan of nothing new`)
})
