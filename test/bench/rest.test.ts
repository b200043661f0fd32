import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { openRest } from '../../bench/rest.ts'
import { checkLeaks } from '../harness.ts'

checkLeaks()

/** Says when it begins to work; says when it is done, and stays. */
const WORK = `
  process.stdout.write('begun ')
  for (const until = Date.now() + 300; Date.now() < until; );
  process.stdout.write('done')
  setInterval(() => 0, 1e6)
`

test('rest - comes when work is over, and what has ended rests', { skip: process.platform !== 'linux' }, async (t) => {
  const gone = spawn(process.execPath, ['-e', ''])
  await once(gone, 'exit')
  const child = spawn(process.execPath, ['-e', WORK], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child.stdout, 'data')
  const atRest = await openRest({ pidOf: async () => child.pid ?? 0, agents: () => [gone.pid ?? 0] })
  await atRest()
  assert.equal(said, 'begun done')
})
