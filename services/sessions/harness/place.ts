/**
 * Where the harness of a session lies: in the project folder that `<cwd>/.harness_project_dir` names, else in the working
 * directory itself. Both files are the agent's to write, so what they name is looked at each time it is used.
 */
import { lstatSync, realpathSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { isAbsence, readBytes, toText, withPlainFile } from './plain-file.ts'

export const HARNESS_FOLDER = '.harness'
/** Names the project folder when it is not the working directory. */
export const POINTER_FILE = '.harness_project_dir'

/** The longest path that is believed, in bytes (PATH_MAX of Linux). */
const PATH_BYTES = 4_096

/** The real path in the file system's own spelling (macOS takes any case), or null where there is nothing. */
export const realPathOf = (path: string): string | null => {
  if (path.includes('\0')) return null
  try {
    return realpathSync.native(path)
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  }
}

const isWithin = (folder: string, path: string): boolean => {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/**
 * Whether a session may work on the project in `real`, a real path: anywhere but in the session base, where other chats
 * live, unless below its own folder.
 */
export const isInReach = (real: string, cwd: string, base: string): boolean => {
  const realBase = realPathOf(base) ?? base
  const realCwd = realPathOf(cwd) ?? cwd
  return !isWithin(realBase, real) || isWithin(realCwd, real)
}

/** The harness folder of a project, or null. A link is not one: it could lead to another chat's. */
export const harnessFolderOf = (dir: string): string | null => {
  const path = join(dir, HARNESS_FOLDER)
  try {
    return lstatSync(path).isDirectory() ? path : null
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  }
}

const hasTasks = (dir: string): boolean => {
  const folder = harnessFolderOf(dir)
  return folder !== null && withPlainFile(join(folder, 'tasks.json'), () => true) === true
}

/** The folder of the project that a session works on. @param base the session base, which holds all chats' folders */
export const projectDirOf = (cwd: string, base: string): string => {
  const text = withPlainFile(join(cwd, POINTER_FILE), (fd) => toText(readBytes(fd, PATH_BYTES)).trim())
  if (text === null || !isAbsolute(text)) return cwd
  const real = realPathOf(text)
  if (real === null || real === realPathOf(cwd)) return cwd
  return isInReach(real, cwd, base) && hasTasks(real) ? real : cwd
}
