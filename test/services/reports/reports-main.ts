/**
 * The reports with a listener on their named points: when the file `ARM_FILE` holds the name of the point that is passed, the
 * file is removed and the process kills itself right there.
 */
import { readFileSync, rmSync } from 'node:fs'
import { openReports } from '../../../services/reports/open.ts'
import { Settings } from '../../../services/reports/settings.ts'
import { run } from '../../../services/runtime/run.ts'

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
  name: 'reports',
  env: Settings,
  open: ({ env, environment, home, log, publish, defer }) =>
    openReports({ env, environment, home, log, publish, defer, at, retry_ms: [200, 200, 200] }),
})
