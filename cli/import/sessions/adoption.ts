/**
 * Chats go on where they were: each gets a session here that works in the same folder and continues the same conversation.
 *
 * Where both use one session folder (the default of both is the same) nothing is moved. Else the chat's folder is copied, and
 * the CLI's record with it, to where the CLI will look for it. What the predecessor has stays as it is.
 *
 * Three steps, since sessions must not run for the last: it is looked for what there is, that is copied, and it becomes sessions.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { BotId, ChatId } from '../../../protocol/identifiers.ts'
import { chooseConversation, recordsOf, type Said, slugOf } from '../conversation.ts'
import { copyBeside, tryFiles } from '../folder-copy.ts'
import { sessionIdOf } from '../messages.ts'
import type { Predecessor } from '../store.ts'
import { newTally, type Tally } from '../tally.ts'
import { chatsOf, type OldChat, realPathOf, remainsOf } from './chats.ts'
import type { AdoptedSession, KnownSessions, SessionRows } from './store.ts'

/** How far back it is looked for what was said. */
const LOOK_BACK = 400

export interface AdoptionPlaces {
  /** The predecessor's session folder, and ours. */
  readonly from: string
  readonly to: string
  /** The parent of the CLI's `projects/`, theirs and ours. */
  readonly claude_from: string
  readonly claude_to: string
}

/** A chat that can be taken over. */
export interface Adoption {
  /** The predecessor's folder of it; null: it is gone. */
  readonly folder: string | null
  /** The CLI's record of its conversation. */
  readonly record: string
  readonly session: AdoptedSession
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

/** What of a chat can go on, and what a person should look at; or why it cannot. */
const judge = async (
  old: Predecessor,
  { from, to, claude_from }: AdoptionPlaces,
  chat: OldChat,
): Promise<{ adoption: Adoption; review: string[] } | { problem: string }> => {
  const { bot_id, chat_id } = chat
  const remains = remainsOf(from, chat)
  if ('problem' in remains) return remains
  const records = new Set(remains.worked_in.flatMap((cwd) => recordsOf(claude_from, cwd)))
  const chosen = records.size === 0 ? null : await chooseConversation([...records], saidIn(old, chat))
  if (chosen === null)
    return { problem: 'Claude has no conversation of its folder; its messages are in history, and it begins anew' }
  const review = [
    ...(chosen.by === 'age' ? [`none of its messages stand in any of ${chosen.of} conversations; the newest was taken`] : []),
    ...(remains.folder === null
      ? ['its folder is gone (mini-claude-bot deletes those of idle chats); its conversation goes on in an empty one']
      : []),
  ]
  const cwd = join(realPathOf(to), bot_id, chat_id)
  const last_active_at = chat.last_active_at ?? Math.round(statSync(chosen.file).mtimeMs)
  const session = { bot_id, chat_id, cwd, slug: slugOf(cwd), conversation_id: chosen.id, last_active_at }
  return { adoption: { folder: remains.folder, record: chosen.file, session }, review }
}

const nameOf = ({ bot_id, chat_id }: Pick<OldChat, 'bot_id' | 'chat_id'>): string => `chat ${bot_id}/${chat_id}`

/** Looks for the chats that have a conversation and are not here. Nothing is changed; sessions may run. */
export const lookForChats = async (
  old: Predecessor,
  places: AdoptionPlaces,
  here: KnownSessions,
): Promise<{ tally: Tally; adoptions: Adoption[] }> => {
  const tally = newTally('chats')
  const adoptions: Adoption[] = []
  const slugs = new Set<string>()
  for (const chat of chatsOf(old, places.from)) {
    const name = nameOf(chat)
    tally.found += 1
    if (!BotId.safeParse(chat.bot_id).success || !ChatId.safeParse(chat.chat_id).success) {
      tally.refused.push(`${name}: its name may not be used here`)
      continue
    }
    if (here.knows(chat.bot_id, chat.chat_id)) {
      tally.known += 1
      continue
    }
    const looked = await tryFiles(() => judge(old, places, chat))
    const judged = 'value' in looked ? looked.value : { problem: `it cannot be read (${looked.trouble})` }
    if ('problem' in judged) {
      tally.refused.push(`${name}: ${judged.problem}`)
      continue
    }
    const slug = judged.adoption.session.slug.toLowerCase()
    if (here.isTaken(slug) || slugs.has(slug)) {
      tally.refused.push(
        `${name}: Claude cannot tell its folder from that of another chat; it begins anew, in a folder of its own`,
      )
      continue
    }
    slugs.add(slug)
    adoptions.push(judged.adoption)
    tally.review.push(...judged.review.map((line) => `${name}: ${line}`))
  }
  return { tally, adoptions }
}

/** Where a chat's folder waits. */
const waitingOf = ({ session }: Adoption): string => `${session.cwd}.import`

/** Puts the record where the CLI looks for it when it works in the chat's folder. */
const placeRecord = ({ record, session }: Adoption, claude_to: string): void => {
  const folder = join(claude_to, 'projects', session.slug)
  const target = join(folder, basename(record))
  if (existsSync(target)) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  copyFileSync(record, `${target}.import`)
  renameSync(`${target}.import`, target)
}

/** Copies what the chats need that is not where it shall be; sessions may run. Resolves with those of which it could be done. */
export const copyChats = async (adoptions: readonly Adoption[], claude_to: string, tally: Tally): Promise<Adoption[]> => {
  const ready: Adoption[] = []
  for (const adoption of adoptions) {
    const { folder, session } = adoption
    const copied = await tryFiles(() => {
      if (folder !== null && !existsSync(session.cwd)) copyBeside(folder, waitingOf(adoption))
      placeRecord(adoption, claude_to)
    })
    if ('value' in copied) ready.push(adoption)
    else tally.refused.push(`${nameOf(session)}: it cannot be copied (${copied.trouble})`)
  }
  return ready
}

/** Makes sessions of them; the service must not run. What has begun here meanwhile stays as it is. */
export const adoptChats = (ready: readonly Adoption[], rows: SessionRows, tally: Tally): void => {
  for (const adoption of ready) {
    const { session } = adoption
    if (rows.knows(session.bot_id, session.chat_id) || rows.isTaken(session.slug)) {
      tally.known += 1
      continue
    }
    const waiting = waitingOf(adoption)
    if (existsSync(waiting) && !existsSync(session.cwd)) renameSync(waiting, session.cwd)
    rows.add(session)
    tally.taken += 1
  }
}

/** Deletes copies that nobody has taken. */
export const discardCopies = (ready: readonly Adoption[]): void => {
  for (const adoption of ready) rmSync(waitingOf(adoption), { recursive: true, force: true })
}
