/** The logs of the services and of PM2: each begins anew when it has grown too large, and one older part is kept. */
import { copyFileSync, existsSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Cuts the logs of a folder that are too large. Who writes cannot be told to open another file, so what is there is copied and
 * cut off. Writers append, so they go on at the beginning; a line of just that moment may be lost. Returns the files that were
 * cut.
 */
export const rotateLogs = (folder: string, max_bytes: number): string[] => {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.log')) : []
  const large = names
    .map((name) => join(folder, name))
    .filter((path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > max_bytes)
  for (const path of large) {
    copyFileSync(path, `${path}.1`)
    truncateSync(path, 0)
  }
  return large
}
