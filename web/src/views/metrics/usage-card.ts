/** `<usage-card>`: how many tokens Claude has used, day by day and model by model. */
import '../../components/time-chart.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { ClaudeUsage } from '../../../../protocol/metrics.ts'
import { PanelElement } from '../../element.ts'
import { compact, number } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { metricsWords } from './words.ts'

/** Noon, so that a day is the same day in every zone near this machine's. */
const momentOfDay = (date: string): number => Date.parse(`${date}T12:00:00`)

@customElement('usage-card')
export class UsageCard extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .grid {
        align-items: center;
      }
      td {
        white-space: nowrap;
      }
    `,
  ]

  @property({ attribute: false }) usage: ClaudeUsage | null = null

  override render() {
    const text = metricsWords()
    const { usage } = this
    return html`<section class="card" aria-label=${text.usage}>
      <header><h2>${text.usage}</h2></header>
      ${
        usage === null || usage.total_requests === 0
          ? html`<empty-state icon="metrics" heading=${text.usageNone}>${text.usageHelp}</empty-state>`
          : html`<div class="body stack">
              ${usage.scan.running ? html`<p class="muted small" role="status">${text.scanning}</p>` : nothing}
              ${usage.scan.skipped_lines === 0 ? nothing : html`<p class="muted small">${text.skipped(number(usage.scan.skipped_lines))}</p>`}
              <div class="grid">${this.#days(usage)} ${this.#models(usage)}</div>
              <p class="muted small">${text.usageHelp}</p>
            </div>`
      }
    </section>`
  }

  #days({ daily_models }: ClaudeUsage): unknown {
    const text = metricsWords()
    const days = [...new Set(daily_models.map(({ date }) => date))].sort()
    const sum = (date: string, field: 'output_tokens' | 'input_tokens'): number =>
      daily_models.filter((one) => one.date === date).reduce((total, one) => total + one[field], 0)
    return html`<time-chart
      label=${text.perDay}
      kind="bars"
      .moments=${days.map(momentOfDay)}
      .lines=${[{ title: `${text.perDay}, ${text.out}`, values: days.map((date) => sum(date, 'output_tokens')) }]}
      .format=${compact}
    ></time-chart>`
  }

  #models({ model_usage }: ClaudeUsage): unknown {
    const text = metricsWords()
    const models = Object.entries(model_usage).sort(([, a], [, b]) => b.output_tokens - a.output_tokens)
    return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${text.models}>
      <table class="number">
        <thead>
          <tr>
            <th scope="col">${text.model}</th>
            <th scope="col" class="end">${text.requests}</th>
            <th scope="col" class="end">${text.out}</th>
            <th scope="col" class="end">${text.in}</th>
            <th scope="col" class="end">${text.cached}</th>
          </tr>
        </thead>
        <tbody>
          ${models.map(
            ([model, one]) => html`<tr>
              <th scope="row">${model}</th>
              <td class="end">${compact(one.requests)}</td>
              <td class="end">${compact(one.output_tokens)}</td>
              <td class="end">${compact(one.input_tokens + one.cache_creation_tokens)}</td>
              <td class="end">${compact(one.cache_read_tokens)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`
  }
}
