import assert from 'node:assert/strict'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { test } from 'node:test'
import { checkLeaks } from '../../../harness.ts'
import { attributes, openRig } from './rig.ts'

checkLeaks()

test('searcher - a worker that cannot be started fails the searches of that time, and none after it', async (t) => {
  const { retrieval, settled } = openRig(t)
  retrieval.put(1, 'the cat sleeps on the sofa', attributes())
  await settled()
  const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: unknown }
  const { Worker } = threads
  const putWorker = (value: unknown): void => {
    threads.Worker = value
    syncBuiltinESMExports()
  }
  let starts = 0
  class Refused {
    constructor() {
      starts += 1
      throw Object.assign(new Error('Worker initialization failure: EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' })
    }
  }
  putWorker(Refused)
  try {
    const searches = Array.from({ length: 20 }, () => retrieval.search({ query: 'cat', limit: 5 }))
    for (const end of await Promise.allSettled(searches))
      assert.equal(end.status === 'rejected' && end.reason.code, 'unavailable', JSON.stringify(end))
    assert.equal(starts, 20)
  } finally {
    putWorker(Worker)
  }
  assert.deepEqual(
    (await retrieval.search({ query: 'cat', limit: 5 })).hits.map(({ id }) => id),
    [1],
  )
})
