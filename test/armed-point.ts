/**
 * A listener on the named points of a service: when the file `ARM_FILE` holds the name of the point that is passed, the file is
 * removed and the process kills itself right there.
 */
import { readFileSync, rmSync } from 'node:fs'

/** Reads the file at each point: a test arms it while the service runs. */
export const armedBy =
  (file: string) =>
  (point: string): void => {
    let armed = ''
    try {
      armed = readFileSync(file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    if (armed !== point) return
    rmSync(file)
    process.kill(process.pid, 'SIGKILL')
  }
