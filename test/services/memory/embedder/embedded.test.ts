import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EmbeddedModel } from '../../../../services/memory/embedder/embedded.ts'
import { cutAt, cutToTokens, isLatin } from '../../../../services/memory/embedder/reading.ts'
import { atEnd, checkLeaks, eventually, type Scope } from '../../../harness.ts'
import { listenedLog } from '../rig.ts'

checkLeaks()

const open = (t: Scope, idle_ms?: number) => {
  const model = new EmbeddedModel({ log: listenedLog().log, ...(idle_ms === undefined ? {} : { idle_ms }) })
  atEnd(t, () => model.close())
  const embed = (texts: string[]) => model.embed(texts, 'document', new AbortController().signal)
  return { model, embed }
}

const cosine = (a: Float32Array | null | undefined, b: Float32Array | null | undefined): number => {
  assert.ok(a && b)
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
}

test('embedded model - what means the same is near, what does not is far, offline', async (t) => {
  const { embed } = open(t)
  const [coffee, paraphrase, question, other] = await embed([
    'The user likes dark roast coffee',
    'The user prefers coffee that is dark roasted',
    'What coffee does the user like?',
    'Please fix the failing build',
  ])
  assert.equal(coffee?.length, 512)
  assert.ok(Math.abs(cosine(coffee, coffee) - 1) < 1e-3)
  assert.ok(cosine(coffee, paraphrase) > 0.8)
  assert.ok(cosine(coffee, question) > 0.5)
  assert.ok(cosine(coffee, other) < 0.35)
})

test('embedded model - a text that it cannot read has no vector', async (t) => {
  const { embed } = open(t)
  const vectors = await embed([
    '你好，世界',
    'Привет, как дела',
    '',
    '😀😀',
    'Hello 世界, how are you today my friend',
    '192.168.1.1',
    '\ud800 hello',
  ])
  assert.deepEqual(
    vectors.map((vector) => vector !== null),
    [false, false, false, false, true, true, true],
  )
})

test('embedded model - a megabyte is read up to where it costs nothing', async (t) => {
  const { embed } = open(t)
  const [long, begin] = await embed(['word and another '.repeat(60_000), 'word and another '.repeat(60_000).slice(0, 1_000)])
  assert.ok(cosine(long, begin) > 0.999)
})

test('embedded model - it is let go of when nothing is asked, and comes back', async (t) => {
  const { model, embed } = open(t, 20)
  assert.equal(model.isLoaded, false)
  const [first] = await embed(['hello there'])
  await eventually(() => !model.isLoaded)
  const [again] = await embed(['hello there'])
  assert.ok(cosine(first, again) > 0.999)
})

test('embedded model - closing refuses what waits and leaves no thread', async (t) => {
  const { model, embed } = open(t)
  const asked = embed(Array.from({ length: 50 }, (_, index) => `text ${index}`))
  const refused = assert.rejects(asked, { code: 'closing' })
  await eventually(() => model.isLoaded, { every_ms: 1 })
  await model.close()
  await refused
  assert.equal(model.isLoaded, false)
})

test('reading - the share of scripts decides, and characters are never cut in two', () => {
  assert.equal(isLatin('Das heißt „Grüße“'), true)
  assert.equal(isLatin('run 部署脚本 now'), false)
  assert.equal(isLatin('deployment script 部署'), true)
  assert.equal(cutAt('ab😀', 3), 'ab')
  assert.equal(cutAt('ab😀', 4), 'ab😀')
  assert.equal(cutToTokens('你好世界', 2), '你好')
  assert.equal(cutToTokens('short', 100), 'short')
})
