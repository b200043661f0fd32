/** `<report-detail report_id=…>`: one report: how it comes about, the PDF, and what became of its mail. */
import { detailViews } from '../../components/detail-views.ts'
import '../../components/progress-bar.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Report, ReportMail } from '../../../../protocol/reports.ts'
import { icon } from '../../components/icon.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { bytes, clock, dollars, fullMoment } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { isStep, MAIL_TONE, REPORT_TONE, STEPS, stepsDone } from './report-state.ts'
import { reportWords } from './words.ts'

@customElement('report-detail')
export class ReportDetail extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .columns {
        display: grid;
        grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        gap: var(--gap);
        align-items: start;
      }
      iframe {
        display: block;
        width: 100%;
        height: min(78vh, 980px);
        border: 0;
        border-top: 1px solid var(--line);
        border-radius: 0 0 var(--radius) var(--radius);
        background: var(--sunken);
      }
      .steps {
        display: flex;
        justify-content: space-between;
        margin-bottom: 6px;
        font-size: 12.5px;
        color: var(--muted);
      }
      .steps .now {
        color: var(--accent);
        font-weight: 600;
      }
      .log li {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 12px;
        padding: 3px 0;
        overflow-wrap: anywhere;
      }
      .reason {
        padding: 10px 14px;
        border-radius: var(--radius);
        background: var(--bad-soft);
        color: var(--bad);
        overflow-wrap: anywhere;
      }
      .note {
        color: var(--warn);
      }
      summary {
        padding: 10px 16px;
        border-top: 1px solid var(--line);
        color: var(--muted);
        cursor: pointer;
      }
      pre.output {
        margin: 0 16px 16px;
        max-height: 60vh;
        font-family: inherit;
      }
      @media (max-width: 900px) {
        .columns {
          grid-template-columns: minmax(0, 1fr);
        }
        /* Browsers of phones show no PDF in a page. */
        iframe {
          display: none;
        }
      }
    `,
  ]

  @property() report_id = ''

  readonly #report = new Live(this, {
    args: () => [this.report_id] as const,
    load: (connection, [report_id], signal) =>
      connection.call('reports.get', { report_id }, { timeout_ms: 8_000, signal }).catch((error: unknown) => {
        if (['not_found', 'invalid_input'].includes(toFailure(error).code)) return null
        throw error
      }),
    topics: ['reports.report_changed'],
    concerns: (_, payload) => 'report_id' in payload && payload.report_id === this.report_id,
    every_ms: 10_000,
  })

  override render() {
    const text = reportWords()
    return html`<div class="page">
      ${this.#report.render(detailViews('reports', text, (report) => this.#page(report)))}
    </div>`
  }

  #page(report: Report): unknown {
    const text = reportWords()
    const isOpen = isStep(report.state)
    return html`<header>
        <a class="button" href=${href('reports')} aria-label=${text.back} title=${text.back}>${icon('back', 16)}</a>
        <h1>${text.edition(text.lang[report.lang], report.date)}</h1>
        ${report.preview ? html`<status-chip>${text.preview}</status-chip>` : nothing}
        ${report.example ? html`<status-chip tone="warn">${text.example}</status-chip>` : nothing}
        <status-chip tone=${REPORT_TONE[report.state]}>${text.state[report.state]}</status-chip>
        ${report.bytes === null ? nothing : html`<a class="button" href=${this.#address()} target="_blank" rel="noopener">${icon('external', 16)}${text.open}</a>`}
        ${isOpen ? html`<button class="danger" @click=${this.#cancel}>${icon('stop', 16)}${text.cancel}</button>` : nothing}
      </header>
      ${report.reason === null ? nothing : html`<p class="reason" role="status">${report.reason}</p>`}
      <div class="columns">
        <section class="card" aria-label=${text.pdf}>
          <header>
            <h2>${text.pdf}</h2>
            <span class="muted small number">
              ${report.pages === null ? nothing : text.pages(report.pages)} ${report.bytes === null ? nothing : bytes(report.bytes)}
            </span>
          </header>
          ${
            report.bytes === null
              ? html`<p class="body muted">${isOpen ? text.pdfLater : text.noPdf}</p>`
              : html`<iframe src="${this.#address()}#navpanes=0&view=FitH" title=${text.pdf}></iframe>`
          }
          ${
            report.text === null
              ? nothing
              : html`<details>
                  <summary>${text.text}</summary>
                  <pre class="output" tabindex="0" aria-label=${text.text}>${report.text}</pre>
                </details>`
          }
        </section>
        <div class="stack">${this.#progress(report)} ${this.#mail(report)}</div>
      </div>`
  }

  #address(): string {
    return `/api/reports/${encodeURIComponent(this.report_id)}/pdf`
  }

  #progress({ state, step, progress, notes, cost_usd }: Report): unknown {
    const text = reportWords()
    const tone = REPORT_TONE[state]
    return html`<section class="card" aria-label=${text.progress}>
      <header>
        <h2>${text.progress}</h2>
        ${cost_usd === null ? nothing : html`<span class="muted small number">${dollars(cost_usd)}</span>`}
      </header>
      <div class="body stack">
        <div>
          <div class="steps" aria-hidden="true">
            ${STEPS.map((one) => html`<span class=${one === state ? 'now' : ''}>${text.steps[one]}</span>`)}
          </div>
          <progress-bar label=${text.state[state]} tone=${tone === 'plain' ? 'warn' : tone} .value=${stepsDone(state, step)} .max=${STEPS.length}></progress-bar>
        </div>
        <ol class="log small">
          ${progress.map(({ at, text: said }) => html`<li><time class="muted number" title=${fullMoment(at)}>${clock(at)}</time><span>${said}</span></li>`)}
          ${notes.map((note) => html`<li class="note">${icon('warning', 16)}<span>${note}</span></li>`)}
        </ol>
      </div>
    </section>`
  }

  #mail(report: Report): unknown {
    const { mail: text } = reportWords()
    const { mail, state, bytes: size } = report
    const isUnsent =
      !isStep(state) && size !== null && mail?.state !== 'sent' && mail?.state !== 'handing' && mail?.state !== 'waiting'
    return html`<section class="card" aria-label=${text.title}>
      <header>
        <h2>${text.title}</h2>
        ${mail === null ? nothing : html`<status-chip tone=${MAIL_TONE[mail.state]}>${text.state[mail.state]}</status-chip>`}
      </header>
      <div class="body stack">
        ${mail === null ? html`<p class="muted">${text.none}</p>` : this.#facts(mail)}
        ${isUnsent ? html`<div class="actions"><button class="plain" @click=${() => this.#send(mail?.state === 'doubtful')}>${icon('send', 16)}${text.send}</button></div>` : nothing}
      </div>
    </section>`
  }

  #facts(mail: ReportMail): unknown {
    const { mail: text } = reportWords()
    const rows: [string, unknown][] = [
      [text.subject, mail.subject],
      [text.to, mail.to.join(', ')],
      [text.cc, mail.cc.join(', ')],
      [text.way, mail.way],
      [text.attempts, mail.attempts],
      [text.next, mail.next_at === null ? '' : fullMoment(mail.next_at)],
      [text.file, mail.file ?? ''],
      [text.id, mail.message_id],
      [text.reason, mail.reason ?? ''],
    ]
    return html`<dl class="facts">
      ${rows.filter(([, value]) => value !== '').map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
    </dl>`
  }

  async #send(isDoubtful: boolean): Promise<void> {
    const { mail: text } = reportWords()
    const once = { title: text.sendTitle, text: text.sendText, action: text.send }
    const twice = { title: text.againTitle, text: text.againText, action: text.again, danger: true }
    if (!(await this.confirm(isDoubtful ? twice : once))) return
    const { report_id } = this
    try {
      try {
        this.#report.set(await this.connection.call('reports.send', { report_id, force: isDoubtful }))
      } catch (error) {
        if (isDoubtful || toFailure(error).code !== 'conflict' || !(await this.confirm(twice))) throw error
        this.#report.set(await this.connection.call('reports.send', { report_id, force: true }))
      }
      this.notify({ text: text.started, tone: 'ok' })
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }

  readonly #cancel = async (): Promise<void> => {
    const text = reportWords()
    const isSure = await this.confirm({ title: text.cancelTitle, text: text.cancelText, action: text.cancel, danger: true })
    if (!isSure) return
    try {
      const { cancelled } = await this.connection.call('reports.cancel', { report_id: this.report_id })
      this.notify({ text: cancelled ? text.cancelled : text.endedBefore, tone: cancelled ? 'ok' : 'plain' })
      this.#report.reload()
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }
}
