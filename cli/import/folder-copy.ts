/** Folders of the predecessor, copied so that each is there as a whole or not at all. */
import { cpSync, lstatSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'

/** What a copy can be made of: no sockets and pipes, which a program that ran there may have left, and devices. */
const isCopied = (path: string): boolean => {
  const found = lstatSync(path)
  return found.isFile() || found.isDirectory() || found.isSymbolicLink()
}

/**
 * Copies a folder beside where it is to be, from where it can be renamed; what lies there is of an import that was broken off, and goes.
 * Links are copied as links and never followed. Throws an error of the file system, and leaves nothing then.
 */
export const copyBeside = (from: string, partial: string): void => {
  mkdirSync(dirname(partial), { recursive: true, mode: 0o700 })
  rmSync(partial, { recursive: true, force: true })
  try {
    const options = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true }
    cpSync(realpathSync(from), partial, { ...options, filter: isCopied })
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    throw error
  }
}

/** Does something with the files of one chat or archive; what the file system has against it is told, so that the others go on. */
export const tryFiles = async <T>(work: () => T | Promise<T>): Promise<{ readonly value: T } | { readonly trouble: string }> => {
  try {
    return { value: await work() }
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    return { trouble: `${error.message}; mend that and import again` }
  }
}
