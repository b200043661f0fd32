/** The logs of the services: each begins anew when it has grown too large, and one older part is kept. */
import { copyFileSync, existsSync, readdirSync, renameSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

export const LOG_MAX_BYTES = 50 * 1_048_576

const isTooLarge = (path: string, max_bytes: number): boolean =>
  (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > max_bytes

/** While nobody writes: the file gets another name. */
export const rotateIdle = (path: string, max_bytes: number = LOG_MAX_BYTES): void => {
  if (isTooLarge(path, max_bytes)) renameSync(path, `${path}.1`)
}

/**
 * While somebody writes, who cannot be told to open another file: what is there is copied and cut off. Writers append, so they
 * go on at the beginning; a line of just that moment may be lost. Returns the files that were cut.
 */
export const rotateInUse = (logs_dir: string, max_bytes: number = LOG_MAX_BYTES): string[] => {
  const names = existsSync(logs_dir) ? readdirSync(logs_dir).filter((name) => name.endsWith('.log')) : []
  const large = names.map((name) => join(logs_dir, name)).filter((path) => isTooLarge(path, max_bytes))
  for (const path of large) {
    copyFileSync(path, `${path}.1`)
    truncateSync(path, 0)
  }
  return large
}
