/** Projects that Claude works at in the background: how many, never which. */
import { html, type TemplateResult } from 'lit'
import type { Payload } from '../../../protocol/dashboard.ts'
import { card, figure } from '../card.ts'
import { segments } from '../charts/segments.ts'
import { formatCount, plural } from '../text/format.ts'

export const workCard = ({ work }: Payload): TemplateResult => {
  if (work === null) return card({ id: 'work', title: 'Background work' }, null)
  const counts = [work.running, work.completed, work.archived]
  const sum = counts.reduce((total, count) => total + count, 0)
  return card(
    { id: 'work', title: 'Background work', note: plural(sum, 'project') },
    html`
      <dl class="figures">
        ${figure(formatCount(work.running), 'under way', 'large')} ${figure(formatCount(work.completed), 'completed')}
        ${figure(formatCount(work.archived), 'archived')}
      </dl>
      ${sum === 0 ? html`<p class="more">Nothing was begun in the background yet.</p>` : segments('Projects under way, completed and archived', counts, 0)}
    `,
  )
}
