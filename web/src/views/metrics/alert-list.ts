/** `<alert-list>`: what is wrong now, and what was. */
import { css, html, nothing } from 'lit'
import { customElement } from 'lit/decorators.js'
import type { Alert } from '../../../../protocol/metrics.ts'
import { icon } from '../../components/icon.ts'
import { PanelElement } from '../../element.ts'
import { dateTime, duration } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { metricsWords } from './words.ts'

const PAST = 20

@customElement('alert-list')
export class AlertList extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
        padding: 10px 16px;
      }
      li p {
        flex: 1 1 320px;
        overflow-wrap: anywhere;
      }
      .fine {
        display: flex;
        align-items: center;
        gap: 8px;
        color: var(--ok);
      }
      summary {
        padding: 10px 16px;
        border-top: 1px solid var(--line);
        cursor: pointer;
        color: var(--muted);
      }
    `,
  ]

  readonly #alerts = new Live(this, {
    load: (connection, _, signal) => connection.call('metrics.alerts', { past: PAST }, { timeout_ms: 6_000, signal }),
    topics: ['metrics.alert_raised', 'metrics.alert_cleared'],
    every_ms: 60_000,
  })

  override render() {
    const text = metricsWords()
    return html`<section class="card" aria-label=${text.alerts}>
      <header><h2>${text.alerts}</h2></header>
      ${this.#alerts.render({
        loading: () => html`<skeleton-rows rows="1"></skeleton-rows>`,
        ready: ({ alerts }) => this.#list(alerts),
      })}
    </section>`
  }

  #list(alerts: readonly Alert[]): unknown {
    const text = metricsWords()
    const open = alerts.filter(({ cleared_at }) => cleared_at === null)
    const past = alerts.filter(({ cleared_at }) => cleared_at !== null)
    return html`${
      open.length === 0
        ? html`<p class="body fine">${icon('ok')}${text.fine}</p>`
        : html`<ul class="rows">
            ${open.map((alert) => this.#alert(alert))}
          </ul>`
    }
    ${
      past.length === 0
        ? nothing
        : html`<details>
            <summary>${text.alertsPast} (${past.length})</summary>
            <ul class="rows">
              ${past.map((alert) => this.#alert(alert))}
            </ul>
          </details>`
    }`
  }

  #alert({ level, subject, message, raised_at, cleared_at }: Alert): unknown {
    const text = metricsWords()
    const tone = cleared_at !== null ? 'plain' : level === 'critical' ? 'bad' : 'warn'
    return html`<li>
      <status-chip tone=${tone}>${text.level[level]}</status-chip>
      <b>${subject}</b>
      <p>${message}</p>
      <span class="muted small">
        ${
          cleared_at === null
            ? html`${text.since} <time-ago .at=${raised_at}></time-ago>`
            : html`${dateTime(raised_at)}, ${text.lasted(duration(cleared_at - raised_at))}`
        }
      </span>
    </li>`
  }
}
