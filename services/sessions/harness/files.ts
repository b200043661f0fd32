/** What of a harness project stands before a prompt: the beginnings of its three files. */
import { join } from 'node:path'
import { harnessFolderOf, projectDirOf } from './place.ts'
import { readHead } from './plain-file.ts'

/** Each null where there is no such file, or nothing in it. */
export interface HarnessFiles {
  readonly config: string | null
  readonly progress: string | null
  readonly tasks: string | null
}

/** The predecessor's limits, in characters. */
const CONFIG_CHARS = 500
const PROGRESS_CHARS = 500
const TASKS_CHARS = 2_000

/** The beginnings of the files of a session's harness; null when it has no harness folder. @param base the session base */
export const readHarnessFiles = (cwd: string, base: string): HarnessFiles | null => {
  const folder = harnessFolderOf(projectDirOf(cwd, base))
  if (folder === null) return null
  return {
    config: readHead(join(folder, 'config.json'), CONFIG_CHARS),
    progress: readHead(join(folder, 'progress.md'), PROGRESS_CHARS),
    tasks: readHead(join(folder, 'tasks.json'), TASKS_CHARS),
  }
}
