import assert from 'node:assert/strict'
import { test } from 'node:test'
import { questionOf } from '../../../services/memory/recall.ts'
import { FLOOR, relevanceOf } from '../../../services/memory/relevance.ts'
import { checkLeaks, eventually } from '../../harness.ts'
import { openRig, playedOllama } from './rig.ts'

checkLeaks()

test('recall - off until it is switched on, for this bot alone', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  await memory.create({ key: 'coffee', content: 'Likes dark roast coffee' })
  const ask = (bot_id = 'default') => memory.recall({ bot_id, text: 'which coffee shall I buy' })
  assert.deepEqual(await ask(), { enabled: false, memories: [], ways: [] })
  assert.deepEqual(await memory.set_recall({ enabled: true }), { bot_id: 'default', enabled: true, budget_tokens: 500 })
  const { enabled, memories, ways } = await ask()
  assert.deepEqual(
    [enabled, memories[0]?.key, memories[0]?.content, ways],
    [true, 'coffee', 'Likes dark roast coffee', ['words']],
  )
  assert.ok((memories[0]?.score ?? 0) >= FLOOR && (memories[0]?.score ?? 2) <= 1)
  assert.deepEqual((await ask('other')).enabled, false)
  await memory.set_recall({ bot_id: 'other', enabled: true })
  assert.deepEqual((await ask('other')).memories, [])
  await memory.set_recall({ enabled: false })
  assert.deepEqual((await ask()).memories, [])
})

test('recall - what has nothing to do with the text stays out', async (t) => {
  const rig = openRig(t, { mode: 'embedded' })
  const facts = [
    ['coffee', 'The user likes dark roast coffee'],
    ['birthday', 'The birthday of Anna is on 3 May'],
    ['server', 'The server IP is 10.0.0.5'],
    ['allergy', 'The user is allergic to peanuts'],
  ]
  for (const [key = '', content = ''] of facts) await rig.memory.create({ key, content })
  await rig.memory.set_recall({ enabled: true })
  await eventually(async () => (await rig.memory.status({})).pending === 0, { timeout_ms: 30_000 })
  const keysFor = async (text: string) => (await rig.memory.recall({ bot_id: 'default', text })).memories.map(({ key }) => key)
  assert.deepEqual(await keysFor('What coffee does the user like?'), ['coffee'])
  assert.deepEqual(await keysFor('When was Anna born?'), ['birthday'])
  assert.deepEqual(await keysFor('Please fix the failing build'), [])
  assert.deepEqual(await keysFor('   '), [])
  const used = await rig.memory.list({})
  assert.deepEqual(
    used
      .filter(({ use_count }) => use_count > 0)
      .map(({ key }) => key)
      .sort(),
    ['birthday', 'coffee'],
  )
})

test('recall - stays within the budget: what is too long leaves room for what is not', async (t) => {
  const { memory } = openRig(t, { mode: 'off' })
  await memory.set_recall({ enabled: true, budget_tokens: 60 })
  await memory.create({ key: 'long', content: `zebra ${'stripes '.repeat(100)}` })
  for (let index = 0; index < 12; index++) await memory.create({ key: `s${index}`, content: `zebra fact number ${index}` })
  const few = await memory.recall({ bot_id: 'default', text: 'tell me of the zebra' })
  assert.ok(few.memories.length >= 2 && few.memories.length <= 5, `${few.memories.length}`)
  assert.ok(few.memories.every(({ key }) => key !== 'long'))
  const many = await memory.recall({ bot_id: 'default', text: 'tell me of the zebra', budget_tokens: 20_000 })
  assert.equal(many.memories.length, 8, 'never more than a handful')
})

test('recall - of a long message the beginning and the end are looked for', () => {
  const text = `begin ${'x'.repeat(10_000)} end`
  const question = questionOf(text)
  assert.ok(question.startsWith('begin') && question.endsWith('end') && question.length <= 2_000)
  assert.equal(questionOf('short'), 'short')
  assert.ok(questionOf('😀'.repeat(3_000)).isWellFormed())
})

test('relevance - a distance counts by the model that made it, words in common count without one', () => {
  const at = (cosine: number, model: string) =>
    relevanceOf({ distance: Math.sqrt(2 - 2 * cosine), passage: 'alpha' }, 'omega', model)
  assert.ok(at(0.5, 'use-lite-en:512') > FLOOR)
  assert.ok(at(0.5, 'ollama:nomic-embed-text:768') < FLOOR)
  assert.ok(at(0.7, 'ollama:nomic-embed-text:768') > FLOOR)
  assert.equal(Math.round(at(1, 'use-lite-en:512') * 1_000), 1_000)
  const words = (passage: string, text: string) => relevanceOf({ distance: null, passage }, text, null)
  assert.ok(words('周五部署到生产环境', '什么时候部署？') >= FLOOR)
  assert.ok(words('Allergic to peanuts', 'are there peanuts in this?') >= FLOOR)
  assert.ok(words('The user wants a new car', 'the user wants the build fixed') < FLOOR)
  assert.equal(words('', ''), 0)
})

test('recall - a model that hangs does not hold a prompt: words have to do, long before a search would give up', async (t) => {
  const ollama = await playedOllama(t)
  const { memory } = openRig(t, { ollama, mode: 'ollama', look_timeout_ms: 60_000 })
  await memory.set_recall({ enabled: true })
  await memory.create({ key: 'coffee', content: 'Likes dark roast coffee' })
  await eventually(async () => (await memory.status({})).pending === 0)
  const warm = await memory.recall({ bot_id: 'default', text: 'which coffee shall I buy' })
  assert.deepEqual(
    warm.memories.map(({ key }) => key),
    ['coffee'],
  )
  ollama.behaviour = 'hang'
  const before = performance.eventLoopUtilization()
  const { memories, ways } = await memory.recall({ bot_id: 'default', text: 'which coffee shall I buy' })
  const { idle } = performance.eventLoopUtilization(before)
  assert.ok(idle < 1_500, `waited ${idle} ms`)
  assert.deepEqual([memories.map(({ key }) => key), ways], [['coffee'], ['words']])
})
