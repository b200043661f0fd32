import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkLeaks } from '../../harness.ts'
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
