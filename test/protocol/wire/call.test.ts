import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { createClient } from '../../../protocol/client.ts'
import { ServiceError } from '../../../protocol/errors.ts'
import { MAX_FRAME_BYTES } from '../../../protocol/wire/frames.ts'
import { MAX_OPEN_CALLS, openLink } from '../../../protocol/wire/link.ts'
import { openServer } from '../../../protocol/wire/server.ts'
import { openPair } from '../../fakes/pair.ts'
import { atEnd, checkLeaks, deferred, eventually, tempDir } from '../../harness.ts'

checkLeaks()

const POST = { session_id: 's', role: 'user', content: 'x' } as const

test('call - reaches the handler with defaults applied and brings its answer back', async (t) => {
  const seen: unknown[] = []
  const { client } = await openPair(t, 'history', {
    post_message: async (input: unknown) => {
      seen.push(input)
      return { id: 41 }
    },
  })
  assert.deepEqual(await client.post_message(POST), { id: 41 })
  assert.deepEqual(seen, [{ ...POST, source: 'telegram', telegram_chat_id: null, bot_id: 'default' }])
})

test('call - many at once each get their own answer', async (t) => {
  const { client, server } = await openPair(t, 'history', {
    record: async ({ records }: { records: { content: string }[] }) => {
      if (Math.random() < 0.3) await new Promise((resolve) => setTimeout(resolve, Math.random() * 5))
      return { stored: Number(records[0]?.content) }
    },
  })
  const record = (content: string) => ({
    record_id: content,
    session_id: 's',
    bot_id: 'b',
    role: 'user' as const,
    content,
    source: 'x',
    telegram_chat_id: null,
    user_id: null,
    username: null,
    created_at: 0,
  })
  const wanted = Array.from({ length: 5_000 }, (_, index) => index)
  const got = await Promise.all(wanted.map(async (index) => (await client.record({ records: [record(String(index))] })).stored))
  assert.deepEqual(got, wanted)
  const { calls, failures, in_flight, methods } = server.stats()
  assert.deepEqual(
    { calls, failures, in_flight, ofMethod: methods['history.record']?.calls },
    { calls: 5_000, failures: 0, in_flight: 0, ofMethod: 5_000 },
  )
})

test('call - the call id travels; one is made where none is given', async (t) => {
  const seen: string[] = []
  const { client } = await openPair(t, 'history', {
    get_session: async (_input: unknown, { call_id }: { call_id: string }) => {
      seen.push(call_id)
      return []
    },
  })
  await client.get_session({ session_id: 's' }, { call_id: 'given' })
  await client.get_session({ session_id: 's' })
  assert.equal(seen[0], 'given')
  assert.match(seen[1] ?? '', /^[0-9a-f-]{36}$/)
})

test('call - input that does not fit is refused before the handler runs', async (t) => {
  const { client, server } = await openPair(t, 'history', { get_session: async () => assert.fail('was run') })
  await assert.rejects(client.get_session({ session_id: '', limit: -1 }), (error: ServiceError) => {
    assert.equal(error.code, 'invalid_input')
    assert.deepEqual(
      (error.data as { issues: { path: string[] }[] }).issues.map(({ path }) => path),
      [['session_id'], ['limit']],
    )
    return true
  })
  assert.deepEqual([server.stats().calls, server.stats().refused], [0, 1])
})

test('call - a method without a handler, of another service, or of nobody is unknown', async (t) => {
  const { client, link } = await openPair(t, 'history', {})
  await assert.rejects(client.get_session({ session_id: 's' }), { code: 'unknown_method' })
  for (const name of ['sessions.status', 'history.toString', 'history', '']) {
    await assert.rejects(link.call(name, {}, {}), { code: 'unknown_method' })
  }
})

test('call - a declared error arrives with text and data; an undeclared one as internal, its detail in the log', async (t) => {
  const { client, server, serverLog } = await openPair(t, 'history', {
    get_session: async ({ session_id }: { session_id: string }) => {
      if (session_id === 'declared') throw new ServiceError('not_found', 'no such chat', { data: { session_id } })
      if (session_id === 'undeclared') throw new ServiceError('conflict', 'secret detail')
      throw new TypeError('secret detail')
    },
  })
  await assert.rejects(client.get_session({ session_id: 'declared' }), {
    code: 'not_found',
    message: 'no such chat',
    data: { session_id: 'declared' },
  })
  for (const session_id of ['undeclared', 'thrown']) {
    await assert.rejects(client.get_session({ session_id }, { call_id: session_id }), (error: ServiceError) => {
      assert.equal(error.code, 'internal')
      assert.doesNotMatch(JSON.stringify({ ...error, message: error.message }), /secret/)
      return true
    })
    const line = serverLog.lines.find(({ level, fields }) => level === 'error' && fields.call_id === session_id)
    assert.match(String(line?.fields.err), /secret detail/)
  }
  assert.equal(server.stats().failures, 3)
})

test('call - an error whose data cannot be sent arrives without it, and the service goes on', async (t) => {
  const loop: { self?: unknown } = {}
  loop.self = loop
  const { client } = await openPair(t, 'history', {
    get_session: async ({ session_id }: { session_id: string }) => {
      if (session_id === 'loop') throw new ServiceError('not_found', 'text', { data: loop })
      if (session_id === 'long') throw new ServiceError('not_found', 'x'.repeat(MAX_FRAME_BYTES))
      return []
    },
  })
  for (const session_id of ['loop', 'long'])
    await assert.rejects(client.get_session({ session_id }), { code: 'not_found', data: undefined })
  assert.deepEqual(await client.get_session({ session_id: 's' }), [])
})

test('call - more than may be open at once are refused with busy', async (t) => {
  const link = openLink({ run_dir: tempDir(t), service: 'history' })
  const client = createClient('history', link.call)
  const waiting = Promise.allSettled(Array.from({ length: MAX_OPEN_CALLS }, () => client.get_session({ session_id: 's' })))
  await assert.rejects(client.get_session({ session_id: 's' }), { code: 'busy' })
  await link.close()
  assert.ok((await waiting).every((result) => result.status === 'rejected' && result.reason.code === 'closing'))
})

test('call - an answer that the contract does not allow is bad_output', async (t) => {
  const { client } = await openPair(t, 'history', {
    post_message: async () => ({ id: 'forty' }),
    record: async () => ({ stored: () => 1 }),
  })
  await assert.rejects(client.post_message(POST), { code: 'bad_output' })
})

test('deadline - there but silent is timeout, and the handler is told', async (t) => {
  const reason = deferred<unknown>()
  const { client, server } = await openPair(t, 'history', {
    post_message: async (_input: unknown, { signal }: { signal: AbortSignal }) => {
      await once(signal, 'abort')
      reason.resolve(signal.reason)
      throw signal.reason
    },
  })
  const began = performance.now()
  await assert.rejects(client.post_message(POST, { timeout_ms: 200 }), { code: 'timeout' })
  const took = performance.now() - began
  assert.ok(took >= 195 && took < 2_000, `took ${took} ms`)
  assert.equal(((await reason.promise) as ServiceError).code, 'timeout')
  await eventually(() => server.stats().in_flight === 0)
  assert.equal(server.stats().failures, 1)
})

test('cancel - reaches the handler as its signal, and the caller at once', async (t) => {
  const begun = deferred()
  const reason = deferred<unknown>()
  const { client } = await openPair(t, 'history', {
    get_session: async (_input: unknown, { signal }: { signal: AbortSignal }) => {
      begun.resolve()
      await once(signal, 'abort')
      reason.resolve(signal.reason)
      return []
    },
  })
  const controller = new AbortController()
  const answer = client.get_session({ session_id: 's' }, { signal: controller.signal })
  await begun.promise
  controller.abort(new Error('the user left'))
  await assert.rejects(
    answer,
    (error: ServiceError) => error.code === 'cancelled' && (error.cause as Error).message === 'the user left',
  )
  assert.equal(((await reason.promise) as ServiceError).code, 'cancelled')
})

test('cancel - before it was sent, it never runs', async (t) => {
  const run_dir = tempDir(t)
  const link = openLink({ run_dir, service: 'history' })
  atEnd(t, () => link.close())
  const client = createClient('history', link.call)
  await assert.rejects(client.get_session({ session_id: 'a' }, { signal: AbortSignal.abort() }), { code: 'cancelled' })
  const controller = new AbortController()
  const waiting = client.get_session({ session_id: 'b' }, { signal: controller.signal })
  const other = client.get_session({ session_id: 'c' })
  controller.abort()
  await assert.rejects(waiting, { code: 'cancelled' })
  const asked: string[] = []
  const server = await openServer({
    run_dir,
    service: 'history',
    instance: 'late',
    handlers: {
      get_session: async ({ session_id }: { session_id: string }) => {
        asked.push(session_id)
        return []
      },
    },
  })
  atEnd(t, () => server.close())
  await other
  assert.deepEqual(asked, ['c'])
})

test('cancel - a caller that goes away aborts what it had asked for', async (t) => {
  const begun = deferred()
  const reason = deferred<unknown>()
  const { run_dir, server } = await openPair(t, 'history', {
    get_session: async (_input: unknown, { signal }: { signal: AbortSignal }) => {
      begun.resolve()
      await once(signal, 'abort')
      reason.resolve(signal.reason)
      return []
    },
  })
  const second = openLink({ run_dir, service: 'history' })
  const answer = assert.rejects(createClient('history', second.call).get_session({ session_id: 's' }), { code: 'closing' })
  await begun.promise
  await second.close()
  await answer
  assert.equal(((await reason.promise) as ServiceError).code, 'cancelled')
  await eventually(() => server.stats().in_flight === 0)
})

test('cancel - when all callers have gone, what each had asked for is aborted', async (t) => {
  const aborted: string[] = []
  const { run_dir, server, link } = await openPair(t, 'history', {
    get_session: async ({ session_id }: { session_id: string }, { signal }: { signal: AbortSignal }) => {
      await once(signal, 'abort')
      aborted.push(session_id)
      return []
    },
  })
  const links = [link, ...['b', 'c'].map(() => openLink({ run_dir, service: 'history' }))]
  const calls = links.map((one, index) =>
    createClient('history', one.call).get_session({ session_id: String(index) }, { timeout_ms: 60_000 }),
  )
  const failed = Promise.allSettled(calls)
  await eventually(() => server.stats().in_flight === 3)
  for (const one of links) await one.close()
  await failed
  await eventually(() => aborted.length === 3)
})

test('size - 1 MB and 40 MB of text go both ways', async (t) => {
  const { client } = await openPair(t, 'history', {
    post_message: async ({ content }: { content: string }) => ({ id: content.length }),
    get_session: async () => [
      {
        id: 1,
        session_id: 's',
        role: 'user',
        content: 'ä'.repeat(20_000_000),
        source: '',
        telegram_chat_id: null,
        user_id: null,
        username: null,
        created_at: '',
        bot_id: '',
        turn_id: null,
      },
    ],
  })
  assert.deepEqual(await client.post_message({ ...POST, content: 'ü€😀\0'.repeat(100_000) }), { id: 500_000 })
  assert.deepEqual(await client.post_message({ ...POST, content: 'x'.repeat(40_000_000) }, { timeout_ms: 20_000 }), {
    id: 40_000_000,
  })
  const [message] = await client.get_session({ session_id: 's' }, { timeout_ms: 20_000 })
  assert.equal(message?.content.length, 20_000_000)
})

test('size - beyond the limit is too_large on either side, and the link goes on', async (t) => {
  const { client } = await openPair(t, 'history', {
    post_message: async () => ({ id: 1 }),
    list_sessions: async () => [
      { session_id: 'x'.repeat(MAX_FRAME_BYTES), bot_id: '', started_at: '', last_message_at: '', message_count: 0 },
    ],
  })
  await assert.rejects(client.post_message({ ...POST, content: 'x'.repeat(MAX_FRAME_BYTES) }, { timeout_ms: 20_000 }), {
    code: 'too_large',
  })
  await assert.rejects(client.list_sessions({}, { timeout_ms: 20_000 }), { code: 'too_large' })
  assert.deepEqual(await client.post_message(POST), { id: 1 })
})

test('nobody there - a call that may not be repeated fails soon, one that may waits for its deadline; both unavailable', async (t) => {
  const link = openLink({ run_dir: tempDir(t), service: 'history' })
  atEnd(t, () => link.close())
  const client = createClient('history', link.call)
  const timed = async (call: Promise<unknown>): Promise<number> => {
    const began = performance.now()
    await assert.rejects(call, { code: 'unavailable' })
    return performance.now() - began
  }
  const [single, short, repeatable, ping] = await Promise.all([
    timed(client.post_message(POST, { timeout_ms: 30_000 })),
    timed(client.post_message(POST, { timeout_ms: 100 })),
    timed(client.get_session({ session_id: 's' }, { timeout_ms: 1_500 })),
    timed(link.ping(100)),
  ])
  assert.ok(single >= 900 && single < 10_000, `single ${single}`)
  assert.ok(short < single, `short ${short}, single ${single}`)
  assert.ok(repeatable >= 1_490 && repeatable < 3_000, `repeatable ${repeatable}`)
  assert.ok(ping < single, `ping ${ping}, single ${single}`)
})

test('nobody there - a call waits for a service that comes in time', async (t) => {
  const run_dir = tempDir(t)
  const link = openLink({ run_dir, service: 'history' })
  atEnd(t, () => link.close())
  const client = createClient('history', link.call)
  const single = client.post_message(POST)
  const repeatable = client.get_session({ session_id: 's' })
  const server = await openServer({
    run_dir,
    service: 'history',
    instance: 'late',
    handlers: { post_message: async () => ({ id: 7 }), get_session: async () => [] },
  })
  atEnd(t, () => server.close())
  assert.deepEqual(await Promise.all([single, repeatable]), [{ id: 7 }, []])
})

test('ping - says who answers and how it is doing', async (t) => {
  const gate = deferred()
  const { client, link } = await openPair(t, 'history', {
    post_message: async () => {
      await gate.promise
      return { id: 1 }
    },
    get_session: async () => {
      throw new Error('fails')
    },
  })
  await assert.rejects(client.get_session({ session_id: 's' }), { code: 'internal' })
  const held = client.post_message(POST)
  const first = await eventually(async () => {
    const pong = await link.ping()
    return pong.in_flight === 1 ? pong : undefined
  })
  assert.deepEqual(
    { instance: first.instance, calls: first.calls, failures: first.failures },
    { instance: 'first', calls: 2, failures: 1 },
  )
  assert.ok(first.uptime_ms > 0)
  gate.resolve()
  await held
})

test('ping - shows that the event loop was blocked', async (t) => {
  const { link } = await openPair(t, 'history', {})
  await link.ping()
  // The sampler must have been armed once before the block, or there is nothing that could be late.
  await new Promise((resolve) => setTimeout(resolve, 120))
  const until = performance.now() + 400
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 60))
  const { loop_lag_ms } = await link.ping()
  assert.ok(loop_lag_ms > 200, `lag ${loop_lag_ms}`)
})

test('close - open calls fail with closing, later ones, too', async (t) => {
  const { client, link } = await openPair(t, 'history', { post_message: async () => await new Promise(() => undefined) })
  const open = client.post_message(POST)
  await link.ping()
  await link.close()
  await link.close()
  await assert.rejects(open, { code: 'closing' })
  await assert.rejects(client.post_message(POST), { code: 'closing' })
  await assert.rejects(link.ping(), { code: 'closing' })
})
