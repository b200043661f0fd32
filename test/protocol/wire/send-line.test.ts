import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSendLine, type Parcel } from '../../../protocol/wire/send-line.ts'
import { type Deferred, deferred, eventually } from '../../harness.ts'

const parcel = (text: string): Parcel => ({ parts: [Buffer.from(text)] })

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
      sent.push(String(parts[0]))
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
  const line = createSendLine(socket.send, (error) => refused.push(error))
  for (const text of ['a', 'b', 'c']) line.push(parcel(text))
  for (const _ of 'abc') await socket.settle()
  await eventually(() => socket.sent.length === 3)
  assert.deepEqual(socket.sent, ['a', 'b', 'c'])
  assert.deepEqual(refused, [])
})

test('send line - what is taken out is not sent; what was given to the socket cannot be taken out', async () => {
  const socket = createSocket()
  const line = createSendLine(socket.send, assert.fail)
  const [first, second, third] = [parcel('first'), parcel('second'), parcel('third')]
  line.push(first)
  line.push(second)
  line.push(third)
  assert.equal(line.remove(second), true)
  assert.equal(line.remove(second), false)
  assert.equal(line.remove(first), false)
  await socket.settle()
  await socket.settle()
  await eventually(() => socket.sent.length === 2)
  assert.deepEqual(socket.sent, ['first', 'third'])
})

test('send line - goes on behind a message that the socket refused', async () => {
  const socket = createSocket()
  const refused: string[] = []
  const line = createSendLine(socket.send, (error, { parts }) => refused.push(`${parts[0]}: ${(error as Error).message}`))
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
