import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { checkLeaks } from '../../harness.ts'
import { openRig } from './rig.ts'

checkLeaks()

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

test('memory - a memory is created, read, updated, listed and deleted in the words of the predecessor', async (t) => {
  const { memory, changes } = openRig(t, { mode: 'off' })
  const { id, similar } = await memory.create({ key: 'coffee', content: 'Likes dark roast' })
  assert.deepEqual(similar, [])
  const row = await memory.get({ memory_id: id })
  const { created_at, updated_at, ...rest } = row
  assert.match(created_at, MOMENT)
  assert.equal(created_at, updated_at)
  const known = { id, key: 'coffee', category: 'general', bot_id: 'default' }
  assert.deepEqual(rest, { ...known, content: 'Likes dark roast', use_count: 0, last_used_at: null })
  const updated = await memory.update({ memory_id: id, content: 'Likes light roast', category: null })
  assert.deepEqual([updated.content, updated.category], ['Likes light roast', 'general'])
  assert.equal((await memory.update({ memory_id: id, category: 'taste' })).content, 'Likes light roast')
  assert.deepEqual(await memory.update({ memory_id: id }), await memory.get({ memory_id: id }))
  assert.deepEqual(
    (await memory.list({ category: 'taste' })).map(({ key }) => key),
    ['coffee'],
  )
  assert.deepEqual(await memory.list({ category: 'general' }), [])
  assert.deepEqual(await memory.delete({ memory_id: id }), { deleted: true })
  assert.deepEqual(await memory.delete({ memory_id: id }), { deleted: true })
  await assert.rejects(memory.get({ memory_id: id }), { code: 'not_found', message: 'Memory not found' })
  await assert.rejects(memory.update({ memory_id: id, content: 'x' }), { code: 'not_found', message: 'Memory not found' })
  assert.deepEqual(
    changes.map((change) => (change as { change: string }).change),
    ['created', 'updated', 'updated', 'deleted'],
  )
})

test('memory - a key is one of its kind within its bot, and another bot may have it too', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const { id } = await memory.create({ key: 'k', content: 'one' })
  await assert.rejects(memory.create({ key: 'k', content: 'two' }), {
    code: 'conflict',
    message: "Memory with key 'k' already exists",
  })
  await memory.create({ key: 'k', content: 'two', bot_id: 'other' })
  assert.equal((await memory.get({ memory_id: id })).content, 'one')
  await memory.delete({ memory_id: id })
  await memory.create({ key: 'k', content: 'three' })
})

test('memory - put makes a key or changes it, whichever is needed, and a repeat changes nothing more', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const first = await memory.put({ key: 'k', content: 'one', category: 'c' })
  assert.equal(first.created, true)
  const second = await memory.put({ key: 'k', content: 'two' })
  assert.deepEqual([second.created, second.id, second.content, second.category], [false, first.id, 'two', 'c'])
  await Promise.all(Array.from({ length: 20 }, (_, index) => memory.put({ key: `p${index % 4}`, content: `${index}` })))
  assert.equal((await memory.list({})).length, 5)
})

test('memory - what belongs to another bot is as good as not there', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const { id } = await memory.create({ key: 'k', content: 'secret', bot_id: 'a' })
  const missing = { code: 'not_found', message: 'Memory not found' }
  await assert.rejects(memory.get({ memory_id: id, bot_id: 'b' }), missing)
  await assert.rejects(memory.update({ memory_id: id, bot_id: 'b', content: 'x' }), missing)
  await assert.rejects(memory.delete({ memory_id: id, bot_id: 'b' }), missing)
  assert.deepEqual(await memory.list({ bot_id: 'b' }), [])
  assert.deepEqual(await memory.search({ q: 'secret', bot_id: 'b' }), [])
  assert.equal((await memory.search({ q: 'secret', bot_id: 'a' })).length, 1)
  assert.equal((await memory.get({ memory_id: id, bot_id: 'a' })).content, 'secret')
})

test('memory - lists go on behind any row, also one that was deleted, until there is no more', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  for (let index = 0; index < 25; index++) await memory.create({ key: `k${index}`, content: `c${index}` })
  const all = await memory.list({})
  assert.equal(all.length, 25)
  assert.equal(all[0]?.key, 'k24', 'the newest first')
  const pages = []
  let after_id: number | undefined
  for (;;) {
    const page = await memory.list({ limit: 10, ...(after_id === undefined ? {} : { after_id }) })
    if (page.length === 0) break
    pages.push(...page)
    after_id = page.at(-1)?.id
  }
  assert.deepEqual(pages, all)
  await memory.delete({ memory_id: all[9]?.id ?? 0 })
  const rest = await memory.list({ after_id: all[9]?.id ?? 0 })
  assert.equal(rest.length <= 24 && rest.length >= 15, true)
  assert.deepEqual(await memory.list({ after_id: 1 }), [])
})

test('memory - what does not fit the contract is refused and stores nothing', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  for (const input of [
    { key: '', content: 'x' },
    { key: 'k', content: 'x', bot_id: '../x' },
    { key: 'k'.repeat(501), content: 'x' },
    { key: 'k', content: 'x'.repeat(1_000_001) },
    { key: 5 as unknown as string, content: 'x' },
  ])
    await assert.rejects(memory.create(input), { code: 'invalid_input' })
  assert.deepEqual(await memory.list({}), [])
})

test('memory - every character is kept; half of one becomes the sign for it', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const content = 'nul \0 你好 😀 \u2028 "quotes" \'; DROP TABLE memories; --'
  const { id } = await memory.create({ key: '键 "*"', content, category: '' })
  assert.equal((await memory.get({ memory_id: id })).content, content)
  const half = await memory.put({ key: 'half', content: 'a\ud800b' })
  assert.equal(half.content, 'a\ufffdb')
})

test('memory - a restart finds everything as it was', async (t) => {
  const first = openRig(t, { mode: 'off' })
  await first.memory.put({ key: 'k', content: 'kept' })
  await first.memory.set_recall({ enabled: true, budget_tokens: 77 })
  await first.close()
  const { memory } = openRig(t, { mode: 'off', folder: first.folder })
  assert.equal((await memory.list({}))[0]?.content, 'kept')
  assert.deepEqual(await memory.recall_settings({}), { bot_id: 'default', enabled: true, budget_tokens: 77 })
})

test('memory - its tables of passages are those of retrieval', () => {
  const root = packageRoot(import.meta.url)
  const statements = (file: string): string =>
    readFileSync(path.join(root, file), 'utf8')
      .replace(/^--.*\n/gm, '')
      .trim()
  assert.equal(statements('services/memory/migrations/002-passages.sql'), statements('services/runtime/retrieval/schema.sql'))
})

test('memories - the status tells what there is by bot and category, and since when', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const stock = async () => {
    const { bots, oldest, newest } = await memory.status({})
    return { bots, oldest, newest }
  }
  assert.deepEqual(await stock(), { bots: [], oldest: null, newest: null })
  const made = [
    ['a', 'default', 'general'],
    ['b', 'default', '__proto__'],
    ['c', 'default', '__proto__'],
    ['d', 'other', 'general'],
  ] as const
  for (const [key, bot_id, category] of made) await memory.create({ key, bot_id, category, content: key })
  const { bots, oldest, newest } = await stock()
  assert.deepEqual(bots, [
    {
      bot_id: 'default',
      memories: 3,
      categories: [
        { category: '__proto__', memories: 2 },
        { category: 'general', memories: 1 },
      ],
    },
    { bot_id: 'other', memories: 1, categories: [{ category: 'general', memories: 1 }] },
  ])
  assert.ok(oldest !== null && newest !== null && oldest <= newest)
})
