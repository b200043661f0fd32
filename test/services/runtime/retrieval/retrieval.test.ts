import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Filter } from '../../../../services/runtime/retrieval/retrieval.ts'
import { checkLeaks } from '../../../harness.ts'
import fc from '../../../property.ts'
import { keptBy } from '../kept-by.ts'
import { attributes, NOON, openRig } from './rig.ts'

checkLeaks()

const ids = (found: { hits: readonly { id: number }[] }): number[] => found.hits.map(({ id }) => id)

test('retrieval - a hit says by which ways it was found, how near, at which place, and shows the passage', async (t) => {
  const { retrieval, settled } = openRig(t)
  retrieval.put(1, 'the cat sleeps on the sofa', attributes())
  retrieval.put(2, 'quarterly tax report', attributes())
  retrieval.put(3, '今天天气很好', attributes())
  await settled()
  const found = await retrieval.search({ query: 'tax report', limit: 10 })
  assert.deepEqual([found.ways, found.model, found.pending], [['meaning', 'words'], 'toy:64', 0])
  const [best] = found.hits
  assert.deepEqual([best?.id, best?.passage, best?.text_rank], [2, 'quarterly tax report', 1])
  assert.deepEqual(best?.found_by, ['meaning', 'words'])
  assert.ok(best?.distance !== null && best?.distance !== undefined && best.distance > 0 && best.distance < 1)
  assert.deepEqual(found.hits.find(({ id }) => id === 1)?.found_by, ['meaning'])
  const chinese = await retrieval.search({ query: '天气', limit: 10 })
  assert.deepEqual([chinese.ways, ids(chinese), chinese.hits[0]?.distance], [['words'], [3], null])
})

test('retrieval - what was put last counts, and what was removed is gone, in both ways', async (t) => {
  const { retrieval, settled, db } = openRig(t)
  retrieval.put(1, 'apples and pears', attributes())
  retrieval.put(2, 'apples and plums', attributes())
  await settled()
  await retrieval.search({ query: 'apples', limit: 10 })
  retrieval.put(1, 'trains and planes', attributes())
  retrieval.remove(2)
  await settled()
  const found = await retrieval.search({ query: 'apples', limit: 10 })
  assert.deepEqual(
    found.hits.map(({ id, passage, text_rank }) => [id, passage, text_rank]),
    [[1, 'trains and planes', null]],
  )
  retrieval.remove(1)
  assert.deepEqual(ids(await retrieval.search({ query: 'trains apples', limit: 10 })), [])
  for (const table of ['passages', 'passage_vectors', 'passage_signs'])
    assert.deepEqual(db.prepare(`SELECT count(*) AS n FROM ${table}`).get(), { n: 0 }, table)
  assert.deepEqual(retrieval.status(), { total: 0, pending: 0, model: 'toy:64', reembedding: null })
})

test('retrieval - an equal text under another bot keeps its vector and is the other bot’s at once', async (t) => {
  const { retrieval, settled, model } = openRig(t)
  retrieval.put(1, 'apples', attributes({ bot_id: 'a' }))
  await settled()
  await retrieval.search({ query: 'apples', limit: 1 })
  const asked = model.asked
  retrieval.put(1, 'apples', attributes({ bot_id: 'b' }))
  assert.equal(retrieval.status().pending, 0)
  const of = async (bot_id: string) => ids(await retrieval.search({ query: 'apples', limit: 9, filter: { bot_id } }))
  assert.deepEqual([await of('a'), await of('b')], [[], [1]])
  assert.equal(model.asked, asked + 2, 'queries alone were embedded')
})

test('retrieval - what the caller rolls back was never there', async (t) => {
  const { retrieval, settled, db } = openRig(t)
  retrieval.put(1, 'kept words', attributes())
  const fails = db.transaction(() => {
    retrieval.put(1, 'other words', attributes())
    retrieval.put(2, 'more words', attributes())
    throw new Error('rolled back')
  })
  assert.throws(() => fails(), /rolled back/)
  await settled()
  const found = await retrieval.search({ query: 'words', limit: 10 })
  assert.deepEqual(
    found.hits.map(({ id, passage }) => [id, passage]),
    [[1, 'kept words']],
  )
  assert.equal(retrieval.status().total, 1)
})

test('retrieval - a long text is one hit with its best passage, and many passages do not crowd out others', async (t) => {
  const { retrieval, settled } = openRig(t)
  const filler = 'Nothing of interest happened on that day in the harbour. '.repeat(400)
  retrieval.put(1, `${filler}\n\nThe zebra ate the passport.\n\n${filler}`, attributes())
  for (let id = 2; id <= 11; id += 1) retrieval.put(id, `harbour number ${id}`, attributes())
  await settled()
  const zebra = await retrieval.search({ query: 'zebra passport', limit: 3 })
  assert.equal(zebra.hits[0]?.id, 1)
  assert.match(zebra.hits[0]?.passage ?? '', /zebra ate the passport/)
  assert.ok((zebra.hits[0]?.passage.length ?? 0) <= 1_200)
  const harbour = ids(await retrieval.search({ query: 'harbour', limit: 11 }))
  assert.deepEqual(
    harbour.sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  )
})

test('retrieval - a query is text, whatever it looks like in the language of FTS5', async (t) => {
  const { retrieval, settled } = openRig(t)
  retrieval.put(1, 'owner latin pieces near and or not', attributes())
  await settled()
  const hostile = [
    '"',
    '""',
    'a"b',
    'NEAR(a b, 2)',
    'latin: x',
    'owner : b',
    '-x',
    'x*',
    '^x',
    'a AND',
    'OR',
    '(',
    ')',
    '{a b} : c',
    "'; DROP TABLE passages; --",
    'nul \0 byte',
    '\ud800',
    '%_',
    '😀',
  ]
  for (const query of hostile) await retrieval.search({ query, limit: 5 })
  assert.deepEqual((await retrieval.search({ query: 'latin : pieces*', limit: 5 })).hits[0]?.text_rank, 1)
  assert.equal(retrieval.status().total, 1)
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), async (query) => {
      if (query.trim() !== '') await retrieval.search({ query, limit: 3 })
    }),
    { numRuns: 150 },
  )
})

test('retrieval - bounds: no query, no hits wanted, too many wanted, a query of a megabyte', async (t) => {
  const { retrieval, settled } = openRig(t)
  retrieval.put(1, 'hello', attributes())
  await settled()
  for (const query of ['', '  \n ']) await assert.rejects(retrieval.search({ query, limit: 5 }), { code: 'invalid_input' })
  for (const limit of [-1, 1.5, Number.NaN])
    await assert.rejects(retrieval.search({ query: 'x', limit }), { code: 'invalid_input' })
  assert.deepEqual((await retrieval.search({ query: 'hello', limit: 0 })).hits, [])
  assert.deepEqual(ids(await retrieval.search({ query: 'hello', limit: 1_000_000_000 })), [1])
  assert.deepEqual(ids(await retrieval.search({ query: `hello ${'x '.repeat(500_000)}`, limit: 5 })), [1])
  retrieval.put(2, '', attributes())
  retrieval.put(3, '???', attributes())
  await settled()
  assert.equal(retrieval.status().total, 2)
})

test('retrieval - the first search over nothing finds nothing', async (t) => {
  const { retrieval } = openRig(t)
  assert.deepEqual(await retrieval.search({ query: 'anything', limit: 5 }), {
    hits: [],
    ways: ['meaning', 'words'],
    model: 'toy:64',
    pending: 0,
  })
})

test('retrieval - filters hold, whatever was put, changed, removed and asked', async (t) => {
  const { retrieval, settled } = openRig(t)
  const words = ['red', 'green', 'blue', '红色', '绿色']
  const owner = fc.record({
    bot_id: fc.constantFrom('a', 'b', 'A', 'a b'),
    scope: fc.constantFrom('s', 't'),
    role: fc.constantFrom('user', 'assistant'),
    created_at: fc.integer({ min: NOON, max: NOON + 3 }),
  })
  const text = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }).map((chosen) => chosen.join(' '))
  const change = fc.record({ id: fc.integer({ min: 1, max: 12 }), text: fc.option(text), owner })
  const filter: fc.Arbitrary<Filter> = fc.record(
    {
      bot_id: fc.constantFrom('a', 'b', 'A', 'a b', 'nobody'),
      scope: fc.constantFrom('s', 't'),
      role: fc.constantFrom('user', 'assistant'),
      since: fc.integer({ min: NOON, max: NOON + 3 }),
      until: fc.integer({ min: NOON, max: NOON + 4 }),
    },
    { requiredKeys: [] },
  )
  const there = new Map<number, { text: string; owner: ReturnType<typeof attributes> }>()
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 8 }), text, filter, fc.boolean(), async (changes, query, asked, wait) => {
      for (const { id, text, owner } of changes) {
        if (text === null) {
          retrieval.remove(id)
          there.delete(id)
        } else {
          retrieval.put(id, text, owner)
          there.set(id, { text, owner })
        }
      }
      if (wait) await settled()
      const { hits } = await retrieval.search({ query, limit: 50, filter: asked })
      const passes = [...there].filter(
        ([, { owner }]) =>
          (asked.bot_id ?? owner.bot_id) === owner.bot_id &&
          (asked.scope ?? owner.scope) === owner.scope &&
          (asked.role ?? owner.role) === owner.role &&
          owner.created_at >= (asked.since ?? 0) &&
          owner.created_at < (asked.until ?? Number.POSITIVE_INFINITY),
      )
      for (const { id, passage } of hits) {
        assert.ok(
          passes.some(([of]) => of === id),
          `${id} does not pass`,
        )
        assert.equal(passage, there.get(id)?.text)
      }
      assert.equal(new Set(hits.map(({ id }) => id)).size, hits.length)
      // Whoever passes and has a word of the query is found, vector or not.
      const said = passes.filter(([, { text }]) => query.split(' ').some((word) => text.split(' ').includes(word)))
      assert.deepEqual(
        said.map(([id]) => id).filter((id) => !hits.some((hit) => hit.id === id)),
        [],
      )
    }),
    { numRuns: 150 },
  )
})

test('retrieval - searches at once are all answered; taken back, they say so; closing says so', async (t) => {
  const { retrieval, settled } = openRig(t)
  for (let id = 1; id <= 50; id += 1) retrieval.put(id, `message number ${id}`, attributes())
  await settled()
  const all = await Promise.all(Array.from({ length: 100 }, () => retrieval.search({ query: 'message', limit: 5 })))
  assert.deepEqual([...new Set(all.map(({ hits }) => hits.length))], [5])
  const taken = new AbortController()
  const searches = Array.from({ length: 20 }, () => retrieval.search({ query: 'message', limit: 5, signal: taken.signal }))
  taken.abort()
  const ends = await Promise.allSettled(searches)
  for (const end of ends) if (end.status === 'rejected') assert.equal(end.reason.code, 'cancelled')
  assert.ok(ends.some(({ status }) => status === 'rejected'))
  assert.equal((await retrieval.search({ query: 'message', limit: 5 })).hits.length, 5)
  await retrieval.close()
  await assert.rejects(retrieval.search({ query: 'message', limit: 5 }), { code: 'closing' })
  await retrieval.close()
})

test('retrieval - a search leaves nothing on the signal of its caller, which may live as long as the process', async (t) => {
  const { retrieval, model } = openRig(t)
  const { signal } = new AbortController()
  let during = 0
  model.before = () => {
    during = keptBy(signal)
  }
  for (let search = 0; search < 3; search += 1) await retrieval.search({ query: 'anything', limit: 5, signal })
  assert.ok(during > 0)
  assert.equal(keptBy(signal), 0)
})

test('retrieval - what was stored is found by a new life, vectors and all', async (t) => {
  const first = openRig(t)
  first.retrieval.put(1, 'the captain reads maps', attributes())
  await first.settled()
  await first.retrieval.close()
  first.db.close()
  const { retrieval, model } = openRig(t, { file: first.file })
  const found = await retrieval.search({ query: 'captain', limit: 5 })
  assert.deepEqual([ids(found), found.hits[0]?.found_by], [[1], ['meaning', 'words']])
  assert.equal(model.asked, 1, 'the query alone was embedded')
})

test('retrieval - thousands of removed texts leave the memory again, and what is left is found meanwhile', async (t) => {
  const { retrieval, settled, db } = openRig(t)
  const write = db.transaction((from: number, to: number, text: string) => {
    for (let id = from; id <= to; id += 1) retrieval.put(id, `${text} ${id}`, attributes())
  })
  write(1, 2_500, 'walrus')
  await settled()
  await retrieval.search({ query: 'walrus', limit: 1 })
  const forget = db.transaction(() => {
    for (let id = 11; id <= 2_500; id += 1) retrieval.remove(id)
  })
  forget()
  // All ten are among the nearest only if what is gone does not stand in their way.
  for (let round = 0; round < 5; round += 1) {
    const { hits } = await retrieval.search({ query: 'zzz walrus', limit: 10 })
    assert.deepEqual(
      hits.map(({ id }) => id).sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    )
  }
  assert.deepEqual(
    (await retrieval.search({ query: 'walrus', limit: 10 })).hits.map(({ distance }) => distance !== null),
    new Array(10).fill(true),
  )
})
