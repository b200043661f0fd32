import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load } from 'sqlite-vec'
import { openStore } from '../../../../services/runtime/retrieval/worker/store.ts'
import { findByWords } from '../../../../services/runtime/retrieval/worker/word-search.ts'
import { checkLeaks } from '../../../harness.ts'
import { openFile } from './rig.ts'

checkLeaks()

test('word search - a word that is very common is found in a past time too, however much was said since', (t) => {
  const db = openFile(t, ':memory:')
  load(db)
  const passage = db.prepare(
    "INSERT INTO passages (document_id, bot_id, scope, role, created_at, text) VALUES (?, 'b', 's', 'user', ?, 'report')",
  )
  const words = db.prepare("INSERT INTO passage_words (rowid, latin, pieces, owner) VALUES (?, 'report', '', '')")
  const fill = db.transaction(() => {
    for (let id = 1; id <= 10_500; id += 1) {
      passage.run(id, id)
      words.run(id)
    }
  })
  fill()
  const store = openStore(db)
  const found = (until?: number): number[] =>
    findByWords(store, ['report'], until === undefined ? {} : { until }, 10_500).map(({ id }) => id)
  assert.equal(found().length, 10_000, 'no more are ranked than the bound')
  assert.deepEqual(found(4).sort(), [1, 2, 3])
  assert.equal(found(10_002).length, 10_000)
})
