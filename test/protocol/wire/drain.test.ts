import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { createClient } from '../../../protocol/client.ts'
import type { ServiceError } from '../../../protocol/errors.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { openServer } from '../../../protocol/wire/server.ts'
import { openPair } from '../../fakes/pair.ts'
import { atEnd, checkLeaks, deferred, eventually, tempDir } from '../../harness.ts'

checkLeaks()

const POST = { session_id: 's', role: 'user', content: 'x' } as const

test('drain - refuses new calls with closing and waits for the running one', async (t) => {
  const gate = deferred()
  const begun = deferred()
  const { client, server, link } = await openPair(t, 'history', {
    post_message: async () => {
      begun.resolve()
      await gate.promise
      return { id: 1 }
    },
  })
  const running = client.post_message(POST)
  await begun.promise
  let drained = false
  const draining = server.drain(10_000).then(() => (drained = true))
  await assert.rejects(client.post_message(POST), { code: 'closing' })
  assert.equal((await link.ping()).in_flight, 1)
  assert.equal(drained, false)
  gate.resolve()
  assert.deepEqual(await running, { id: 1 })
  await draining
})

test('drain - at the deadline what runs is aborted and answered with closing', async (t) => {
  const reason = deferred<unknown>()
  const begun = deferred()
  const { client, server } = await openPair(t, 'history', {
    post_message: async (_input: unknown, { signal }: { signal: AbortSignal }) => {
      begun.resolve()
      await once(signal, 'abort')
      reason.resolve(signal.reason)
      return { id: 1 }
    },
  })
  const running = client.post_message(POST)
  await begun.promise
  const refused = assert.rejects(running, { code: 'closing' })
  const began = performance.now()
  await server.drain(150)
  assert.ok(performance.now() - began >= 145)
  await refused
  assert.equal(((await reason.promise) as ServiceError).code, 'closing')
})

test('drain - with nothing running it ends at once', async (t) => {
  const { server } = await openPair(t, 'history', {})
  const began = performance.now()
  await server.drain(10_000)
  assert.ok(performance.now() - began < 1_000)
})

test('drain - a long poll is let go at once, and its caller asks the next instance', async (t) => {
  const run_dir = tempDir(t)
  const begun = deferred()
  const event = { events: [], ended: true }
  const first = await openServer({
    run_dir,
    service: 'sessions',
    instance: 'first',
    handlers: {
      events: async (_input: unknown, { signal }: { signal: AbortSignal }) => {
        begun.resolve()
        await once(signal, 'abort')
        return { events: [], ended: false }
      },
    },
  })
  const link = openLink({ run_dir, service: 'sessions' })
  atEnd(t, () => link.close())
  const answer = createClient('sessions', link.call).events({ turn_id: '0198c5a4-4f30-7d3c-8f00-0123456789ab', wait_ms: 30_000 })
  await begun.promise
  const began = performance.now()
  await first.drain(10_000)
  await first.close()
  assert.ok(performance.now() - began < 2_000)
  const second = await openServer({ run_dir, service: 'sessions', instance: 'second', handlers: { events: async () => event } })
  atEnd(t, () => second.close())
  assert.deepEqual(await answer, event)
})

test('drain - a refused call that may be repeated is answered by the next instance; without one it fails with closing', async (t) => {
  const { client, server, run_dir } = await openPair(t, 'history', { get_session: async () => assert.fail('was run') })
  await server.drain(1_000)
  await assert.rejects(client.get_session({ session_id: 's' }, { timeout_ms: 200 }), { code: 'closing' })
  const repeated = client.get_session({ session_id: 's' })
  await eventually(() => server.stats().refused === 2)
  await server.close()
  const second = await openServer({ run_dir, service: 'history', instance: 'second', handlers: { get_session: async () => [] } })
  atEnd(t, () => second.close())
  assert.deepEqual(await repeated, [])
})

test('close - answers given just before it all arrive', async (t) => {
  const { client, server } = await openPair(t, 'history', {
    get_session: async () => [{ ...MESSAGE, content: 'x'.repeat(200_000) }],
  })
  const answers = Array.from({ length: 100 }, () => client.get_session({ session_id: 's' }))
  await eventually(() => server.stats().calls === 100)
  await server.drain(5_000)
  await server.close()
  for (const answer of answers) assert.equal((await answer)[0]?.content.length, 200_000)
})

test('close - waits for no caller that has gone', async (t) => {
  // The quickest of three: a machine may stall for as long as a wait for one who is there.
  const took: number[] = []
  while (took.length < 3 && !took.some((ms) => ms < 400)) {
    const { client, server, link } = await openPair(t, 'history', { get_session: async () => [] })
    await client.get_session({ session_id: 's' })
    await link.close()
    const began = performance.now()
    await server.close()
    await server.close()
    took.push(performance.now() - began)
  }
  assert.ok(Math.min(...took) < 400, `took ${took.join(', ')} ms`)
})

const MESSAGE = {
  id: 1,
  session_id: 's',
  role: 'user',
  source: '',
  telegram_chat_id: null,
  user_id: null,
  username: null,
  turn_id: null,
  created_at: '',
  bot_id: '',
}
