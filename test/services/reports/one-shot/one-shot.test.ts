/** What an earlier life, or a disk, has left of a step's folder. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { OneShot } from '../../../../services/reports/one-shot/one-shot.ts'
import { checkLeaks, tempDir } from '../../../harness.ts'

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
