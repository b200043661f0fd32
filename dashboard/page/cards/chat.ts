/** The chat history: how much was said, never what. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Payload } from '../../../protocol/dashboard.ts'
import { card, figure } from '../card.ts'
import { formatCount, formatDay, formatDayAndYear } from '../text/format.ts'

export const chatCard = ({ chat }: Payload): TemplateResult => {
  if (chat === null) return card({ id: 'chat', title: 'Chat history' }, null)
  const note = chat.oldest_on === null ? undefined : `since ${formatDayAndYear(chat.oldest_on)}`
  return card(
    { id: 'chat', title: 'Chat history', note },
    html`
      <dl class="figures">
        ${figure(formatCount(chat.messages), 'messages', 'large')} ${figure(formatCount(chat.sessions), 'chats')}
        ${chat.newest_on === null ? nothing : figure(formatDay(chat.newest_on), 'last message')}
      </dl>
      <p class="more">what was said stays private</p>
    `,
  )
}
