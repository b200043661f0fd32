/** What an earlier life, or a disk, has left of a step's folder. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { OneShot } from '../../../../services/reports/one-shot/one-shot.ts'
import { processesOf } from '../../../../services/reports/one-shot/processes.ts'
import { atEnd, checkLeaks, eventually, tempDir } from '../../../harness.ts'

checkLeaks()

const BOUNDS = { timeout_ms: 600_000, cpu_s: 60, address_mb: 0, resident_mb: 1_000 }
const never = new AbortController().signal

test('one shot - a runner whose file a loss of power has left empty is not waited for', { timeout: 60_000 }, async (t) => {
  const root = tempDir(t)
  mkdirSync(join(root, 'step'))
  writeFileSync(join(root, 'step', 'runner'), '')
  const ended = await new OneShot(root, 'step', BOUNDS).takeUp(30_000, never, never)
  assert.deepEqual(ended, { status: null, reason: null })
})

test('one shot - what was never started is not started by being taken up', (t) => {
  const root = tempDir(t)
  const step = new OneShot(root, 'step', BOUNDS)
  assert.equal(step.takeUp(0, never, never), null, 'there is no folder')
  mkdirSync(step.folder)
  assert.equal(step.takeUp(0, never, never), null, 'nobody had come')
  assert.equal(readFileSync(step.file('runner'), 'utf8'), '0\n', 'and now nobody will')
})

test('one shot - an answer that came in time counts, though the time is over before the disk has room for its end', async (t) => {
  const root = tempDir(t)
  mkdirSync(join(root, 'step', 'exit.new'), { recursive: true })
  const closing = new AbortController()
  atEnd(t, () => closing.abort())
  const program = { command: 'echo', args: ['answer'], env: { PATH: process.env.PATH ?? '' }, input: '' }
  const first = new OneShot(root, 'step', BOUNDS)
  void first.start(program, never, closing.signal)
  await eventually(
    () => existsSync(first.file('pid')) && first.output('out') === 'answer\n' && processesOf('step', null).length === 0,
  )
  closing.abort()
  const rest = new AbortController()
  atEnd(t, () => rest.abort())
  const taken = new OneShot(root, 'step', BOUNDS).takeUp(700_000, never, rest.signal)
  const looked = performance.now() + 300
  await eventually(() => performance.now() > looked)
  rmdirSync(first.file('exit.new'))
  assert.deepEqual(await taken, { status: 0, reason: null })
})
