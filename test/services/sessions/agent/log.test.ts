/** Following a log: a line that its listener cannot deal with costs nothing but itself. */
import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { LogFollower, type LogLine } from '../../../../services/sessions/agent/log.ts'
import { checkLeaks, eventually, tempDir } from '../../../harness.ts'

checkLeaks()

test('log - a listener that throws loses no other line, and each keeps its offset', async (t) => {
  const file = path.join(tempDir(t), 'out.jsonl')
  writeFileSync(file, 'one\ntwo\nthree\n')
  const lines: LogLine[] = []
  const errors: unknown[] = []
  const follower = new LogFollower({
    path: file,
    from: 0,
    onLine: (line) => {
      lines.push(line)
      if (line.text === 'two') throw new Error('the disk is full')
    },
    onError: (error) => void errors.push(error),
  })
  t.after(() => follower.close())
  await eventually(() => lines.length === 3)
  appendFileSync(file, 'four\n')
  await eventually(() => lines.length === 4)
  const found = lines.map(({ offset, text }) => [offset, text])
  assert.deepEqual(found, [
    [0, 'one'],
    [4, 'two'],
    [8, 'three'],
    [14, 'four'],
  ])
  assert.equal(errors.length, 1)
})
