import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dealer, Router } from 'zeromq'
import { createClient } from '../../../protocol/client.ts'
import { socketAddress } from '../../../protocol/wire/address.ts'
import { decodeFrame, MAX_FRAME_BYTES, machineNow, pack } from '../../../protocol/wire/frames.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { openPair } from '../../fakes/pair.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'

checkLeaks()

const connect = (t: Scope, run_dir: string): Dealer => {
  const dealer = new Dealer({ linger: 0, receiveTimeout: 15_000 })
  atEnd(t, () => dealer.close())
  dealer.connect(socketAddress(run_dir, 'history'))
  return dealer
}

/** Frames that came in one message with those before them. */
const received = new WeakMap<Dealer, Buffer[]>()

const frameFrom = async (dealer: Dealer): Promise<unknown> => {
  const frames = received.get(dealer) ?? []
  received.set(dealer, frames)
  if (frames.length === 0) frames.push(...(await dealer.receive()))
  return decodeFrame(frames.shift() as Buffer)
}

const callFrame = (id: number, epoch: number, expires_at = machineNow() + 15_000): Buffer =>
  pack(['call', id, 'history.list_sessions', {}, expires_at, 'c', epoch])

test('strangers - malformed frames are counted and dropped, and the service goes on', async (t) => {
  const { run_dir, server, client } = await openPair(t, 'history', { list_sessions: async () => [] })
  const dealer = connect(t, run_dir)
  const garbage = [
    Buffer.alloc(0),
    Buffer.from('GET / HTTP/1.1'),
    Buffer.alloc(1_000, 0x91),
    pack(['call']),
    pack(['reply', 1, 1]),
    pack(null),
  ]
  for (const bytes of garbage) await dealer.send(bytes)
  await eventually(() => server.stats().malformed === garbage.length)
  await dealer.send([pack(['ping', 1]), Buffer.from('nonsense'), pack(['ping', 2])])
  assert.deepEqual([((await frameFrom(dealer)) as unknown[])[1], ((await frameFrom(dealer)) as unknown[])[1]], [1, 2])
  assert.deepEqual(await client.list_sessions({}), [])
})

test('strangers - a call without a hello, of another connection, past its deadline or twice is not run', async (t) => {
  const { run_dir, server } = await openPair(t, 'history', { list_sessions: async () => [] })
  const dealer = connect(t, run_dir)
  await dealer.send(callFrame(1, 1))
  await eventually(() => server.stats().stale === 1)
  await dealer.send(pack(['hello', 'me', 5]))
  assert.deepEqual(await frameFrom(dealer), ['hello', 'first', 5])
  await dealer.send(callFrame(2, 4))
  await eventually(() => server.stats().stale === 2)
  await dealer.send(callFrame(3, 5, machineNow() - 1))
  await eventually(() => server.stats().stale === 3)
  await dealer.send(callFrame(4, 5))
  assert.deepEqual(await frameFrom(dealer), ['reply', 4, []])
  await dealer.send(callFrame(4, 5))
  await eventually(() => server.stats().stale === 4)
  assert.equal(server.stats().calls, 1)
})

test('strangers - a message beyond the limit costs the sender its connection and nobody else anything', async (t) => {
  const { run_dir, client, server } = await openPair(t, 'history', { list_sessions: async () => [] })
  const dealer = connect(t, run_dir)
  await dealer.send(Buffer.alloc(MAX_FRAME_BYTES + 10_000))
  assert.deepEqual(await client.list_sessions({}), [])
  await dealer.send(pack(['ping', 9]))
  assert.equal(((await frameFrom(dealer)) as unknown[])[1], 9)
  assert.equal(server.stats().malformed, 0)
})

test('strangers - a caller that does not read its answers holds up nobody, and loses none of them', async (t) => {
  const big = [{ session_id: 'x'.repeat(100_000), bot_id: '', started_at: '', last_message_at: '', message_count: 0 }]
  const { run_dir, client, server } = await openPair(t, 'history', { list_sessions: async () => big })
  const dealer = new Dealer({ linger: 0, receiveHighWaterMark: 1, receiveTimeout: 15_000 })
  atEnd(t, () => dealer.close())
  dealer.connect(socketAddress(run_dir, 'history'))
  await dealer.send(pack(['hello', 'lazy', 1]))
  for (let id = 1; id <= 2_000; id += 1) await dealer.send(callFrame(id, 1, machineNow() + 60_000))
  await eventually(() => server.stats().calls === 2_000)
  assert.equal((await client.list_sessions({})).length, 1)
  assert.deepEqual(await frameFrom(dealer), ['hello', 'first', 1])
  for (let id = 1; id <= 2_000; id += 1) assert.equal(((await frameFrom(dealer)) as unknown[])[1], id)
})

test('strangers - a service that answers nonsense does not harm its caller', async (t) => {
  const run_dir = tempDir(t)
  const router = new Router({ linger: 0 })
  atEnd(t, () => router.close())
  await router.bind(socketAddress(run_dir, 'history'))
  const link = openLink({ run_dir, service: 'history' })
  atEnd(t, () => link.close())
  const answer = createClient('history', link.call).list_sessions({}, { timeout_ms: 15_000 })
  const [caller, hello] = await router.receive()
  const [kind, , epoch] = decodeFrame(hello as Buffer) as [string, string, number]
  assert.equal(kind, 'hello')
  const send = async (frame: unknown): Promise<void> =>
    await router.send([caller as Buffer, Buffer.isBuffer(frame) ? frame : pack(frame)])
  await send(Buffer.from('nonsense'))
  await send(['hello', 'of another connection', epoch + 1])
  await send(['hello', 'here', epoch])
  const [, call] = await router.receive()
  const id = (decodeFrame(call as Buffer) as [string, number])[1]
  await send(['reply', id + 1_000, 'for nobody'])
  await send(['fail', id + 1_000, 'internal', 'for nobody', null])
  await send(['call', id, 'history.record', {}, machineNow() + 1_000, 'c', epoch])
  await send(['fail', id, 'a code from the future', 'text', null])
  await assert.rejects(answer, { code: 'internal', message: 'text' })
})
