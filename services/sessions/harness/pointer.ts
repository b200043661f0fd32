/**
 * The project folder that a reply mentions. An agent that was asked to work elsewhere names the `tasks.json` it writes;
 * from then on the session's harness is counted there.
 *
 * The mention is a model's word, so little of it is believed: the file is there and has the shape, it is not the working
 * directory's own, it is not in another chat's folder, and it is the only one mentioned. Of two projects one would have to
 * be guessed, and a wrong guess would steer a chain into somebody's other work.
 */
import { join } from 'node:path'
import { writeAtomically } from './atomic-file.ts'
import { HARNESS_FOLDER, isInReach, POINTER_FILE, realPathOf } from './place.ts'
import { readTasks } from './progress.ts'

const MENTION = new RegExp(`/\\${HARNESS_FOLDER}/tasks\\.json(?![\\w-]|\\.\\w)`, 'g')
/** A path begins behind one of these. It may hold spaces, so there may be several beginnings, and one that exists. */
const BEGINNING = /(?<=^|[\s"'`([{<=:,;*_：，、（「“])\//g
/** How much of a reply is looked at, its end, and how long a path may be; in characters. */
const REPLY_CHARS = 100_000
const PATH_CHARS = 1_024
/** Mentions and beginnings that are tried. */
const MAX_MENTIONS = 64
const MAX_BEGINNINGS = 16

/** The folders that the end of a line may name, the longest first. */
const foldersIn = (line: string): string[] =>
  [...line.matchAll(BEGINNING)].slice(-MAX_BEGINNINGS).map(({ index }) => line.slice(index))

/** The real path of the project that a reply mentions, if it is one alone and not in `cwd`; else null. */
export const mentionedProject = (
  reply: string,
  { cwd, base }: { readonly cwd: string; readonly base: string },
): string | null => {
  const text = reply.slice(-REPLY_CHARS)
  const own = realPathOf(cwd)
  const found = new Set<string>()
  for (const { index } of [...text.matchAll(MENTION)].slice(-MAX_MENTIONS)) {
    const before = text.slice(Math.max(0, index - PATH_CHARS), index)
    const line = before.slice(Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1)
    for (const folder of foldersIn(line)) {
      const real = realPathOf(folder)
      if (real === null || readTasks(real) === null) continue
      if (isInReach(real, cwd, base)) found.add(real)
      break
    }
  }
  const [only = null] = found
  return found.size === 1 && only !== own ? only : null
}

/** Makes `dir` the project folder of the session in `cwd`. On disk when it returns. */
export const writePointer = (cwd: string, dir: string): void => writeAtomically(join(cwd, POINTER_FILE), `${dir}\n`)
