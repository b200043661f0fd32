/** Which chats the predecessor has, where their files lie, and under which paths the CLI may have their conversations. */
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { isFoundAgain } from '../conversation.ts'
import { sessionIdOf } from '../messages.ts'
import { toMoment } from '../moments.ts'
import type { OldRow, Predecessor } from '../store.ts'

/** Chats that the predecessor made beside a chat, for work in the background. */
const BESIDE = /^(bg|fg)-/

export interface OldChat {
  readonly bot_id: string
  readonly chat_id: string
  /** The folder that its row names; null where it has no row. */
  readonly cwd: string | null
  readonly last_active_at: number | null
}

/** What there is of a chat, or why it cannot go on. */
export type Remains =
  | {
      /** Null: it goes on in an empty folder. */
      readonly folder: string | null
      /** The paths in which the CLI worked for it. */
      readonly worked_in: readonly string[]
    }
  | { readonly problem: string }

/** A path without links in it, as far as it is there. */
export const realPathOf = (path: string): string =>
  existsSync(path) || dirname(path) === path ? realpathSync(path) : join(realPathOf(dirname(path)), basename(path))

const isInside = (base: string, path: string): boolean => {
  const way = relative(realpathSync(base), realpathSync(path))
  return way !== '' && !way.startsWith('..') && !way.startsWith(sep)
}

const foldersIn = (folder: string): string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
  } catch (error) {
    // One that is closed to us, as `lost+found` of a disk is, holds no chats of ours.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

const botOf = ({ bot_id }: OldRow): string => (typeof bot_id === 'string' && bot_id !== '' ? bot_id : 'default')

/** The chat that a name in the messages means; null where it means none that the gateway had. */
const namedBy = (row: OldRow): OldChat | null => {
  const bot_id = botOf(row)
  const name = sessionIdOf(String(row.session_id), bot_id, row.telegram_chat_id)
  const prefix = `gw-${bot_id}-`
  return name.length > prefix.length && name.startsWith(prefix)
    ? { bot_id, chat_id: name.slice(prefix.length), cwd: null, last_active_at: null }
    : null
}

/** The chats that have a row, a folder or messages, each once. After an idle hour or two the messages are all that it has. */
export const chatsOf = (old: Predecessor, from: string): OldChat[] => {
  const rows = [...old.pieces('gateway_sessions', 500)].flat().map(
    (row: OldRow): OldChat => ({
      bot_id: botOf(row),
      chat_id: String(row.chat_id),
      cwd: String(row.cwd),
      last_active_at: toMoment(row.last_active),
    }),
  )
  const onDisk = foldersIn(from).flatMap((bot_id) =>
    foldersIn(join(from, bot_id)).map((chat_id): OldChat => ({ bot_id, chat_id, cwd: null, last_active_at: null })),
  )
  const spoken = old.chatNames().flatMap((row) => namedBy(row) ?? [])
  // Of two with the same key the later one stays, in the place of the first: rows tell most.
  const chats = new Map([...onDisk, ...spoken, ...rows].map((chat) => [`${chat.bot_id}/${chat.chat_id}`, chat]))
  return [...chats.values()].filter(({ chat_id }) => !BESIDE.test(chat_id))
}

/**
 * Looks for what there is of a chat; its ids must have been checked. The predecessor deletes the folder and the row of a chat that was
 * idle, as `/stop` does, and at the next message goes on with what the CLI has: so does this, where it would have.
 */
export const remainsOf = (from: string, { bot_id, chat_id, cwd }: OldChat): Remains => {
  const plain = join(realPathOf(from), bot_id, chat_id)
  const folder = [cwd, plain].find((path) => path !== null && existsSync(path) && isInside(from, path)) ?? null
  if (folder !== null) {
    // All chats may have been moved elsewhere since: then the CLI knows them by the path of before.
    const before = cwd?.endsWith(`${sep}${join(bot_id, chat_id)}`) ? [cwd] : []
    return { folder, worked_in: [folder, ...before] }
  }
  if (existsSync(plain)) return { problem: `its folder ${plain} leads out of ${from}` }
  if (!isFoundAgain(plain))
    return {
      problem: `its folder ${plain} is gone, and mini-claude-bot would not have found its conversation again; its messages are in history, and it begins anew`,
    }
  return { folder: null, worked_in: [plain] }
}
