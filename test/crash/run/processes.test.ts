/** The processes of a run: all that it has started, by what they inherit or where they are at work, and no stranger. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { isLinux } from '../../../services/runtime/process.ts'
import { atEnd, checkLeaks, eventually, tempDir } from '../../harness.ts'
import { filesOf } from './orders.ts'
import { orphansInWords, processesOfRun } from './processes.ts'

checkLeaks()

test('crash processes - orphans that nobody can look for are not counted as none', () => {
  assert.equal(orphansInWords(0, true), '0')
  assert.equal(orphansInWords(0, false), 'not looked for')
})

test('crash processes - what works in the folder of a run belongs to it, also without a variable; what works beside it does not', {
  skip: !isLinux,
}, async (t) => {
  const files = filesOf(join(tempDir(t), 'run'))
  const beside = `${dirname(files.home)}-beside`
  for (const folder of [files.home, beside]) mkdirSync(folder, { recursive: true })
  const start = (cwd: string, env: Record<string, string>): number => {
    const child = spawn('/bin/sleep', ['1000'], { cwd, env, stdio: 'ignore' })
    atEnd(t, () => void child.kill('SIGKILL'))
    return child.pid ?? 0
  }
  const typesetter = start(files.home, { LANG: 'C.UTF-8' })
  const command = start('/', { DEMO_AGENT_JOURNAL: files.journal, SWITCHBOARD_AGENT: 'its nonce' })
  const service = start('/', { PM2_HOME: files.pm2_home })
  start(beside, { DEMO_AGENT_JOURNAL: `${files.journal}-of-another` })
  const found = () => processesOfRun(files).map(({ pid, isOurs, nonce }) => ({ pid, isOurs, nonce }))
  // Between fork and exec a child shows what its parent has.
  await eventually(() => found().length === 3)
  assert.deepEqual(
    found().sort((a, b) => a.pid - b.pid),
    [
      { pid: typesetter, isOurs: false, nonce: null },
      { pid: command, isOurs: false, nonce: 'its nonce' },
      { pid: service, isOurs: true, nonce: null },
    ].sort((a, b) => a.pid - b.pid),
  )
})
