import assert from 'node:assert/strict'
import { existsSync, lutimesSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { dropAged } from '../../../services/runtime/aged.ts'
import { checkLeaks, tempDir } from '../../harness.ts'

checkLeaks()

test('aged - what is old and ours goes, whole folders too; what is young, a stranger or behind a link stays', (t) => {
  const folder = tempDir(t)
  const outside = path.join(tempDir(t), 'precious')
  writeFileSync(outside, 'kept')
  mkdirSync(path.join(folder, 'ours-folder'))
  writeFileSync(path.join(folder, 'ours-folder', 'inner'), 'x')
  for (const name of ['ours-old', 'ours-young', 'stranger']) writeFileSync(path.join(folder, name), 'x')
  symlinkSync(outside, path.join(folder, 'ours-link'))
  for (const name of ['ours-old', 'stranger', 'ours-folder']) utimesSync(path.join(folder, name), 1_000, 1_000)
  lutimesSync(path.join(folder, 'ours-link'), 1_000, 1_000)
  const gone = dropAged(folder, (name) => name.startsWith('ours-'), 2_000_000)
  assert.deepEqual(gone.sort(), ['ours-folder', 'ours-link', 'ours-old'])
  assert.deepEqual(readdirSync(folder).sort(), ['ours-young', 'stranger'])
  assert.ok(existsSync(outside))
  assert.deepEqual(
    dropAged(path.join(folder, 'none'), () => true, 2_000_000),
    [],
  )
})

test('aged - some at a time, until none is left', (t) => {
  const folder = tempDir(t)
  for (let n = 0; n < 120; n += 1) {
    writeFileSync(path.join(folder, `${n}.eml`), '')
    utimesSync(path.join(folder, `${n}.eml`), 1_000, 1_000)
  }
  const steps: number[] = []
  for (let gone = 1; gone > 0; ) {
    gone = dropAged(folder, () => true, 2_000_000).length
    steps.push(gone)
  }
  assert.deepEqual(steps, [50, 50, 20, 0])
})
