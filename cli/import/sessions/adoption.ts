/**
 * Chats go on where they were: each gets a session here that works in the same folder and continues the same conversation.
 *
 * Where both use one session folder (the default of both is the same) nothing is moved. Else the chat's folder is copied, and
 * the CLI's record with it, to where the CLI will look for it. What the predecessor has stays as it is.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { BotId, ChatId } from '../../../protocol/identifiers.ts'
import { chooseConversation, recordsOf, type Said, slugOf } from '../conversation.ts'
import { sessionIdOf } from '../messages.ts'
import { toMoment } from '../moments.ts'
import type { OldRow, Predecessor } from '../store.ts'
import { newTally, type Tally } from '../tally.ts'
import type { SessionRows } from './store.ts'

/** Chats that the predecessor made beside a chat, for work in the background. */
const BESIDE = /^(bg|fg)-/
/** How far back it is looked for what was said. */
const LOOK_BACK = 400

interface OldChat {
  readonly bot_id: string
  readonly chat_id: string
  readonly cwd: string
  readonly last_active_at: number | null
}

export interface AdoptionPlaces {
  /** The predecessor's session folder, and ours. */
  readonly from: string
  readonly to: string
  /** The parent of the CLI's `projects/`, theirs and ours. */
  readonly claude_from: string
  readonly claude_to: string
}

const isInside = (base: string, path: string): boolean => {
  const way = relative(base, path)
  return way !== '' && !way.startsWith('..') && !way.startsWith(sep)
}

const foldersIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name)
    : []

/** The chats of the database, and those whose folders are there though their rows are not. */
const chatsOf = (old: Predecessor, from: string): OldChat[] => {
  const rows = [...old.pieces('gateway_sessions', 500)].flat().map(
    ({ bot_id, chat_id, cwd, last_active }: OldRow): OldChat => ({
      bot_id: typeof bot_id === 'string' && bot_id !== '' ? bot_id : 'default',
      chat_id: String(chat_id),
      cwd: String(cwd),
      last_active_at: toMoment(last_active),
    }),
  )
  const known = new Set(rows.map(({ bot_id, chat_id }) => `${bot_id}/${chat_id}`))
  const onDisk = foldersIn(from)
    .flatMap((bot_id) => foldersIn(join(from, bot_id)).map((chat_id) => ({ bot_id, chat_id })))
    .filter(({ bot_id, chat_id }) => !known.has(`${bot_id}/${chat_id}`))
    .map((chat): OldChat => ({ ...chat, cwd: join(from, chat.bot_id, chat.chat_id), last_active_at: null }))
  return [...rows, ...onDisk]
}

const saidIn = (old: Predecessor, { bot_id, chat_id }: OldChat): Said[] => {
  const names = [`gw-${bot_id}-${chat_id}`, ...(bot_id === 'default' ? [`gw-${chat_id}`] : [])]
  return old
    .lastMessages(names, LOOK_BACK)
    .filter(
      (row) => sessionIdOf(String(row.session_id), bot_id, row.telegram_chat_id) === names[0] || row.session_id === names[1],
    )
    .map(({ id, role, content }) => ({ id: id as number, role: role as Said['role'], content: String(content ?? '') }))
}

/** Copies a folder so that it is there as a whole or not at all; one that is there stays. */
const copyFolder = (from: string, to: string): void => {
  if (existsSync(to)) return
  const partial = `${to}.import`
  mkdirSync(join(to, '..'), { recursive: true, mode: 0o700 })
  rmSync(partial, { recursive: true, force: true })
  cpSync(from, partial, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  renameSync(partial, to)
}

/** Puts the record where the CLI looks for it when it works in `cwd`. */
const placeRecord = (file: string, cwd: string, claude_to: string): void => {
  const folder = join(claude_to, 'projects', slugOf(realpathSync(cwd)))
  const target = join(folder, basename(file))
  if (existsSync(target)) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  copyFileSync(file, `${target}.import`)
  renameSync(`${target}.import`, target)
}

/** Adopts the chats that have a conversation. @param rows our sessions; null: only looks @param stopped ends it between two chats */
export const adoptSessions = async (
  old: Predecessor,
  places: AdoptionPlaces,
  rows: SessionRows | null,
  stopped?: AbortSignal,
): Promise<Tally> => {
  const tally = newTally('chats')
  const { from, claude_from, claude_to } = places
  for (const chat of chatsOf(old, from)) {
    stopped?.throwIfAborted()
    const { bot_id, chat_id, cwd } = chat
    if (BESIDE.test(chat_id)) continue
    const name = `chat ${bot_id}/${chat_id}`
    tally.found += 1
    if (!BotId.safeParse(bot_id).success || !ChatId.safeParse(chat_id).success) {
      tally.refused.push(`${name}: its name may not be used here`)
      continue
    }
    if (!isInside(from, cwd) || !existsSync(cwd) || !isInside(realpathSync(from), realpathSync(cwd))) {
      tally.refused.push(`${name}: its folder ${cwd} is gone or lies outside of ${from}`)
      continue
    }
    const conversation = await chooseConversation(recordsOf(claude_from, cwd), saidIn(old, chat))
    if (conversation === null) {
      tally.refused.push(`${name}: Claude has no conversation of its folder; its messages are in history, and it begins anew`)
      continue
    }
    if (rows?.knows(bot_id, chat_id)) {
      tally.known += 1
      continue
    }
    if (conversation.by === 'age')
      tally.review.push(`${name}: none of its messages stand in any of ${conversation.of} conversations; the newest was taken`)
    if (rows === null) continue
    mkdirSync(places.to, { recursive: true, mode: 0o700 })
    const home = join(realpathSync(places.to), bot_id, chat_id)
    const slug = slugOf(home)
    if (rows.isTaken(slug)) {
      tally.refused.push(
        `${name}: Claude cannot tell its folder from that of another chat; it begins anew, in a folder of its own`,
      )
      continue
    }
    copyFolder(cwd, home)
    placeRecord(conversation.file, home, claude_to)
    const last_active_at = chat.last_active_at ?? Math.round(statSync(conversation.file).mtimeMs)
    rows.add({ bot_id, chat_id, cwd: home, slug, conversation_id: conversation.id, last_active_at })
    tally.taken += 1
  }
  return tally
}
