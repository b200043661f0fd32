/** History: one handler for each method of its contract. */
import { ServiceError } from '../../protocol/errors.ts'
import type { history } from '../../protocol/history.ts'
import type { Handlers, Publisher } from '../../protocol/method.ts'
import type { HistoryStore, NewMessage } from './store.ts'

interface HistoryDeps {
  readonly store: HistoryStore
  readonly publish: Publisher<typeof history>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Composes history. What a handler answers is committed to disk before it answers. */
export const createHistory = ({ store, publish, now = Date.now }: HistoryDeps): Handlers<typeof history> => {
  const add = (messages: readonly NewMessage[]): readonly { readonly id: number }[] => {
    const stored = store.add(messages)
    for (const message of stored) publish.message_recorded(message)
    return stored
  }

  return {
    record: async ({ records }) => ({ stored: add(records).length }),

    list_sessions: async ({ bot_id }) => store.chats(bot_id ?? ''),

    get_session: async ({ session_id, limit }) => {
      const messages = store.messages(session_id, limit)
      if (messages.length === 0) throw new ServiceError('not_found', 'Session not found')
      return messages
    },

    messages_since: async ({ session_id, bot_id, since, limit, max_chars }) =>
      store.since(session_id, bot_id, since, limit, max_chars),

    post_message: async (message) => {
      const [stored] = add([{ ...message, user_id: null, username: null, created_at: now(), record_id: null }])
      if (stored === undefined) throw new ServiceError('internal', 'A message without a record id was taken for a repeat')
      return { id: stored.id }
    },
  }
}
