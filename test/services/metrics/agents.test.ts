import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agents } from '../../../services/metrics/agents.ts'
import { checkLeaks, startModule, tempDir } from '../../harness.ts'

checkLeaks()

test('agents - one that was killed with its keeper, which wrote no status down, is not asked for any more', async (t) => {
  const root = tempDir(t)
  const child = startModule(t, 'test/services/metrics/waiting-main.ts')
  mkdirSync(join(root, '7'))
  writeFileSync(join(root, '7', 'pid'), `${child.pid}\n`)
  const agents = new Agents(root)
  const listed = (): number[] => agents.list().map(({ pid }) => pid)
  assert.deepEqual(listed(), [child.pid])
  child.process.kill('SIGKILL')
  await child.exit
  assert.deepEqual(listed(), [])
})
