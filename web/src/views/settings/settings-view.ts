/** Settings and doctor: what is in use, what is missing or wrong, and what to do about it. */
import '../../components/preferences-menu.ts'
import './copy-line.ts'
import { css, html, nothing } from 'lit'
import { customElement } from 'lit/decorators.js'
import { icon } from '../../components/icon.ts'
import type { Tone } from '../../components/status-chip.ts'
import { PanelElement } from '../../element.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { type Examined, examine, type Finding, findingsOf, type Level } from './findings.ts'
import { settingsWords } from './words.ts'

const TONE: Readonly<Record<Level, Tone>> = { ok: 'ok', warn: 'warn', fail: 'bad' }

@customElement('settings-view')
export class SettingsView extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .finding {
        display: grid;
        grid-template-columns: 142px minmax(0, 1fr) auto;
        align-items: start;
        gap: 2px 12px;
        padding: 10px 16px;
      }
      .finding p {
        overflow-wrap: anywhere;
      }
      .advice {
        color: var(--muted);
      }
      summary {
        padding: 10px 16px;
        border-top: 1px solid var(--line);
        color: var(--muted);
        cursor: pointer;
      }
      .verdict {
        padding: 0 16px 12px;
      }
      @media (max-width: 640px) {
        .finding {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .finding > div {
          grid-column: 1 / -1;
          grid-row: 2;
        }
      }
    `,
  ]

  readonly #examined = new Live(this, {
    load: (connection, _, signal) => examine(connection, signal),
    topics: ['metrics.alert_raised', 'metrics.alert_cleared', 'scheduler.job_disabled'],
    every_ms: 30_000,
  })

  override render() {
    const text = settingsWords()
    return html`<div class="page">
      <header>
        <h1>${text.title}</h1>
        <button class="plain" @click=${this.#examined.reload}>${icon('refresh', 16)}${text.again}</button>
      </header>
      <section class="card" aria-label=${text.doctor}>
        <header><h2>${text.doctor}</h2></header>
        ${this.#examined.render({ ready: (examined) => this.#findings(findingsOf(examined)) })}
      </section>
      <div class="grid">
        <section class="card">
          <header><h2>${text.configured}</h2></header>
          <div class="body">${this.#examined.render({ ready: (examined) => this.#facts(examined) })}</div>
        </section>
        <div class="stack">
          <section class="card">
            <header><h2>${text.settings}</h2></header>
            <div class="body stack">
              <p class="muted">${text.settingsHelp}</p>
              <copy-line .text=${'npm run restart'}></copy-line>
            </div>
          </section>
          <section class="card">
            <header><h2>${text.whole}</h2></header>
            <div class="body stack">
              <p class="muted">${text.wholeHelp}</p>
              <copy-line .text=${'npx switchboard doctor'}></copy-line>
            </div>
          </section>
          <section class="card">
            <header><h2>${text.browser}</h2></header>
            <div class="body"><preferences-menu></preferences-menu></div>
          </section>
        </div>
      </div>
    </div>`
  }

  #findings(findings: readonly Finding[]): unknown {
    const text = settingsWords()
    const count = (level: Level): number => findings.filter((one) => one.level === level).length
    const [wrong, better] = [count('fail'), count('warn')]
    const well = findings.filter(({ level }) => level === 'ok')
    const verdict = [wrong > 0 ? text.wrong(wrong) : '', better > 0 ? text.better(better) : ''].filter((one) => one !== '')
    return html`<p class="verdict" role="status">${verdict.length === 0 ? text.well : verdict.join(' ')}</p>
      <ul class="rows">
        ${findings.filter(({ level }) => level !== 'ok').map((finding) => this.#finding(finding))}
      </ul>
      <details>
        <summary>${text.showWell(well.length)}</summary>
        <ul class="rows">
          ${well.map((finding) => this.#finding(finding))}
        </ul>
      </details>`
  }

  #finding({ level, title, what, advice, place }: Finding): unknown {
    const text = settingsWords()
    return html`<li class="finding">
      <span><status-chip tone=${TONE[level]}>${text.level[level]}</status-chip></span>
      <div>
        <p><b>${title}</b> ${what}</p>
        ${advice === undefined ? nothing : html`<p class="advice small">${advice}</p>`}
      </div>
      ${place === undefined ? html`<span></span>` : html`<a href=${place}>${text.go}</a>`}
    </li>`
  }

  #facts({ health, memory, metrics, reports }: Examined): unknown {
    const { facts } = settingsWords()
    const system = metrics?.system ?? null
    const rows: [string, string][] = [
      [facts.agent, health.agent.kind === 'demo' ? 'demo' : `Claude Code ${health.agent.version ?? ''}`],
      [facts.adapter, health.adapter],
    ]
    if (memory !== undefined) rows.push([facts.model, memory.embedding.model ?? '–'])
    if (system !== null)
      rows.push([facts.machine, `${system.hostname}, ${system.platform}, ${system.cpu}, ${facts.cores(system.cpu_cores)}`])
    if (reports !== undefined)
      rows.push([facts.engine, [reports.engine, reports.engine_version ?? ''].join(' ')], [facts.mail, reports.mail])
    rows.push([facts.panel, location.origin])
    return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
  }
}
