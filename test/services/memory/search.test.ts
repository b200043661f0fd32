import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toVector } from '../../../protocol/memory.ts'
import { vectorFor } from '../../fakes/ollama.ts'
import { checkLeaks, eventually } from '../../harness.ts'
import { openRig, playedOllama, type Rig } from './rig.ts'

checkLeaks()

const settled = ({ memory }: Rig): Promise<boolean> =>
  eventually(
    async () => {
      const { pending, embedding, reembedding } = await memory.status({})
      return pending === 0 && reembedding === null && embedding.answering
    },
    { timeout_ms: 30_000 },
  )

test('search - found by meaning and by words, with why, and in the fields of old clients', async (t) => {
  const ollama = await playedOllama(t)
  const rig = openRig(t, { ollama })
  await rig.memory.create({ key: 'coffee', content: 'Likes dark roast', category: 'taste' })
  await rig.memory.create({ key: 'deploy', content: 'Deploys run on Fridays' })
  await settled(rig)
  const [hit, ...rest] = await rig.memory.search({ q: 'dark roast' })
  assert.ok(hit)
  assert.deepEqual([hit.key, hit.content, hit.category, hit.bot_id], ['coffee', 'Likes dark roast', 'taste', 'default'])
  assert.ok(hit.distance !== null && hit.distance < 1)
  assert.equal(hit.text_rank, 1)
  assert.deepEqual([...hit.ways].sort(), ['meaning', 'words'])
  assert.equal(hit.model, 'ollama:nomic-embed-text:768')
  assert.ok(rest.every(({ score }) => score <= hit.score))
  assert.ok(!('updated_at' in hit))
  assert.deepEqual(await rig.memory.search({ q: 'dark roast', category: 'general', limit: 0 }), [])
  assert.ok((await rig.memory.search({ q: 'dark roast', category: 'general' })).every(({ key }) => key !== 'coffee'))
})

test('search - the words of a key count, those of a made-up key do not', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  await memory.create({ key: 'wifi_password', content: 'hunter2' })
  await memory.create({ key: '3f0c7a52-9b1d-4c8e-a6f4-5d2e8b7c9a10', content: 'something' })
  assert.equal((await memory.search({ q: 'what is the wifi password' }))[0]?.content, 'hunter2')
  assert.equal((await memory.search({ q: 'something' }))[0]?.passage, 'something')
})

test('search - with the built-in model English is found by meaning, Chinese by words, and the reply says which', async (t) => {
  const rig = openRig(t, { mode: 'embedded' })
  await rig.memory.create({ key: 'a', content: 'The user prefers coffee that is dark roasted' })
  await rig.memory.create({ key: 'b', content: '周五部署到生产环境' })
  await rig.memory.create({ key: 'c', content: 'The train leaves at noon' })
  await settled(rig)
  const [english] = await rig.memory.search({ q: 'which beverage does she enjoy' })
  assert.equal(english?.key, 'a')
  assert.ok(english.distance !== null && english.ways.includes('meaning'))
  const [chinese] = await rig.memory.search({ q: '什么时候部署' })
  assert.equal(chinese?.key, 'b')
  assert.deepEqual([chinese.ways, chinese.distance], [['words'], null])
})

test('search - an updated memory is found by what it says now, a deleted one no more', async (t) => {
  const ollama = await playedOllama(t)
  const rig = openRig(t, { ollama })
  const { id } = await rig.memory.create({ key: 'm', content: 'the red bicycle' })
  await settled(rig)
  await rig.memory.update({ memory_id: id, content: 'the green tractor' })
  await settled(rig)
  const [hit] = await rig.memory.search({ q: 'the green tractor' })
  assert.ok(hit?.distance !== null && (hit?.distance ?? 1) < 0.8, `near: ${hit?.distance}`)
  assert.equal((await rig.memory.search({ q: 'red bicycle' }))[0]?.text_rank ?? null, null)
  await rig.memory.delete({ memory_id: id })
  assert.deepEqual(await rig.memory.search({ q: 'green tractor' }), [])
  assert.equal((await rig.memory.status({})).passages, 0)
})

test('search - nothing of a query is syntax, and what cannot be asked is refused', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  await memory.create({ key: 'k', content: 'plain words about "quotes" AND NOT stars*' })
  for (const q of ['"', '*', 'AND', 'NEAR(a b)', 'key:words', "'; --", '(words', '-words', '^words', '\0', '"quotes" OR', '🤷'])
    assert.ok(Array.isArray(await memory.search({ q })), q)
  await assert.rejects(memory.search({ q: '' }), { code: 'invalid_input' })
  await assert.rejects(memory.search({ q: '  ' }), { code: 'invalid_input' })
  await assert.rejects(memory.search({ q: 'x'.repeat(1_000_000) }), { code: 'invalid_input' })
  await assert.rejects(memory.search({ q: 'x', limit: -1 }), { code: 'invalid_input' })
  assert.equal((await memory.search({ q: 'plain', limit: 1_000_000_000 })).length, 1)
  assert.deepEqual(await memory.search({ q: 'plain', limit: 0 }), [])
})

test('search - what was to the point is counted, what was merely the least unfitting is not', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  const { id } = await memory.create({ key: 'a', content: 'Anna was born on the third of May' })
  const other = await memory.create({
    key: 'b',
    content: 'Long notes: the quick brown fox jumps over a lazy dog, born somewhere, near rivers',
  })
  await memory.search({ q: 'Was Anna born on the third of May?' })
  const used = await memory.get({ memory_id: id })
  assert.equal(used.use_count, 1)
  assert.ok(used.last_used_at !== null)
  assert.equal(used.updated_at, used.created_at)
  assert.equal((await memory.get({ memory_id: other.id })).use_count, 0)
})

test('create - tells of memories that say the same or nearly so, of this bot only', async (t) => {
  const ollama = await playedOllama(t)
  const rig = openRig(t, { ollama })
  const same = await rig.memory.create({ key: 'k1', content: 'The deployment runs every Friday at noon' })
  await rig.memory.create({ key: 'foreign', content: 'The deployment runs every Friday at noon', bot_id: 'other' })
  await rig.memory.create({ key: 'unlike', content: 'Cats sleep all day' })
  await settled(rig)
  const exact = await rig.memory.create({ key: 'k2', content: 'the deployment  runs every friday at NOON' })
  assert.deepEqual(exact.similar[0], { id: same.id, key: 'k1', distance: 0 })
  await settled(rig)
  // The notice has a tenth of a second; on a machine that is busy it may come to nothing.
  let tries = 0
  const near = await eventually(async () => {
    const made = await rig.memory.create({ key: `n${++tries}`, content: 'The deployment runs every Friday around noon' })
    await rig.memory.delete({ memory_id: made.id })
    return made.similar.length > 0 ? made.similar : null
  })
  assert.ok(near.some(({ key, distance }) => key === 'k1' && distance > 0 && distance <= 0.6))
  assert.ok(near.every(({ key }) => key !== 'foreign' && key !== 'unlike'))
})

test('embed - vectors arrive as bytes, of one model, null where there is none', async (t) => {
  const ollama = await playedOllama(t)
  const { memory } = openRig(t, { ollama })
  const { model, dimensions, vectors } = await memory.embed({ texts: ['hello world', ' '], kind: 'query' })
  assert.deepEqual([model, dimensions, vectors.length, vectors[1]], ['ollama:nomic-embed-text:768', 768, 2, null])
  const bytes = vectors[0]
  assert.ok(bytes instanceof Uint8Array && bytes.byteLength === 768 * 4)
  // As a message has them: at an odd place within a larger piece of memory.
  const moved = Buffer.concat([Buffer.from('x'), bytes]).subarray(1)
  assert.deepEqual(toVector(moved), toVector(bytes))
  const expected = vectorFor('search_query: hello world', 768)
  assert.ok(toVector(moved).every((value, at) => Math.abs(value - (expected[at] ?? 0)) < 1e-6))
  await assert.rejects(memory.embed({ texts: [], kind: 'query' }), { code: 'invalid_input' })
  await assert.rejects(memory.embed({ texts: Array(65).fill('x'), kind: 'query' }), { code: 'invalid_input' })
})
