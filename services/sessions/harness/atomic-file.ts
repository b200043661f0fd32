/** Writing a file so that a reader, and a crash, finds the old one or the new one and nothing between. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { force } from '../../runtime/forced.ts'

/**
 * Replaces a file; one writer at a time. On disk when it returns. What stands under the name of the new file, left by a crash
 * or put there to be written through, goes first.
 */
export const writeAtomically = (path: string, text: string): void => {
  const fresh = `${path}.new`
  rmSync(fresh, { recursive: true, force: true })
  try {
    const fd = openSync(fresh, 'wx', 0o600)
    try {
      const bytes = Buffer.from(text)
      for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(fresh, path)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
  force(dirname(path))
}
