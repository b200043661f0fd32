/** Letting go of what has aged in a folder of ours. */
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** So many at a time: whoever does this has other things to do, and comes again. */
const AT_A_TIME = 50

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/**
 * Deletes what lies in a folder, has a name of ours and was last changed before a moment (milliseconds since 1970), some of it
 * at a time. A link is deleted, never what it leads to. Returns the names.
 */
export const dropAged = (folder: string, isOurs: (name: string) => boolean, before: number): string[] => {
  const aged = namesIn(folder)
    .filter((name) => isOurs(name) && (lstatSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? before) < before)
    .slice(0, AT_A_TIME)
  for (const name of aged) rmSync(join(folder, name), { recursive: true, force: true })
  return aged
}
