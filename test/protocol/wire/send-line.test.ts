import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSendLine, type Parcel } from '../../../protocol/wire/send-line.ts'
import { type Deferred, deferred, eventually } from '../../harness.ts'

const parcel = (text: string, to?: Buffer): Parcel => ({ frame: Buffer.from(text), ...(to && { to }) })

/** A socket whose sends the test ends by hand, and which fails when two are pending, as ZeroMQ's does. */
const createSocket = () => {
  const sent: string[] = []
  let pending: Deferred<void> | undefined
  return {
    sent,
    send: async (parts: Buffer[]): Promise<void> => {
      if (pending !== undefined) throw new Error('EBUSY')
      pending = deferred()
      await pending.promise
      sent.push(parts.join(' '))
    },
    settle: async (error?: Error): Promise<void> => {
      const now = await eventually(() => pending)
      pending = undefined
      if (error) now.reject(error)
      else now.resolve()
    },
  }
}

test('send line - one at a time, in order', async () => {
  const socket = createSocket()
  const refused: unknown[] = []
  const line = createSendLine({ send: socket.send, onError: (error) => refused.push(error), join: false })
  for (const text of ['a', 'b', 'c']) line.push(parcel(text))
  for (const _ of 'abc') await socket.settle()
  await eventually(() => socket.sent.length === 3)
  assert.deepEqual(socket.sent, ['a', 'b', 'c'])
  assert.deepEqual(refused, [])
})

test('send line - what is taken out is not sent; what was given to the socket cannot be taken out', async () => {
  const socket = createSocket()
  const line = createSendLine({ send: socket.send, onError: assert.fail, join: false })
  const [first, second, third] = [parcel('first'), parcel('second'), parcel('third')]
  line.push(first)
  line.push(second)
  line.push(third)
  assert.equal(line.remove(second), true)
  assert.equal(line.remove(second), false)
  await socket.settle()
  assert.equal(line.remove(first), false)
  await socket.settle()
  await eventually(() => socket.sent.length === 2)
  assert.deepEqual(socket.sent, ['first', 'third'])
})

test('send line - goes on behind a message that the socket refused', async () => {
  const socket = createSocket()
  const refused: string[] = []
  const line = createSendLine({
    send: socket.send,
    onError: (error, { frame }) => refused.push(`${frame}: ${(error as Error).message}`),
    join: false,
  })
  line.push(parcel('a'))
  line.push(parcel('b'))
  await socket.settle(new Error('EHOSTUNREACH'))
  await socket.settle()
  await eventually(() => socket.sent.length === 1)
  assert.deepEqual(socket.sent, ['b'])
  assert.deepEqual(refused, ['a: EHOSTUNREACH'])
  line.push(parcel('c'))
  await socket.settle()
  await eventually(() => socket.sent.length === 2)
})

test('send line - what is pushed at one moment for one peer is one message, in order', async () => {
  const socket = createSocket()
  const line = createSendLine({ send: socket.send, onError: assert.fail, join: true })
  const [one, two] = [Buffer.from('one'), Buffer.from('two')]
  const taken = parcel('x', one)
  for (const item of [parcel('a', one), taken, parcel('b', one), parcel('c', two), parcel('d', two), parcel('e', one)])
    line.push(item)
  assert.equal(line.remove(taken), true)
  for (const _ of '123') await socket.settle()
  await eventually(() => socket.sent.length === 3)
  assert.deepEqual(socket.sent, ['one a b', 'two c d', 'one e'])
})

test('send line - what is long is not joined to more', async () => {
  const socket = createSocket()
  const line = createSendLine({ send: socket.send, onError: assert.fail, join: true })
  const long = 'x'.repeat(200_000)
  for (const text of ['a', long, long, 'b']) line.push(parcel(text))
  for (const _ of '12') await socket.settle()
  await eventually(() => socket.sent.length === 2)
  assert.deepEqual(socket.sent, [`a ${long}`, `${long} b`])
})
