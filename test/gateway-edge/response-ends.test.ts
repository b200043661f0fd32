/** How responses ended is told once, however many messages wait for it; and a hand-over that was given up is told as broken. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { begin } from '../../gateway-edge/http/begin.ts'
import { ResponseEnds } from '../../gateway-edge/http/response-ends.ts'
import { ServiceError } from '../../protocol/errors.ts'
import { createLog } from '../../services/runtime/log.ts'
import { checkLeaks } from '../harness.ts'

checkLeaks()

const log = createLog({ service: 'test', level: 'silent' })

test('response ends - what could not be told is told once, though many messages wait for it, and again only after a failure', async () => {
  let isAway = true
  const told: string[] = []
  const client = {
    response_ended: async ({ response_id }: { response_id: string }) => {
      told.push(response_id)
      await new Promise((resolve) => setImmediate(resolve))
      if (isAway) throw new ServiceError('unavailable')
      return {}
    },
  }
  const ends = new ResponseEnds(client, log)
  await Promise.all([ends.tell('a', false), ends.tell('b', true)])
  assert.deepEqual(told.splice(0), ['a', 'b'])
  await Promise.all(Array.from({ length: 50 }, () => assert.rejects(ends.settle())))
  assert.deepEqual(told.splice(0), ['a', 'b'])
  // A settling fails with the first of its calls; the other one ends, too.
  await new Promise((resolve) => setImmediate(resolve))
  isAway = false
  await Promise.all(Array.from({ length: 50 }, () => ends.settle()))
  assert.deepEqual(told.splice(0), ['a', 'b'])
  await ends.settle()
  assert.deepEqual(told, [])
})

test('response ends - a hand-over that was given up is told as broken: it may have been committed', async () => {
  const told: [string, boolean][] = []
  const handed: (string | undefined)[] = []
  const deps = {
    ends: { settle: async () => undefined, tell: async (id: string, completed: boolean) => void told.push([id, completed]) },
    edge: 'edge',
    give_up_ms: 0,
  }
  const input: { idempotency_key?: string } = {}
  const send = async ({ response }: { response: { response_id: string } | undefined }): Promise<never> => {
    handed.push(response?.response_id)
    throw new ServiceError('unavailable')
  }
  await assert.rejects(begin(deps, { closed: false }, input, send))
  assert.deepEqual(told, [[handed[0], false]])
  await assert.rejects(begin(deps, { closed: false }, { idempotency_key: 'mine' }, send))
  assert.equal(told.length, 1, 'who names his message needs no word of its response')
})
