import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { rotateLogs } from '../../../services/runtime/log-files.ts'
import { checkLeaks, tempDir } from '../../harness.ts'

checkLeaks()

test('log files - one that is written to is cut, and its writer goes on at the beginning', (t) => {
  const folder = tempDir(t)
  const file = path.join(folder, 'edge.log')
  writeFileSync(path.join(folder, 'small.log'), 'small\n')
  writeFileSync(path.join(folder, 'large.txt'), 'x'.repeat(200))
  const writer = openSync(file, 'a')
  writeSync(writer, `${'x'.repeat(100)}\n`)
  assert.deepEqual(rotateLogs(folder, 50), [file])
  writeSync(writer, 'after\n')
  closeSync(writer)
  assert.equal(readFileSync(file, 'utf8'), 'after\n')
  assert.equal(readFileSync(`${file}.1`, 'utf8'), `${'x'.repeat(100)}\n`)
  assert.deepEqual(rotateLogs(folder, 50), [])
  assert.deepEqual(rotateLogs(path.join(folder, 'none'), 50), [])
})
