/**
 * Who may speak, where the owner names them. Chats count for every method that is about one chat; users count for sending,
 * the only method that says who asks. Reading is not narrowed: whoever knows the token may read.
 */
import { z } from 'zod'
import type { Row } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import { BotId, ChatId } from '../../protocol/identifiers.ts'

export interface SpeakersOptions {
  /** `chat`, of whatever bot, or `bot/chat`; nobody is kept out where absent. */
  readonly chats?: readonly string[] | undefined
  /** User ids; nobody is kept out where absent. */
  readonly users?: readonly string[] | undefined
}

/** Throws `forbidden` where the lists do not allow this input. To be asked by every surface, before it calls. */
export type Authorise = (row: Pick<Row, 'name' | 'input'>, input: unknown) => void

/** Whether a text may stand in the list of chats. */
export const isChatEntry = (entry: string): boolean => {
  const parts = entry.split('/')
  const chat = parts.pop()
  return ChatId.safeParse(chat).success && (parts.length === 0 || (parts.length === 1 && BotId.safeParse(parts[0]).success))
}

const DEFAULT_BOT = 'default'

const hasField = (row: Pick<Row, 'input'>, field: string): boolean =>
  row.input instanceof z.ZodObject && Object.hasOwn(row.input.shape, field)

/** Builds the check. */
export const createAuthorise = ({ chats, users }: SpeakersOptions): Authorise => {
  const allowedChats = chats && new Set(chats)
  const allowedUsers = users && new Set(users)
  if (allowedChats === undefined && allowedUsers === undefined) return () => undefined

  return (row, input) => {
    const { chat_id, bot_id, user_id } = (input ?? {}) as Readonly<Record<string, unknown>>
    // Without a text for a chat there is nothing to compare, and the service refuses the input: it needs one.
    if (allowedChats !== undefined && hasField(row, 'chat_id') && typeof chat_id === 'string') {
      // A job keeps its bot, which only the scheduler knows: without its name an entry for one bot is none for this job.
      const bot = bot_id ?? (row.name === 'scheduler.update' ? '' : DEFAULT_BOT)
      if (!allowedChats.has(chat_id) && !allowedChats.has(`${String(bot)}/${chat_id}`))
        throw new ServiceError(
          'forbidden',
          bot === ''
            ? 'This chat is not among those that may speak here for every bot (GATEWAY_ALLOWED_CHATS): name the bot_id of the job, too'
            : 'This chat is not among those that may speak here (GATEWAY_ALLOWED_CHATS)',
        )
    }
    // A job that names no chat would speak in one of its own.
    if (allowedChats !== undefined && row.name === 'scheduler.create' && typeof chat_id !== 'string')
      throw new ServiceError('forbidden', 'A job must name a chat_id that may speak here (GATEWAY_ALLOWED_CHATS)')
    if (allowedChats !== undefined && row.name === 'scheduler.update' && chat_id === null)
      throw new ServiceError('forbidden', 'A job must keep a chat_id that may speak here (GATEWAY_ALLOWED_CHATS)')
    // Who does not say who they are is not on the list.
    if (allowedUsers !== undefined && hasField(row, 'user_id') && !(typeof user_id === 'string' && allowedUsers.has(user_id)))
      throw new ServiceError('forbidden', 'This user is not among those that may speak here (GATEWAY_ALLOWED_USERS)')
  }
}
