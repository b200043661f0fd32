/** Settings and doctor: what is in use, what is missing or wrong, and what to do about it. */
import '../../components/preferences-menu.ts'
import './copy-line.ts'
import './doctor-card.ts'
import './finding-list.ts'
import { html } from 'lit'
import { customElement } from 'lit/decorators.js'
import { icon } from '../../components/icon.ts'
import { PanelElement } from '../../element.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { type Examined, examine, findingsOf } from './findings.ts'
import { settingsWords } from './words.ts'

@customElement('settings-view')
export class SettingsView extends PanelElement {
  static override styles = [base, blocks]

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
        ${this.#examined.render({ ready: (examined) => html`<finding-list .findings=${findingsOf(examined)}></finding-list>` })}
      </section>
      <doctor-card></doctor-card>
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
            <header><h2>${text.browser}</h2></header>
            <div class="body"><preferences-menu></preferences-menu></div>
          </section>
        </div>
      </div>
    </div>`
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
