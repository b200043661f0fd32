/** The last two weeks, day by day. */
import { html, type TemplateResult } from 'lit'
import type { Payload } from '../../../protocol/dashboard.ts'
import { card } from '../card.ts'
import { bars } from '../charts/bars.ts'
import { daysUntil, formatCount, formatDay, formatWeekday, plural } from '../text/format.ts'

export const activityCard = ({ activity, claude }: Payload): TemplateResult => {
  const options = { id: 'activity', title: 'Daily activity', wide: true }
  if (activity === null)
    return card(
      options,
      claude === null ? null : html`<p class="missing">Nothing was said yet. The days appear here as they come.</p>`,
    )
  const days = daysUntil(activity.until_on, activity.messages.length)
  const sum = activity.messages.reduce((total, count) => total + count, 0)
  const values = activity.messages.map((value, index) => ({
    value,
    says: `${formatDay(days[index] ?? '')}: ${plural(value, 'message')} in ${plural(activity.sessions[index] ?? 0, 'conversation')}`,
  }))
  return card(
    { ...options, note: `${plural(sum, 'message')} in ${days.length} days` },
    html`
      <figure class="chart tall">
        ${bars(`Messages a day from ${formatDay(days[0] ?? '')} to ${formatDay(activity.until_on)}; ${formatCount(sum)} in all`, values)}
        <div class="days" aria-hidden="true">
          ${days.map((day, index) => html`<span class=${index % 2 === 0 ? 'even' : ''}><i>${formatWeekday(day)[0]}</i>${Number(day.slice(8))}</span>`)}
        </div>
      </figure>
    `,
  )
}
