import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClosing, withDeadline, withSignals } from '../../../services/runtime/deadline.ts'
import { atEnd, checkLeaks } from '../../harness.ts'
import { keptBy } from './kept-by.ts'

checkLeaks()

const MINUTE_MS = 60_000

/** Work that only its signal ends. */
const untilAborted = async (signal: AbortSignal): Promise<never> =>
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

test('deadline - the first signal ends the work, with its reason; none of them keeps anything of it', async () => {
  const [closing, call] = [new AbortController(), new AbortController()]
  const signals = [closing.signal, undefined, call.signal]
  assert.equal(await withSignals(signals, async () => 'done'), 'done')
  assert.equal(await withDeadline(signals, MINUTE_MS, async () => 'done'), 'done')
  await assert.rejects(
    withSignals(signals, async () => {
      throw new Error('it failed')
    }),
    /it failed/,
  )
  const works = [withSignals(signals, untilAborted), withDeadline(signals, MINUTE_MS, untilAborted)]
  assert.ok(keptBy(closing.signal) > 0)
  call.abort(new Error('taken back'))
  for (const work of works) await assert.rejects(work, /taken back/)
  assert.deepEqual([keptBy(closing.signal), keptBy(call.signal)], [0, 0])
})

test('deadline - what says that a service closes may be heard by many at one time, without a warning', async (t) => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error): void => void warnings.push(name)
  process.on('warning', onWarning)
  atEnd(t, () => void process.off('warning', onWarning))
  const closing = createClosing()
  const works = Array.from({ length: 50 }, () => withSignals([closing.signal], untilAborted))
  await new Promise((resolve) => setImmediate(resolve))
  closing.abort(new Error('closing'))
  for (const work of works) await assert.rejects(work, /closing/)
  assert.deepEqual(warnings, [])
})

test('deadline - time is up: what does not heed its signal is not waited for', async () => {
  const closing = new AbortController()
  await assert.rejects(
    withDeadline([closing.signal], 5, () => new Promise(() => undefined)),
    { code: 'timeout', message: /within 5 ms/ },
  )
  assert.equal(keptBy(closing.signal), 0)
})

test('deadline - a signal that is aborted already lets nothing begin', async () => {
  const closed = AbortSignal.abort(new Error('closing'))
  let begun = 0
  await assert.rejects(
    withDeadline([closed], MINUTE_MS, async () => {
      begun += 1
    }),
    /closing/,
  )
  assert.equal(begun, 0)
  assert.equal(await withSignals([closed], async ({ aborted }) => aborted), true)
})
