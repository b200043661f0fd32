/**
 * The sessions service with a listener on its named points: when the file `ARM_FILE` holds the name of the point that is
 * passed, the file is removed and the process kills itself right there.
 */
import { readFileSync, rmSync } from 'node:fs'
import { run } from '../../services/runtime/run.ts'
import { openSessions } from '../../services/sessions/open.ts'
import { Settings } from '../../services/sessions/settings.ts'

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
  name: 'sessions',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) =>
    openSessions({ env, environment, home, log, history: client('history'), memory: client('memory'), publish, defer, at }),
})
