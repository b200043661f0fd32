/** Compiles what is preloaded into the services of a run, so that it is known what they have forced to the disk (forced.c). */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../../../services/runtime/package-root.ts'

/** @param library where it goes. Gives the reason where it cannot be made here, else null. */
export const compileShim = (library: string): string | null => {
  if (process.platform !== 'linux') return 'a loss of power can be played on Linux only'
  const source = join(packageRoot(import.meta.url), 'test/crash/matrix/power/forced.c')
  const { status, stderr, error } = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  })
  if (error !== undefined) return `there is no C compiler (cc): ${error.message}`
  return status === 0 ? null : `the C compiler failed: ${stderr.slice(0, 500)}`
}
