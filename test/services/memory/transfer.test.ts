import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { checkLeaks } from '../../harness.ts'
import fc from '../../property.ts'
import { openRig } from './rig.ts'

checkLeaks()

test('export and import - what went out comes back, for any text, with moments and counts', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => value.toWellFormed())
  const made = fc.record({
    key: text.filter((key) => key !== ''),
    content: text,
    category: text,
    bot_id: fc.constantFrom('a', 'b'),
  })
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(made, { selector: ({ key, bot_id }) => `${bot_id} ${key}`, maxLength: 12 }), async (all) => {
      const from = openRig(t, { mode: 'off' })
      for (const one of all) await from.memory.create(one)
      if (all.length > 0) await from.memory.search({ q: all[0]?.content.trim() || 'x', bot_id: all[0]?.bot_id ?? 'a' })
      const { lines, count, next_after_id } = await from.memory.export({})
      assert.deepEqual([count, next_after_id], [all.length, null])
      const to = openRig(t, { mode: 'off' })
      const taken = await to.memory.import({ lines })
      assert.deepEqual(taken, { created: all.length, replaced: 0, kept: 0, refused: 0, problems: [] })
      assert.equal((await to.memory.export({})).lines, lines)
      await from.close()
      await to.close()
    }),
    { numRuns: 8 },
  )
})

test('export - a piece at a time, of one bot or of all', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  for (let index = 0; index < 25; index++)
    await memory.create({ key: `k${index}`, content: 'c', bot_id: index % 5 === 0 ? 'b' : 'a' })
  const pieces: string[] = []
  let after_id = 0
  for (;;) {
    const piece = await memory.export({ after_id, limit: 10 })
    pieces.push(piece.lines)
    if (piece.next_after_id === null) break
    after_id = piece.next_after_id
  }
  assert.deepEqual(
    pieces.map((piece) => piece.split('\n').length - 1),
    [10, 10, 5],
  )
  assert.equal((await memory.export({ bot_id: 'b' })).count, 5)
  assert.deepEqual(await memory.export({ bot_id: 'nobody' }), { lines: '', count: 0, next_after_id: null })
})

test('export - every piece is one that an import takes, however long the memories are', async (t) => {
  const { memory, file } = openRig(t, { mode: 'off' })
  const db = new Database(file)
  const insert = db.prepare(`
    INSERT INTO memories (bot_id, key, content, category, created_at, updated_at, use_count, digest)
    VALUES ('a', ?, ?, 'general', 0, 0, 0, x'00')`)
  // Six characters of JSON each.
  const content = '\u0001'.repeat(1_000_000)
  for (let index = 0; index < 5; index++) insert.run(`k${index}`, content)
  db.close()
  const keys: string[] = []
  for (let after_id: number | null = 0; after_id !== null; ) {
    const piece = await memory.export({ after_id })
    assert.ok(piece.lines.length <= 16_000_000, `${piece.lines.length} characters`)
    const lines = piece.lines.trimEnd().split('\n')
    assert.equal(lines.length, piece.count)
    keys.push(...lines.map((line) => (JSON.parse(line) as { key: string }).key))
    after_id = piece.next_after_id
  }
  assert.deepEqual(keys, ['k0', 'k1', 'k2', 'k3', 'k4'])
})

test('import - refuses bad lines by number and takes the others; keeps or replaces what is there', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  await memory.create({ key: 'old', content: 'before' })
  const lines = ['\uFEFF{"key":"new","content":"n"}', '', 'no json', '{"key":"old","content":"after"}', '{"key":5}', '[]', 'null']
  const kept = await memory.import({ lines: lines.join('\r\n') })
  assert.deepEqual(
    { ...kept, problems: kept.problems.map(({ line }) => line) },
    {
      ...{ created: 1, replaced: 0, kept: 1, refused: 4 },
      problems: [3, 5, 6, 7],
    },
  )
  assert.match(kept.problems[1]?.problem ?? '', /key/)
  const replaced = await memory.import({ lines: lines.join('\n'), existing: 'replace' })
  assert.deepEqual([replaced.created, replaced.replaced], [0, 2])
  assert.equal((await memory.search({ q: 'after' }))[0]?.key, 'old')
  const elsewhere = await memory.import({ lines: lines.join('\n'), bot_id: 'b' })
  assert.equal(elsewhere.created, 2)
  assert.equal((await memory.list({ bot_id: 'b' })).length, 2)
})

test('import - other calls are answered in between, and a caller that goes away ends it', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const lines = Array.from({ length: 3_000 }, (_, index) =>
    JSON.stringify({ key: `k${index}`, content: `content ${index}` }),
  ).join('\n')
  let counted = 0
  let done = false
  const all = memory.import({ lines }).finally(() => {
    done = true
  })
  while (!done) {
    await memory.status({})
    counted += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await all).created, 3_000)
  assert.ok(counted > 20, `${counted} calls in between`)
  const controller = new AbortController()
  const ended = memory.import({ lines, bot_id: 'b' }, { signal: controller.signal })
  controller.abort(new Error('gone'))
  await assert.rejects(ended, /gone/)
  assert.ok((await memory.list({ bot_id: 'b' })).length < 3_000)
})

test('import - a few long memories are as many transactions, each of which tells that its bots have changed', async (t) => {
  const { memory, changes } = openRig(t, { mode: 'off' })
  const content = '. '.repeat(50_000)
  const long = Array.from({ length: 4 }, (_, index) => JSON.stringify({ key: `k${index}`, content, bot_id: 'a' }))
  const short = ['x', 'y', 'k0'].map((key) => JSON.stringify({ key, content: '', bot_id: key === 'k0' ? 'a' : key }))
  await memory.import({ lines: [...long, ...short].join('\n'), existing: 'replace' })
  assert.deepEqual(changes, [
    ...[1, 2, 3, 4].map((id) => ({ id, bot_id: 'a', change: 'created' })),
    { id: 5, bot_id: 'x', change: 'created' },
    { id: 6, bot_id: 'y', change: 'created' },
    { id: 1, bot_id: 'a', change: 'updated' },
  ])
  changes.length = 0
  await memory.import({ lines: long.join('\n') })
  assert.deepEqual(changes, [], 'what is kept has not changed')
})

test('import - for one bot it is no matter whose the lines say they are; a count that could not go on is refused', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const lines = '{"key":"k","content":"c","bot_id":"no / bot"}\n{"key":"l","content":"c","bot_id":5}\n[]'
  assert.equal((await memory.import({ lines })).refused, 3)
  const { created, refused } = await memory.import({ lines, bot_id: 'b' })
  assert.deepEqual([created, refused], [2, 1])
  assert.deepEqual((await memory.list({ bot_id: 'b' })).map(({ key }) => key).sort(), ['k', 'l'])
  const counted = (use_count: number) => JSON.stringify({ key: `${use_count}`, content: 'c', use_count })
  const most = await memory.import({ lines: [counted(1e12), counted(Number.MAX_SAFE_INTEGER)].join('\n') })
  assert.deepEqual([most.created, most.problems.map(({ line }) => line)], [1, [2]])
})
