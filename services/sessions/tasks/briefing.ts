/** What a person who comes back is told: what was said in the chat since they left. */
import type { history } from '../../../protocol/history.ts'
import type { Client } from '../../../protocol/method.ts'

/** Of each message. The predecessor's limit. */
const MESSAGE_CHARS = 200
/** The latest messages that are shown; how many there were is told always. */
const MOST = 100

/** @param since milliseconds since 1970 */
export const briefing = async (
  source: Pick<Client<typeof history>, 'messages_since'>,
  botId: string,
  chatId: string,
  since: number,
): Promise<string> => {
  const { total, messages } = await source.messages_since({
    ...{ session_id: `gw-${botId}-${chatId}`, bot_id: botId, since, limit: MOST, max_chars: MESSAGE_CHARS },
  })
  if (total === 0) return 'Nothing was said while you were away.'
  const shown = messages.length < total ? `, the latest ${messages.length} of them` : ''
  const lines = messages.map(({ role, content, cut }) => `- [${role}] ${content}${cut ? '...' : ''}`)
  return [`Messages while you were away (${total} total${shown}):`, ...lines].join('\n')
}
