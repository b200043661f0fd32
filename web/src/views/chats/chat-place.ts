/** Which chat is meant: a bot's, by both names; or one that others have stored in history, by the name of its session. */
import { href } from '../../router.ts'

export interface ChatPlace {
  /** The name of its messages in history. */
  readonly session_id: string
  /** Null for a chat that does not go through Switchboard: it can be read only. */
  readonly chat: { readonly bot_id: string; readonly chat_id: string } | null
}

/** Stands for the bot in links to chats of others. It cannot be the name of one. */
const FOREIGN = '~'

export const placeOfChat = (bot_id: string, chat_id: string): ChatPlace => ({
  session_id: `gw-${bot_id}-${chat_id}`,
  chat: { bot_id, chat_id },
})

/** The chat of a row of history, whose `bot_id` says where the one name ends and the other begins. */
export const placeOfSession = (session_id: string, bot_id: string): ChatPlace => {
  const prefix = `gw-${bot_id}-`
  return session_id.startsWith(prefix) && session_id.length > prefix.length
    ? placeOfChat(bot_id, session_id.slice(prefix.length))
    : { session_id, chat: null }
}

/** From the parts of a link; undefined where it names none. */
export const placeOfPath = ([first, second]: readonly string[]): ChatPlace | undefined => {
  if (first === undefined || second === undefined) return undefined
  return first === FOREIGN ? { session_id: second, chat: null } : placeOfChat(first, second)
}

export const linkTo = ({ session_id, chat }: ChatPlace, query: Readonly<Record<string, string | undefined>> = {}): string =>
  href('chats', chat === null ? [FOREIGN, session_id] : [chat.bot_id, chat.chat_id], query)

/** What a chat is called on the screen. */
export const titleOf = ({ session_id, chat }: ChatPlace): string => chat?.chat_id ?? session_id
