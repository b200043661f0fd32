import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toUnit } from '../../../../services/runtime/retrieval/signs.ts'
import { checkLeaks, eventually } from '../../../harness.ts'
import type { Rig } from './rig.ts'
import { attributes, openRig, toyVector } from './rig.ts'

checkLeaks()

/** Every passage has the vector that this model makes of its text, and no other. */
const assertRight = ({ db }: Rig, model: string, dimensions: number): void => {
  const rows = db
    .prepare(
      `SELECT p.text, m.name, v.vector, s.model_id = p.embedded_by AS agree FROM passages p JOIN embedding_models m ON m.id = p.embedded_by
       JOIN passage_vectors v ON v.passage_id = p.id JOIN passage_signs s ON s.passage_id = p.id`,
    )
    .all() as { text: string; name: string; vector: Buffer; agree: number }[]
  assert.equal(rows.length, (db.prepare('SELECT count(*) AS n FROM passages').get() as { n: number }).n)
  for (const { text, name, vector, agree } of rows) {
    assert.deepEqual([name, agree], [model, 1])
    const unit = toUnit(toyVector(text, dimensions))
    assert.deepEqual(new Float32Array(new Uint8Array(vector).buffer), unit, text)
  }
}

test('embedding - a thousand writes while the model fails, hangs, talks nonsense and changes: each row ends with a right vector', async (t) => {
  const rig = openRig(t)
  const { retrieval, model } = rig
  const moods: (() => void)[] = [
    () => {
      model.before = () => {
        throw new Error('nobody listens')
      }
    },
    () => {
      model.before = () => undefined
      model.bend = (vectors) => vectors.slice(1)
    },
    () => {
      model.bend = (vectors) => vectors.map(() => new Float32Array(3))
    },
    () => {
      model.bend = (vectors) => vectors
      model.name = 'toy:32'
      model.dimensions = 32
    },
    () => {
      model.before = (_texts, kind) => {
        if (kind === 'document' && Math.random() < 0.3) throw new Error('now and then')
      }
    },
  ]
  for (let id = 1; id <= 1_000; id += 1) {
    retrieval.put(id, `message number${id} of many`, attributes())
    if (id % 190 === 0) moods[id / 190 - 1]?.()
    if (id % 50 === 0) {
      const { hits } = await retrieval.search({ query: 'message', limit: 3 })
      assert.equal(hits.length, 3)
    }
  }
  model.before = () => undefined
  // A search that meets a model wakes who waits for one.
  await eventually(
    async () => {
      await retrieval.search({ query: 'message', limit: 1 })
      return retrieval.status().pending === 0
    },
    { timeout_ms: 60_000, every_ms: 50 },
  )
  assert.deepEqual(retrieval.status(), { total: 1_000, pending: 0, model: 'toy:32', reembedding: null })
  assertRight(rig, 'toy:32', 32)
})

test('embedding - another model: words go on, its vectors serve as they come, those of the old one do not', async (t) => {
  const rig = openRig(t)
  const { retrieval, model, settled } = rig
  for (let id = 1; id <= 200; id += 1) retrieval.put(id, `cargo number${id}`, attributes())
  await settled()
  let let_go: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    let_go = resolve
  })
  let batches = 0
  model.before = async (_texts, kind) => {
    if (kind === 'document') batches += 1
    if (kind === 'document' && batches > 2) await held
  }
  Object.assign(model, { name: 'other:64' })
  await eventually(async () => {
    await retrieval.search({ query: 'cargo', limit: 1 })
    return batches > 2
  })
  const { reembedding, pending, total } = retrieval.status()
  assert.deepEqual([total, reembedding?.total, (reembedding?.done ?? 0) + pending], [200, 200, 200])
  assert.ok(pending > 0 && pending < 200)
  const during = await retrieval.search({ query: 'cargo', limit: 200 })
  assert.equal(during.hits.length, 200)
  assert.equal(during.model, 'other:64')
  assert.equal(during.hits.filter(({ distance }) => distance !== null).length, reembedding?.done)
  let_go()
  await settled()
  assert.equal(retrieval.status().reembedding, null)
  assertRight(rig, 'other:64', 64)
})

test('embedding - a text that the model chokes on does not hold up the others, and stays pending', async (t) => {
  const { retrieval, model } = openRig(t)
  model.before = (texts, kind) => {
    if (kind === 'document' && texts.some((text) => text.includes('poison'))) throw new Error('choked')
  }
  for (let id = 1; id <= 40; id += 1) retrieval.put(id, id === 20 ? 'poison' : `message ${id}`, attributes())
  await eventually(
    async () => {
      await retrieval.search({ query: 'message', limit: 1 })
      return retrieval.status().pending === 1
    },
    { timeout_ms: 60_000 },
  )
  assert.deepEqual((await retrieval.search({ query: 'poison', limit: 1 })).hits[0]?.id, 20)
})

test('embedding - a model that hangs on the query costs no more than the budget, and the reply says so', async (t) => {
  const { retrieval, model, settled } = openRig(t)
  retrieval.put(1, 'slow boats', attributes())
  await settled()
  // It does not even heed its signal.
  model.before = () => new Promise(() => undefined)
  const began = performance.now()
  const found = await retrieval.search({ query: 'boats', limit: 5 })
  assert.ok(performance.now() - began < 8_000)
  assert.deepEqual([found.ways, found.model, found.hits[0]?.id], [['words'], null, 1])
  const taken = new AbortController()
  const search = retrieval.search({ query: 'boats', limit: 5, signal: taken.signal })
  taken.abort()
  await assert.rejects(search, { code: 'cancelled' })
})

test('embedding - what is removed while it is embedded stays removed, what is changed gets the vector of its new text', async (t) => {
  const rig = openRig(t)
  const { retrieval, model, settled } = rig
  let let_go: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    let_go = resolve
  })
  model.before = () => held
  retrieval.put(1, 'first', attributes())
  retrieval.put(2, 'second', attributes())
  await eventually(() => model.asked > 0)
  retrieval.remove(1)
  retrieval.put(2, 'changed', attributes())
  let_go()
  await settled()
  assert.equal(retrieval.status().total, 1)
  assertRight(rig, 'toy:64', 64)
})

test('embedding - closing does not wait for a model that hangs', async (t) => {
  const { retrieval, model } = openRig(t)
  model.before = (_texts, _kind, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  retrieval.put(1, 'text', attributes())
  await eventually(() => model.asked > 0)
  await retrieval.close()
  assert.equal(retrieval.status().pending, 1)
})

test('embedding - waits until nothing has come in for a while: what is written together is embedded together', async (t) => {
  const { retrieval, model, settled } = openRig(t, { settle_ms: 1_500 })
  const batches: number[] = []
  model.before = (texts) => void batches.push(texts.length)
  retrieval.put(1, 'the question', attributes())
  // As an answer arrives: later than a loop that does not wait would have begun.
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual(batches, [])
  retrieval.put(2, 'the answer', attributes())
  await settled()
  assert.deepEqual(batches, [2])
})

test('embedding - begins all the same when it is never silent', async (t) => {
  const { retrieval, model } = openRig(t, { settle_ms: 400 })
  let id = 0
  const writing = setInterval(() => retrieval.put(++id, `message number${id}`, attributes()), 20)
  t.after(() => clearInterval(writing))
  await eventually(() => model.asked > 0, { timeout_ms: 60_000 })
  assert.ok(id > 1)
})

test('embedding - waits for processors that others need, and while they need them goes on in small steps', async (t) => {
  let used = 0.9
  const { retrieval, model, settled } = openRig(t, { settle_ms: 100, usedShare: () => used })
  const batches: number[] = []
  model.before = async (texts) => {
    batches.push(texts.length)
    // So that a passage takes 20 ms at least.
    await new Promise((resolve) => setTimeout(resolve, 20 * texts.length))
  }
  const began = performance.now()
  for (let id = 1; id <= 60; id += 1) retrieval.put(id, `message number${id}`, attributes())
  await eventually(() => batches.length > 1)
  assert.ok(performance.now() - began >= 900, 'each step waits as long as it may')
  assert.ok(Math.max(...batches) <= 5, `small steps, and not ${batches}`)
  const small = batches.length
  used = 0.1
  await settled()
  assert.ok(Math.max(...batches.slice(small + 1)) > 5, `larger ones when there is room, and not ${batches}`)
  assert.ok(Math.max(...batches) <= 25, `and none that takes long, as in ${batches}`)
})
