import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision, Mode } from '../../../../services/memory/embedder/choice.ts'
import { Embedder, type EmbedderOptions } from '../../../../services/memory/embedder/embedder.ts'
import { type OllamaBehaviour, type OllamaFake, vectorFor } from '../../../fakes/ollama.ts'
import { atEnd, checkLeaks, deferred, eventually, type Scope } from '../../../harness.ts'
import { listenedLog, playedOllama } from '../rig.ts'

checkLeaks()

const open = (t: Scope, ollama: OllamaFake | null, options: Partial<EmbedderOptions> & { mode?: Mode } = {}) => {
  const kept: Decision[] = []
  const { log, lines } = listenedLog()
  const embedder = new Embedder({
    mode: 'auto',
    base_url: ollama?.url ?? 'http://127.0.0.1:9',
    model: 'nomic-embed-text',
    store: {
      lastChoice: () => ({ model: kept.at(-1)?.model ?? null, changed_at: [] }),
      keepChoice: (decision) => void kept.push(decision),
    },
    log,
    patience: { leave_ms: 200, return_ms: 100 },
    look_every_ms: 30,
    look_timeout_ms: 2_000,
    ...options,
  })
  atEnd(t, () => embedder.close())
  embedder.start()
  const embed = (texts: string[], kind: 'document' | 'query' = 'document', timeout_ms = 5_000, signal?: AbortSignal) =>
    embedder.embed(texts, { kind, timeout_ms, signal: signal ?? new AbortController().signal })
  return { embedder, embed, kept, lines }
}

const said = (lines: readonly { level: string; msg: string }[], pattern: RegExp): number =>
  lines.filter(({ msg }) => pattern.test(msg)).length

test('embedder - Ollama is asked with the prefixes of its model, in batches, two at a time, and stays loaded', async (t) => {
  const ollama = await playedOllama(t)
  const { embed } = open(t, ollama)
  const texts = Array.from({ length: 64 }, (_, index) => `text ${index}`)
  const [answer, , query] = await Promise.all([embed(texts), embed(texts), embed(['where'], 'query')])
  assert.equal(answer.model, 'ollama:nomic-embed-text:768')
  assert.equal(answer.dimensions, 768)
  assert.deepEqual(answer.vectors[7]?.map(Math.fround), vectorFor('search_document: text 7', 768).map(Math.fround))
  assert.deepEqual(query.vectors[0]?.length, 768)
  const inputs = ollama.calls.flatMap(({ input }) => input)
  assert.ok(inputs.includes('search_query: where') && inputs.includes('search_document: text 63'))
  assert.ok(ollama.calls.every(({ input, keep_alive }) => input.length <= 16 && keep_alive === '30m'))
  assert.ok(ollama.most <= 3, 'two, and the first look')
})

test('embedder - a query does not stand behind documents that wait', async (t) => {
  const ollama = await playedOllama(t)
  const { embed } = open(t, ollama)
  await embed(['warm'])
  const gate = deferred()
  ollama.gate = gate.promise
  const documents = Promise.all(Array.from({ length: 6 }, (_, index) => embed([`document ${index}`])))
  await eventually(() => ollama.calls.some(({ input }) => input[0]?.includes('document 1')))
  const query = embed(['urgent'], 'query')
  gate.resolve()
  await Promise.all([documents, query])
  const order = ollama.calls.flatMap(({ input }) => input)
  assert.ok(order.indexOf('search_query: urgent') < order.indexOf('search_document: document 3'), order.join())
})

test('embedder - empty texts have no vector and are not sent; long ones are cut to the window, not within a character', async (t) => {
  const ollama = await playedOllama(t)
  const { embed } = open(t, ollama)
  const { vectors } = await embed(['', '  \n', '😀'.repeat(5_000), 'a'.repeat(100_000), 'b'])
  assert.deepEqual(
    vectors.map((vector) => vector !== null),
    [false, false, true, true, true],
  )
  const [emoji = '', latin = ''] = ollama.calls.at(-1)?.input ?? []
  assert.equal(emoji, `search_document: ${'😀'.repeat(2_000)}`)
  assert.equal(latin.length, 'search_document: '.length + 6_000)
})

const faults: readonly (readonly [OllamaBehaviour, RegExp])[] = [
  ['missing', /ollama pull nomic-embed-text/],
  ['hang', /does not answer within/],
  ['reset', /ollama serve/],
  ['no_json', /no JSON/],
  ['no_vectors', /no list/],
  ['too_few', /no list/],
  ['not_numbers', /no vector/],
  ['zeros', /no vector/],
  ['endless', /does not answer within|more than any vectors/],
  [500, /answered 500/],
  [401, /a name and a password/],
]
for (const [behaviour, problem] of faults) {
  test(`embedder - fault ${behaviour}: the built-in model serves from the start, and the status says why`, async (t) => {
    const ollama = await playedOllama(t)
    ollama.behaviour = behaviour
    const isSilent = behaviour === 'hang' || behaviour === 'endless'
    const { embed, embedder, lines } = open(t, ollama, isSilent ? { look_timeout_ms: 200 } : {})
    const { model, vectors } = await embed(['The cat sleeps'], 'document', 20_000)
    assert.equal(model, 'use-lite-en:512')
    assert.equal(vectors[0]?.length, 512)
    const status = embedder.status()
    assert.ok(status.answering)
    assert.match(status.problem ?? '', problem)
    assert.match(status.problem ?? '', /English only/)
    await eventually(() => ollama.calls.length >= (behaviour === 'endless' ? 1 : 3))
    assert.equal(said(lines, problem), 1, 'told once, not with each look')
  })
}

test('embedder - an Ollama in use that fails gives errors, never vectors of another model; then it is left, and come back to', async (t) => {
  const ollama = await playedOllama(t)
  const { embed, embedder, kept, lines } = open(t, ollama)
  assert.equal((await embed(['one'])).model, 'ollama:nomic-embed-text:768')
  ollama.behaviour = 'reset'
  await assert.rejects(embed(['two']), { code: 'unavailable' })
  assert.match(embedder.status().problem ?? '', /ollama serve.*search goes by words/)
  assert.equal(embedder.status().model, 'ollama:nomic-embed-text:768')
  await eventually(() => embedder.status().model === 'use-lite-en:512')
  assert.equal((await embed(['three'], 'document', 20_000)).model, 'use-lite-en:512')
  ollama.behaviour = 'ok'
  await eventually(() => embedder.status().leaning !== null)
  await eventually(() => embedder.status().model === 'ollama:nomic-embed-text:768')
  assert.equal((await embed(['four'])).model, 'ollama:nomic-embed-text:768')
  assert.deepEqual(
    kept.map(({ model, isChange }) => [model.name.split(':')[0], isChange]),
    [
      ['ollama', false],
      ['use-lite-en', true],
      ['ollama', true],
    ],
  )
  assert.equal(said(lines, /ollama serve/), 1)
  assert.equal(said(lines, /from now on/), 3)
})

test('embedder - a hang is noticed at the first caller that gives up, and nobody waits for it after that', async (t) => {
  const ollama = await playedOllama(t)
  const { embed, embedder } = open(t, ollama, { patience: { leave_ms: 60_000, return_ms: 60_000 } })
  await embed(['one'])
  ollama.behaviour = 'hang'
  await assert.rejects(embed(['two'], 'query', 300), { code: 'timeout' })
  await eventually(() => embedder.status().problem !== null)
  const began = performance.now()
  await assert.rejects(embed(['three'], 'query', 10_000), { code: 'unavailable' })
  assert.ok(performance.now() - began < 5_000)
  assert.equal(embedder.isQuick, false)
  ollama.behaviour = 'ok'
  await eventually(() => embedder.status().problem === null)
  assert.equal((await embed(['four'])).vectors.length, 1)
})

test('embedder - other dimensions are not mixed in; they are taken over when they stay', async (t) => {
  const ollama = await playedOllama(t)
  const { embed, embedder } = open(t, ollama)
  await embed(['one'])
  ollama.dimensions = 384
  await assert.rejects(embed(['two']), { code: 'unavailable', message: /384 dimensions where it had 768/ })
  await eventually(() => embedder.status().dimensions === 384)
  const { model, vectors } = await embed(['three'])
  assert.deepEqual([model, vectors[0]?.length], ['ollama:nomic-embed-text:384', 384])
})

test('embedder - a text that Ollama cannot take has no vector, and keeps the others from nothing', async (t) => {
  const ollama = await playedOllama(t)
  ollama.poison = 'POISON'
  const { embed, embedder } = open(t, ollama)
  const { vectors } = await embed(['one', 'POISON here', 'three'])
  assert.deepEqual(
    vectors.map((vector) => vector !== null),
    [true, false, true],
  )
  assert.equal(embedder.status().problem, null)
})

test('embedder - a password in the address goes into a header and into no log, error or status', async (t) => {
  const ollama = await playedOllama(t)
  const base_url = ollama.url.replace('://', '://someone:hunter2secret@')
  const { embed, embedder, lines } = open(t, ollama, { base_url })
  await embed(['one'])
  assert.equal(ollama.calls.at(-1)?.authorization, `Basic ${Buffer.from('someone:hunter2secret').toString('base64')}`)
  await ollama.stop()
  const error = await embed(['two']).then(
    () => assert.fail('answered'),
    (problem: Error) => problem,
  )
  await eventually(() => embedder.status().problem !== null)
  const told = JSON.stringify([error.message, String((error.cause as Error)?.cause), embedder.status(), lines])
  assert.ok(!told.includes('hunter2secret'), told)
})

test('embedder - off gives nothing and says so; ollama alone never falls back', async (t) => {
  const off = open(t, null, { mode: 'off' })
  await assert.rejects(off.embed(['one']), { code: 'unavailable', message: /EMBEDDINGS=off/ })
  assert.deepEqual([off.embedder.status().model, off.embedder.status().answering], [null, false])
  const alone = open(t, null, { mode: 'ollama' })
  await assert.rejects(alone.embed(['one']), { code: 'unavailable', message: /ollama serve/ })
  assert.equal(alone.embedder.status().model, null)
})

test('embedder - a caller that goes away is let go at once, also while nothing is decided', async (t) => {
  const ollama = await playedOllama(t)
  ollama.behaviour = 'hang'
  const { embed } = open(t, ollama, { look_timeout_ms: 5_000 })
  const controller = new AbortController()
  const asked = embed(['one'], 'query', 60_000, controller.signal)
  controller.abort(new Error('gone'))
  await assert.rejects(asked, /gone/)
})

test('embedder - closing while everything hangs takes no time', async (t) => {
  const ollama = await playedOllama(t)
  const { embed, embedder } = open(t, ollama)
  await embed(['one'])
  ollama.behaviour = 'hang'
  const asked = Array.from({ length: 5 }, (_, index) => embed([`text ${index}`], 'document', 60_000))
  const settled = Promise.allSettled(asked)
  const began = performance.now()
  await embedder.close()
  assert.ok((await settled).every(({ status }) => status === 'rejected'))
  assert.ok(performance.now() - began < 5_000)
})
