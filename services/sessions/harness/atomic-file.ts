/** Writing a file so that a reader, and a crash, finds the old one or the new one and nothing between. */
import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes what was renamed or made in a folder survive a power cut. */
export const syncFolder = (path: string): void => {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Replaces a file. On disk when it returns. The new file is made under a name of its own, so that a link there is never followed. */
export const writeAtomically = (path: string, text: string): void => {
  const fresh = `${path}.${randomUUID()}`
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
  syncFolder(dirname(path))
}
