/**
 * The scheduler with a listener on its named points: when the file `ARM_FILE` holds the name of the point that is passed,
 * the file is removed and the process kills itself right there. Its jobs may call this machine.
 */
import { readFileSync, rmSync } from 'node:fs'
import { run } from '../../../services/runtime/run.ts'
import { openScheduler } from '../../../services/scheduler/open.ts'
import { Settings } from '../../../services/scheduler/settings.ts'

const armFile = process.env.ARM_FILE ?? ''

const at = (point: string): void => {
  let armed = ''
  try {
    armed = readFileSync(armFile, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  if (armed !== point) return
  rmSync(armFile)
  process.kill(process.pid, 'SIGKILL')
}

await run({
  name: 'scheduler',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) =>
    openScheduler({ env, environment, home, log, sessions: client('sessions'), publish, defer, at }),
})
