/** `<report-list>`: the reports, newest first, and what is set up for them. */
import '../../components/progress-bar.ts'
import { css, html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import type { ReportSummary } from '../../../../protocol/reports.ts'
import { icon } from '../../components/icon.ts'
import { listPage } from '../../components/list-page.ts'
import type { Output } from '../../connection/methods.ts'
import { PanelElement } from '../../element.ts'
import { dollars } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { isStep, MAIL_TONE, REPORT_TONE, STEPS, stepsDone } from './report-state.ts'
import { reportWords } from './words.ts'

const PAGE = 30
/** The most that one call gives. */
const MOST = 200

@customElement('report-list')
export class ReportList extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      li.report {
        display: grid;
        grid-template-columns: 118px minmax(0, 1fr) auto;
        align-items: center;
        gap: 2px 14px;
        padding: 11px 16px;
      }
      li.report:hover {
        background: var(--hover);
      }
      .name {
        font-weight: 600;
        color: var(--text);
      }
      .wide {
        grid-column: 2 / -1;
      }
      .wide progress-bar {
        max-width: 420px;
      }
      .bad {
        color: var(--bad);
        overflow-wrap: anywhere;
      }
      .missing li {
        display: flex;
        gap: 8px;
        padding: 3px 0;
        color: var(--warn);
        overflow-wrap: anywhere;
      }
      .missing svg {
        flex: none;
        margin-top: 2px;
      }
      .foot {
        display: flex;
        justify-content: center;
        padding: 10px;
        border-top: 1px solid var(--line);
      }
      @media (max-width: 640px) {
        li.report {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .main,
        .wide {
          grid-column: 1 / -1;
        }
      }
    `,
  ]

  @state() private limit = PAGE

  readonly #reports = new Live(this, {
    load: (connection, _, signal) =>
      connection.call('reports.list', { limit: Math.min(MOST, this.limit + 1) }, { timeout_ms: 6_000, signal }),
    topics: ['reports.report_changed'],
    every_ms: 20_000,
  })
  readonly #status = new Live(this, {
    load: (connection, _, signal) => connection.call('reports.status', {}, { timeout_ms: 6_000, signal }),
  })

  override render() {
    const text = reportWords()
    return listPage({
      ...{ view: 'reports', text, live: this.#reports },
      isEmpty: (reports) => reports.length === 0,
      list: (reports) => this.#list(reports),
      more: html`<section class="card" aria-label=${text.status.title}>
        <header><h2>${text.status.title}</h2></header>
        <div class="body stack">
          ${this.#status.render({ loading: () => html`<skeleton-rows rows="2"></skeleton-rows>`, ready: (status) => this.#setup(status) })}
        </div>
      </section>`,
    })
  }

  #list(reports: readonly ReportSummary[]): unknown {
    const text = reportWords()
    return html`<ul class="rows">
        ${reports.slice(0, this.limit).map((report) => this.#row(report))}
      </ul>
      ${reports.length > this.limit ? html`<div class="foot"><button class="plain" @click=${this.#more}>${text.older}</button></div>` : nothing}`
  }

  #row(report: ReportSummary): unknown {
    const text = reportWords()
    const { state, mail } = report
    return html`<li class="report">
      <span><status-chip tone=${REPORT_TONE[state]}>${text.state[state]}</status-chip></span>
      <div class="main row wrap">
        <a class="name" href=${href('reports', [report.report_id])}>${text.edition(text.lang[report.lang], report.date)}</a>
        ${report.preview ? html`<status-chip>${text.preview}</status-chip>` : nothing}
        ${report.example ? html`<status-chip tone="warn">${text.example}</status-chip>` : nothing}
        ${mail === null ? nothing : html`<status-chip tone=${MAIL_TONE[mail.state]}>${text.mail.title}: ${text.mail.state[mail.state]}</status-chip>`}
      </div>
      <span class="muted small number">
        ${report.pages === null ? nothing : text.pages(report.pages)} ${report.cost_usd === null ? nothing : dollars(report.cost_usd)}
        <time-ago .at=${report.ended_at ?? report.created_at}></time-ago>
      </span>
      ${
        isStep(state)
          ? html`<div class="wide"><progress-bar label=${text.state[state]} .value=${stepsDone(state, null)} .max=${STEPS.length}></progress-bar></div>`
          : nothing
      }
      ${report.reason === null ? nothing : html`<p class="wide bad small">${report.reason}</p>`}
    </li>`
  }

  #setup({ engine, engine_version, mail, agent, recipients, missing }: Output<'reports.status'>): unknown {
    const { status } = reportWords()
    return html`${
      missing.length === 0
        ? html`<p class="muted">${status.well}</p>`
        : html`<ul class="missing">
            ${missing.map((one) => html`<li>${icon('warning', 16)}<span>${one}</span></li>`)}
          </ul>`
    }
      <dl class="facts">
        <dt>${status.engine}</dt>
        <dd>${engine} ${engine_version ?? ''}</dd>
        <dt>${status.mail}</dt>
        <dd>${mail}</dd>
        <dt>${status.agent}</dt>
        <dd>${agent}</dd>
        <dt>${status.recipients}</dt>
        <dd>${status.counts(recipients.cn, recipients.en, recipients.preview)}</dd>
      </dl>`
  }

  readonly #more = (): void => {
    this.limit = Math.min(MOST - 1, this.limit + 2 * PAGE)
    this.#reports.reload()
  }
}
