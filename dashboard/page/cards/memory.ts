/** The memory store: how much is kept in mind, never what. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Payload } from '../../../protocol/dashboard.ts'
import { card, figure } from '../card.ts'
import { segments } from '../charts/segments.ts'
import { formatCount, formatDay, formatDayAndYear, plural } from '../text/format.ts'

type Memory = NonNullable<Payload['memory']>

const legend = ({ categories }: Memory): TemplateResult | typeof nothing =>
  categories.some(({ name }) => name !== null)
    ? html`<ul class="legend">
        ${categories.map(({ name, count }, index) => html`<li class="part-${index}"><span>${name ?? 'unnamed'}</span> <b>${formatCount(count)}</b></li>`)}
      </ul>`
    : nothing

export const memoryCard = ({ memory }: Payload): TemplateResult => {
  if (memory === null) return card({ id: 'memory', title: 'Memory store' }, null)
  const note = memory.oldest_on === null ? undefined : `since ${formatDayAndYear(memory.oldest_on)}`
  const counts = memory.categories.map(({ count }) => count)
  const rest = Math.max(0, memory.count - counts.reduce((sum, count) => sum + count, 0))
  const categories = plural(memory.category_count, 'category', 'categories')
  return card(
    { id: 'memory', title: 'Memory store', note },
    html`
      <dl class="figures">
        ${figure(formatCount(memory.count), memory.count === 1 ? 'memory' : 'memories', 'large')}
        ${memory.newest_on === null ? nothing : figure(formatDay(memory.newest_on), 'newest')}
      </dl>
      ${memory.count === 0 ? nothing : segments(`Memories by category: ${categories}`, counts, rest)}
      ${legend(memory)}
      <p class="more">in ${categories}; what they say stays private</p>
    `,
  )
}
