import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Publisher } from 'zeromq'
import { contract } from '../../../protocol/contract.ts'
import { busAddress } from '../../../protocol/wire/address.ts'
import { openPublisher, openSubscriber } from '../../../protocol/wire/bus.ts'
import { pack } from '../../../protocol/wire/frames.ts'
import { recordingLog } from '../../fakes/pair.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'

checkLeaks()

const hint = (id: number) => ({ id, session_id: 's', bot_id: 'b', role: 'user' as const })

const publisher = async (run_dir: string) => await openPublisher({ run_dir, service: 'history', spec: contract.history })

const listen = (t: Scope, run_dir: string, on?: (payload: unknown) => void) => {
  const heard: { topic: string; payload: unknown; seq: number }[] = []
  const gaps: (string | null)[] = []
  const log = recordingLog()
  const subscriber = openSubscriber({
    run_dir,
    service: 'history',
    on: (topic, payload, seq) => {
      heard.push({ topic, payload, seq })
      on?.(payload)
    },
    on_gap: (topic) => gaps.push(topic),
    log,
  })
  atEnd(t, () => subscriber.close())
  return { heard, gaps, log }
}

/** Publishes until it is heard: the connection takes a moment, and hints before it are lost. */
const connect = async (publish: () => void, heard: readonly unknown[]): Promise<void> => {
  const before = heard.length
  await eventually(() => {
    publish()
    return heard.length > before
  })
}

test('bus - hints arrive in order, numbered without a hole', async (t) => {
  const run_dir = tempDir(t)
  const bus = await publisher(run_dir)
  atEnd(t, () => bus.close())
  const { heard, gaps } = listen(t, run_dir)
  await connect(() => bus.publish.message_recorded(hint(0)), heard)
  for (let id = 1; id <= 500; id += 1) bus.publish.message_recorded(hint(id))
  await eventually(() => (heard.at(-1)?.payload as { id: number } | undefined)?.id === 500)
  const last = heard.slice(-500)
  assert.deepEqual(
    last.map(({ payload }) => payload),
    Array.from({ length: 500 }, (_, index) => hint(index + 1)),
  )
  assert.ok(last.every(({ topic, seq }, index) => topic === 'message_recorded' && seq === (last[0]?.seq ?? 0) + index))
  assert.deepEqual(gaps, [])
})

test('bus - a listener hears the next instance, and that it may have missed something', async (t) => {
  const run_dir = tempDir(t)
  const first = await publisher(run_dir)
  const { heard, gaps } = listen(t, run_dir)
  await connect(() => first.publish.message_recorded(hint(1)), heard)
  await first.close()
  first.publish.message_recorded(hint(2))
  const second = await publisher(run_dir)
  atEnd(t, () => second.close())
  await connect(() => second.publish.message_recorded(hint(3)), heard)
  assert.deepEqual(heard.at(-1)?.payload, hint(3))
  await eventually(() => gaps.length === 2)
  assert.deepEqual(new Set(gaps), new Set([null, 'message_recorded']))
})

test('bus - a hole in the numbers is told; what does not fit the contract is dropped', async (t) => {
  const run_dir = tempDir(t)
  const socket = new Publisher({ linger: 0 })
  atEnd(t, () => socket.close())
  await socket.bind(busAddress(run_dir, 'history'))
  const { heard, gaps, log } = listen(t, run_dir)
  await eventually(async () => {
    await socket.send(['message_recorded', pack([1, hint(1)])])
    return heard.length > 0
  })
  // What was sent while the first was on its way has the same number: all of it must be through before counting begins.
  await socket.send(['message_recorded', pack([50, hint(50)])])
  await eventually(() => heard.at(-1)?.seq === 50)
  gaps.length = 0
  heard.length = 0
  await socket.send(['message_recorded', pack([51, hint(51)])])
  await socket.send(['message_recorded', pack([54, hint(54)])])
  for (const bytes of [pack([55, { id: 'none' }]), pack(['55', hint(55)]), pack([55]), Buffer.from([0xc1]), Buffer.alloc(0)]) {
    await socket.send(['message_recorded', bytes])
  }
  await socket.send(['constructor', pack([1, {}])])
  await socket.send(['message_recorded'])
  await socket.send(['message_recorded', pack([55, hint(55)])])
  await eventually(() => heard.at(-1)?.seq === 55)
  assert.deepEqual(
    heard.map(({ seq }) => seq),
    [51, 54, 55],
  )
  assert.deepEqual(gaps, ['message_recorded'])
  assert.equal(log.lines.filter(({ text }) => /did not fit/.test(text)).length, 7)
})

test('bus - a listener that throws is logged and hears the next hint', async (t) => {
  const run_dir = tempDir(t)
  const bus = await publisher(run_dir)
  atEnd(t, () => bus.close())
  const { heard, log } = listen(t, run_dir, () => {
    throw new Error('the listener is broken')
  })
  await connect(() => bus.publish.message_recorded(hint(1)), heard)
  await connect(() => bus.publish.message_recorded(hint(2)), heard)
  assert.ok(log.lines.some(({ level, fields }) => level === 'error' && /broken/.test(String(fields.err))))
})

test('bus - a service that is not in the contract cannot be listened to', (t) => {
  assert.throws(() => openSubscriber({ run_dir: tempDir(t), service: 'constructor', on: () => undefined }), { code: 'not_found' })
})
