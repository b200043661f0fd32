import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, DEFAULT_TIMEOUT_MS } from '../../protocol/client.ts'
import { contract, table } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { CallOptions, Link } from '../../protocol/method.ts'

const recorder = (answer: unknown) => {
  const calls: { name: string; input: unknown; options: CallOptions }[] = []
  const link: Link = async (name, input, options) => {
    calls.push({ name, input, options })
    return answer
  }
  return { calls, link }
}

test('client - has one function for each method of its service, and is an ordinary object', async () => {
  const client = createClient('history', recorder(null).link)
  assert.deepEqual(Object.keys(client).sort(), Object.keys(contract.history.methods).sort())
  assert.equal(await Promise.resolve(client), client)
})

test('client - calls by name with the time that the row gives; options win', async () => {
  const { calls, link } = recorder([])
  const client = createClient('history', link)
  const { signal } = new AbortController()
  await client.get_session({ session_id: 's' })
  await client.get_session({ session_id: 's', limit: 3 }, { timeout_ms: 7, call_id: 'c', signal })
  const { timeout_ms } = contract.history.methods.get_session
  assert.deepEqual(calls, [
    { name: 'history.get_session', input: { session_id: 's' }, options: { timeout_ms } },
    { name: 'history.get_session', input: { session_id: 's', limit: 3 }, options: { timeout_ms: 7, call_id: 'c', signal } },
  ])
  assert.ok(DEFAULT_TIMEOUT_MS > 0)
})

test('client - gives back what the contract has, and nothing beside it', async () => {
  const client = createClient('history', recorder({ stored: 2, secret: 'left over' }).link)
  assert.deepEqual(await client.record({ records: [] }), { stored: 2 })
})

test('client - an answer that does not fit is the fault of the service', async () => {
  for (const answer of [undefined, null, {}, { stored: '2' }, { stored: 1.5 }]) {
    await assert.rejects(createClient('history', recorder(answer).link).record({ records: [] }), (error: ServiceError) => {
      assert.deepEqual([error.code, error.message], ['bad_output', 'history.record answered what its contract does not allow'])
      return error.cause instanceof Error
    })
  }
})

test('client - failures of the link pass unchanged', async () => {
  const failure = new ServiceError('unavailable')
  const client = createClient('history', async () => await Promise.reject(failure))
  await assert.rejects(client.list_sessions({}), (error) => error === failure)
})

test('client - every service of the contract has one', () => {
  for (const { service, verb } of table)
    assert.equal(typeof (createClient(service, recorder(null).link) as Record<string, unknown>)[verb], 'function')
})
