import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { type OllamaBehaviour, vectorFor } from '../../fakes/ollama.ts'
import { type Child, checkLeaks, eventually, ready, startModule, tempDir } from '../../harness.ts'
import { openRig, playedOllama, type Rig } from './rig.ts'

checkLeaks()

interface VectorRow {
  readonly text: string
  readonly name: string
  readonly vector: Buffer | null
}

/** Every passage with the vector that search would compare. The service is closed by then. */
const vectorsIn = (file: string): VectorRow[] => {
  const db = new Database(file, { readonly: true })
  try {
    return db
      .prepare(
        `SELECT passages.text, embedding_models.name, passage_vectors.vector FROM passages
         JOIN embedding_models ON embedding_models.id = passages.embedded_by
         LEFT JOIN passage_vectors ON passage_vectors.passage_id = passages.id`,
      )
      .all() as VectorRow[]
  } finally {
    db.close()
  }
}

/** Each has the vector that Ollama makes of just this text, and the name of the model that made it. */
const assertRight = (rows: readonly VectorRow[], count: number, dimensions: number): void => {
  assert.equal(rows.length, count)
  for (const { text, name, vector } of rows) {
    assert.equal(name, `ollama:nomic-embed-text:${dimensions}`)
    assert.ok(vector !== null && vector.byteLength === dimensions * 4, text)
    const numbers = new Float32Array(Uint8Array.from(vector).buffer)
    const expected = vectorFor(`search_document: ${text}`, dimensions)
    assert.ok(
      numbers.every((value, at) => Math.abs(value - (expected[at] ?? 0)) < 1e-5),
      text,
    )
  }
}

const settled = ({ memory }: Rig, dimensions: number): Promise<boolean> =>
  eventually(
    async () => {
      const { pending, reembedding, embedding } = await memory.status({})
      return pending === 0 && reembedding === null && embedding.dimensions === dimensions
    },
    { timeout_ms: 120_000, every_ms: 50 },
  )

test('outage - Ollama stops, hangs, speaks garbage and changes its dimensions during 1,000 writes: nothing is lost', async (t) => {
  const ollama = await playedOllama(t)
  const rig = openRig(t, { ollama, mode: 'ollama', look_timeout_ms: 300 })
  const behaviours: Record<number, OllamaBehaviour> = {
    300: 'hang',
    400: 'no_json',
    500: 'ok',
    550: 'not_numbers',
    600: 'missing',
    650: 'reset',
    700: 'ok',
  }
  // The longest that a write waited for anybody. What the disk takes is not idle time: SQLite holds the thread.
  let slowest = 0
  for (let index = 0; index < 1_000; index++) {
    if (index === 100 || index === 900) await ollama.stop()
    if (index === 200 || index === 950) await ollama.start()
    if (index === 800) ollama.dimensions = 384
    ollama.behaviour = behaviours[index] ?? ollama.behaviour
    const before = performance.eventLoopUtilization()
    await rig.memory.create({ key: `k${index}`, content: `the note about topic${index} number ${index}` })
    slowest = Math.max(slowest, performance.eventLoopUtilization(before).idle)
    if (index % 25 === 0) {
      const hits = await rig.memory.search({ q: `topic${index}`, limit: 3 })
      assert.ok(
        hits.some(({ key }) => key === `k${index}`),
        `write ${index} is found at once`,
      )
    }
  }
  assert.ok(slowest < 2_000, `the slowest write waited ${Math.round(slowest)} ms`)
  assert.equal((await rig.memory.list({})).length, 1_000)
  await settled(rig, 384)
  const [hit] = await rig.memory.search({ q: 'topic77', limit: 1 })
  assert.equal(hit?.key, 'k77')
  assert.ok(hit.distance !== null && hit.ways.includes('meaning'))
  await rig.close()
  assertRight(vectorsIn(rig.file), 1_000, 384)
})

test('outage - gone for good, the built-in model takes over; back, Ollama does; in the end every row has one of its vectors', async (t) => {
  const ollama = await playedOllama(t)
  const rig = openRig(t, { ollama, mode: 'auto' })
  for (let index = 0; index < 20; index++) await rig.memory.create({ key: `k${index}`, content: `a short note number ${index}` })
  await settled(rig, 768)
  await ollama.stop()
  await rig.memory.create({ key: 'meanwhile', content: 'written while it was away' })
  await settled(rig, 512)
  const [hit] = await rig.memory.search({ q: 'written during the absence' })
  assert.equal(hit?.key, 'meanwhile')
  assert.equal(hit.model, 'use-lite-en:512')
  await ollama.start()
  await settled(rig, 768)
  await rig.close()
  assertRight(vectorsIn(rig.file), 21, 768)
})

for (const behaviour of ['hang', 'reset', 'no_json', 'missing', 503] as const satisfies readonly OllamaBehaviour[]) {
  test(`outage - ${behaviour}: a search answers within its budget, by words, and says so`, async (t) => {
    const ollama = await playedOllama(t)
    const rig = openRig(t, { ollama, mode: 'ollama' })
    await rig.memory.create({ key: 'k', content: 'something about marmots' })
    await settled(rig, 768)
    ollama.behaviour = behaviour
    const began = performance.now()
    const [hit] = await rig.memory.search({ q: 'marmots' })
    assert.ok(performance.now() - began < 8_000)
    assert.equal(hit?.key, 'k')
    assert.deepEqual([hit.ways, hit.distance], [['words'], null])
    await eventually(async () => (await rig.memory.status({})).embedding.problem !== null)
  })
}

test('outage - killed again and again while it embeds, memory keeps what it acknowledged and embeds the rest', async (t) => {
  const ollama = await playedOllama(t)
  const folder = tempDir(t)
  const begin = async (): Promise<Child> => {
    const child = startModule(t, 'test/services/memory/memory-main.ts', {}, [folder, ollama.url])
    await ready(child)
    return child
  }
  const acknowledged = new Set<string>()
  let next = 0
  for (let life = 0; life < 5; life++) {
    const child = await begin()
    const asked = new Map<number, string>()
    for (let count = 0; count < 60; count++) {
      const id = next++
      asked.set(id, `k${id}`)
      child.process.send({ id, key: `k${id}` })
    }
    // In the middle of embedding: some vectors of this life are made, and not all.
    const before = ollama.calls.length
    await eventually(() => ollama.calls.length > before + 1, { timeout_ms: 30_000, every_ms: 1 })
    child.process.kill('SIGKILL')
    await child.exit
    for (const message of child.messages) {
      const { id, ok } = message as { id?: number; ok?: boolean }
      if (ok === true) acknowledged.add(asked.get(id ?? -1) ?? '')
    }
  }
  assert.ok(acknowledged.size > 5, `${acknowledged.size} were acknowledged`)
  const rig = openRig(t, { ollama, mode: 'ollama', folder })
  await settled(rig, 768)
  const rows = await rig.memory.list({})
  const keys = new Set(rows.map(({ key }) => key))
  assert.deepEqual(
    [...acknowledged].filter((key) => !keys.has(key)),
    [],
  )
  await rig.close()
  assertRight(vectorsIn(rig.file), rows.length, 768)
})

test('outage - a restart keeps the model: Ollama that is late at boot does not cost all vectors', async (t) => {
  const ollama = await playedOllama(t)
  const patience = { leave_ms: 60_000, return_ms: 60_000 }
  const first = openRig(t, { ollama, patience })
  await first.memory.create({ key: 'k', content: 'something about marmots' })
  await settled(first, 768)
  await first.close()
  await ollama.stop()
  const second = openRig(t, { ollama, patience, folder: first.folder })
  await second.memory.create({ key: 'late', content: 'written before Ollama was there' })
  await eventually(async () => (await second.memory.status({})).embedding.problem !== null)
  assert.equal((await second.memory.status({})).embedding.model, 'ollama:nomic-embed-text:768')
  await ollama.start()
  await settled(second, 768)
  await second.close()
  assertRight(vectorsIn(second.file), 2, 768)
})

test('outage - other settings after a restart: what is there is embedded anew without anybody asking', async (t) => {
  const ollama = await playedOllama(t)
  const first = openRig(t, { mode: 'embedded' })
  await first.memory.create({ key: 'k', content: 'something about marmots' })
  await settled(first, 512)
  await first.close()
  const second = openRig(t, { ollama, mode: 'ollama', folder: first.folder })
  await eventually(async () => (await second.memory.status({})).embedding.dimensions === 768)
  await settled(second, 768)
  await eventually(() => ollama.calls.some(({ input }) => input.includes('search_document: something about marmots')))
  await eventually(async () => (await second.memory.search({ q: 'marmots' }))[0]?.distance !== null)
  await second.close()
  assertRight(vectorsIn(second.file), 1, 768)
})
