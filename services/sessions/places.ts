/**
 * Where sessions work: one folder each under the session base, which has one owner.
 *
 * The CLI names the record of a conversation by a lossy slug of the path, so two sessions whose paths have the same slug
 * would share conversations. The slug is therefore unique in our table, and a clash gets a suffix.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { ServiceError } from '../../protocol/errors.ts'
import { slugOf } from './agent/transcript.ts'
import type { NewSession, SessionRow } from './rows.ts'

const ownerFileIn = (base: string): string => join(base, '.switchboard-owner')

/**
 * Makes the session base and takes it into possession. Throws `conflict` when another installation has it: two writers
 * lose a branch of a conversation without a word (`claude-cli.md` 4).
 *
 * @returns the real path of the base
 */
export const takeBase = (base: string, home: string): string => {
  mkdirSync(base, { recursive: true, mode: 0o700 })
  const file = ownerFileIn(base)
  try {
    writeFileSync(file, `${home}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const owner = readFileSync(file, 'utf8').trim()
    if (owner !== home) {
      throw new ServiceError(
        'conflict',
        `${base} belongs to the Switchboard in ${owner}. Set GATEWAY_SESSION_DIR to another folder, or, if that installation is gone for good, delete ${file}.`,
      )
    }
  }
  return realpathSync(base)
}

/** A new session's row. The ids have the contract's pattern: each is one path segment. */
export const newSession = (
  base: string,
  botId: string,
  chatId: string,
  now: number,
  isTaken: (slug: string) => boolean,
): NewSession => {
  const plain = join(base, botId, chatId)
  let cwd = plain
  for (let suffix = 2; isTaken(slugOf(cwd)); suffix += 1) cwd = `${plain}~${suffix}`
  return {
    bot_id: botId,
    chat_id: chatId,
    lane: '',
    cwd,
    slug: slugOf(cwd),
    conversation_id: randomUUID(),
    fork_of: null,
    created_at: now,
    last_active_at: now,
  }
}

/** The row of a lane: in its chat's folder, with a conversation of its own that begins as a copy of the chat's. */
export const newLane = (chat: SessionRow, lane: string, now: number): NewSession => ({
  bot_id: chat.bot_id,
  chat_id: chat.chat_id,
  lane,
  cwd: chat.cwd,
  slug: null,
  conversation_id: randomUUID(),
  fork_of: chat.conversation_id,
  created_at: now,
  last_active_at: now,
})

/**
 * Makes a session's folder where it is missing. Throws where it lies in the base of another installation: with a copy of its
 * databases this one knows its chats, and two writers of one conversation lose a branch of it.
 */
export const makePlace = (cwd: string, home: string): void => {
  const file = ownerFileIn(dirname(dirname(cwd)))
  const owner = existsSync(file) ? readFileSync(file, 'utf8').trim() : home
  if (owner !== home)
    throw new Error(`its folder ${cwd} belongs to the Switchboard in ${owner}, and one conversation must not have two writers`)
  try {
    mkdirSync(cwd, { recursive: true, mode: 0o700 })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason'
    throw new Error(`its folder ${cwd} could not be made (${code}); see that GATEWAY_SESSION_DIR can be written to`, {
      cause: error,
    })
  }
}

/** Deletes a session's folder with all that is in it. Refuses anything that is not, in truth, below the base. */
export const deletePlace = (base: string, cwd: string): void => {
  let real: string
  try {
    real = realpathSync(cwd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const inside = relative(base, real)
  if (inside === '' || inside.startsWith('..') || inside.split(sep).length !== 2) {
    throw new ServiceError('forbidden', `${cwd} leads out of the session folder and is not deleted`)
  }
  rmSync(real, { recursive: true, force: true })
}
