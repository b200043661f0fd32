/** History: one handler for each method of its contract. */
import { ServiceError } from '../../protocol/errors.ts'
import type { history } from '../../protocol/history.ts'
import type { Handlers, Publisher } from '../../protocol/method.ts'
import type { Retrieval } from '../runtime/retrieval/retrieval.ts'
import type { HistoryStore, NewMessage } from './store.ts'

interface HistoryDeps {
  readonly store: HistoryStore
  readonly retrieval: Retrieval
  /** Older messages, at most, that are not indexed yet. */
  readonly backlog: () => number
  readonly publish: Publisher<typeof history>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Clients of the predecessor send an empty text where they ask for nothing. */
const unlessEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/** Composes history. What a handler answers is committed to disk before it answers. */
export const createHistory = ({ store, retrieval, backlog, publish, now = Date.now }: HistoryDeps): Handlers<typeof history> => {
  const add = (messages: readonly NewMessage[]): readonly { readonly id: number }[] => {
    const stored = store.add(messages)
    for (const message of stored) publish.message_recorded(message)
    return stored
  }

  return {
    record: async ({ records }) => ({ stored: add(records).length }),

    list_sessions: async ({ bot_id }) => store.chats(bot_id ?? ''),

    get_session: async ({ session_id, limit, from_id, before_id }) => {
      const messages = store.messages(session_id, limit, from_id, before_id)
      // A page may be empty, a chat is not.
      if (messages.length === 0 && store.messages(session_id, 1).length === 0)
        throw new ServiceError('not_found', 'Session not found')
      return messages
    },

    messages_since: async ({ session_id, bot_id, since, limit, max_chars }) =>
      store.since(session_id, bot_id, since, limit, max_chars),

    search: async ({ q, limit, bot_id, session_id, role, since, until }, { signal }) => {
      const filter = { bot_id: unlessEmpty(bot_id), scope: unlessEmpty(session_id), role, since, until }
      const { hits, ways, model } = await retrieval.search({ query: q, limit, filter, signal })
      const messages = new Map(store.byIds(hits.map(({ id }) => id)).map((message) => [message.id, message]))
      return hits.flatMap(({ id, distance, text_rank, score, passage, found_by }) => {
        const message = messages.get(id)
        if (message === undefined) return []
        const { session_id, bot_id, role, content, source, created_at } = message
        const why = { distance, text_rank, score, passage, found_by: [...found_by], ways: [...ways], model }
        return [{ id, session_id, bot_id, role, content, source, created_at, ...why }]
      })
    },

    search_status: async () => {
      const { total, pending, model, reembedding } = retrieval.status()
      return { passages: total, pending, backlog: backlog(), model, reembedding }
    },

    post_message: async (message) => {
      const [stored] = add([{ ...message, user_id: null, username: null, created_at: now(), record_id: null }])
      if (stored === undefined) throw new ServiceError('internal', 'A message without a record id was taken for a repeat')
      return { id: stored.id }
    },
  }
}
