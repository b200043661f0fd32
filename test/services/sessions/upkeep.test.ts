/** What is done now and then goes on when it fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startUpkeep } from '../../../services/sessions/upkeep.ts'
import { checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

test('upkeep - a chore that throws is told of and done again, and keeps no other from its turn', async () => {
  let failed = 0
  let done = 0
  const errors: unknown[] = []
  const fails = (): void => {
    failed += 1
    throw new Error('the disk is full')
  }
  const upkeep = startUpkeep(
    [
      { every_ms: 5, run: fails },
      { every_ms: 5, run: () => (done += 1) },
    ],
    (error) => errors.push(error),
  )
  await eventually(() => failed >= 3 && done >= 3)
  upkeep.stop()
  assert.equal(errors.length, failed)
})
