/** What has to be on the disk before somebody says that it is there. */
import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Forces a file's contents, or the names in a folder, to the disk: forcing a file alone does not keep its name. */
export const force = (path: string): void => {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
