/** Claude: requests and tokens, in all, by day and by model. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Payload } from '../../../protocol/dashboard.ts'
import { card, figure } from '../card.ts'
import { bars } from '../charts/bars.ts'
import { daysUntil, formatCount, formatDay, formatDayAndYear, formatModel, plural } from '../text/format.ts'

type Claude = NonNullable<Payload['claude']>

const tokensByDay = ({ days }: Claude): TemplateResult | typeof nothing => {
  if (days === null || days.tokens.length === 0) return nothing
  const names = daysUntil(days.until_on, days.tokens.length)
  const values = days.tokens.map((value, index) => ({
    value,
    says: `${formatDay(names[index] ?? '')}: ${plural(value, 'token')}`,
  }))
  const [first, last] = [formatDay(names[0] ?? ''), formatDay(days.until_on)]
  return html`
    <figure class="chart">
      ${bars(`Tokens a day from ${first} to ${last}; at most ${formatCount(Math.max(...days.tokens))}`, values)}
      <figcaption>
        <span>${first}</span><span class="middle">tokens a day, at most ${formatCount(Math.max(...days.tokens))}</span><span>${last}</span>
      </figcaption>
    </figure>
  `
}

const models = ({ models: rows }: Claude): TemplateResult | typeof nothing =>
  rows.length === 0
    ? nothing
    : html`
        <table>
          <caption class="hidden">Requests and tokens by model</caption>
          <thead>
            <tr><th scope="col">Model</th><th scope="col">Requests</th><th scope="col">In</th><th scope="col">Out</th><th scope="col">From cache</th></tr>
          </thead>
          <tbody>
            ${rows.map(
              (row) => html`
                <tr>
                  <th scope="row" title=${row.name}>${formatModel(row.name)}</th>
                  <td>${formatCount(row.requests)}</td>
                  <td>${formatCount(row.input_tokens + row.cache_creation_tokens)}</td>
                  <td>${formatCount(row.output_tokens)}</td>
                  <td>${formatCount(row.cache_read_tokens)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      `

const contextWords = ({ context_max }: Claude): string =>
  `tokens of context a request${context_max === null ? '' : `, at most ${formatCount(context_max)}`}`

export const claudeCard = ({ claude }: Payload): TemplateResult => {
  if (claude === null) return card({ id: 'claude', title: 'Claude usage', wide: true }, null)
  const note = claude.since_on === null ? undefined : `since ${formatDayAndYear(claude.since_on)}`
  return card(
    { id: 'claude', title: 'Claude usage', note, wide: true },
    html`
      <dl class="figures">
        ${figure(formatCount(claude.requests), 'requests', 'large')}
        ${figure(formatCount(claude.messages), 'messages')}
        ${figure(formatCount(claude.sessions), 'conversations')}
        ${claude.context_avg === null ? nothing : figure(formatCount(claude.context_avg), contextWords(claude))}
      </dl>
      ${tokensByDay(claude)} ${models(claude)}
    `,
  )
}
