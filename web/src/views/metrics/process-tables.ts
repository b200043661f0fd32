/** `<process-tables>`: our processes and the agents as they are now. */
import { css, html } from 'lit'
import { customElement } from 'lit/decorators.js'
import type { AgentProcess, ServiceProcess } from '../../../../protocol/metrics.ts'
import type { Tone } from '../../components/status-chip.ts'
import { PanelElement } from '../../element.ts'
import { bytes, compact, duration, number } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { metricsWords } from './words.ts'

const TONE: Readonly<Record<ServiceProcess['state'], Tone>> = { up: 'ok', silent: 'warn', down: 'bad' }

const or = (value: number | null, format: (value: number) => string): string => (value === null ? '–' : format(value))
const percent = (value: number): string => `${number(value, 1)} %`

@customElement('process-tables')
export class ProcessTables extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: var(--gap);
      }
      td {
        white-space: nowrap;
      }
    `,
  ]

  readonly #processes = new Live(this, {
    load: (connection, _, signal) => connection.call('metrics.processes', {}, { timeout_ms: 6_000, signal }),
    topics: ['metrics.sampled'],
    // No hint comes from a metrics that is away; that should not go unnoticed for long.
    every_ms: 10_000,
  })

  override render() {
    const text = metricsWords()
    return html`<section class="card" aria-label=${text.processes}>
        <header><h2>${text.processes}</h2></header>
        ${this.#processes.render({ ready: ({ services }) => this.#services(services) })}
      </section>
      <section class="card" aria-label=${text.agents}>
        <header><h2>${text.agents}</h2></header>
        ${this.#processes.render({
          loading: () => html`<skeleton-rows rows="2"></skeleton-rows>`,
          empty: ({ agents }) => (agents.length === 0 ? html`<p class="body muted">${text.noAgents}</p>` : undefined),
          ready: ({ agents }) => this.#agents(agents),
        })}
      </section>`
  }

  #services(services: readonly ServiceProcess[]): unknown {
    const text = metricsWords()
    const { table } = text
    return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${text.processes}>
      <table class="number">
        <thead>
          <tr>
            <th scope="col">${table.process}</th>
            <th scope="col">${table.state}</th>
            <th scope="col" class="end">${table.cpu}</th>
            <th scope="col" class="end">${table.memory}</th>
            <th scope="col" class="end">${table.lag}</th>
            <th scope="col" class="end">${table.uptime}</th>
            <th scope="col" class="end">${table.restarts}</th>
            <th scope="col" class="end">${table.calls}</th>
            <th scope="col" class="end">${table.failures}</th>
            <th scope="col" class="end">${table.pid}</th>
          </tr>
        </thead>
        <tbody>
          ${services.map(
            (one) => html`<tr>
              <th scope="row">${one.service}</th>
              <td><status-chip tone=${TONE[one.state]}>${text.state[one.state]}</status-chip></td>
              <td class="end">${or(one.cpu_percent, percent)}</td>
              <td class="end">${or(one.rss_bytes, bytes)}</td>
              <td class="end">${or(one.loop_lag_ms, (ms) => `${number(ms)} ms`)}</td>
              <td class="end">${or(one.uptime_ms, duration)}</td>
              <td class="end">${or(one.restarts, number)}</td>
              <td class="end">${or(one.calls, compact)}</td>
              <td class="end">${or(one.failures, compact)}</td>
              <td class="end">${one.pid ?? '–'}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`
  }

  #agents(agents: readonly AgentProcess[]): unknown {
    const text = metricsWords()
    const { table } = text
    return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${text.agents}>
      <table class="number">
        <thead>
          <tr>
            <th scope="col">${table.agent}</th>
            <th scope="col" class="end">${table.cpu}</th>
            <th scope="col" class="end">${table.memory}</th>
            <th scope="col" class="end">${table.uptime}</th>
            <th scope="col" class="end">${table.pid}</th>
          </tr>
        </thead>
        <tbody>
          ${agents.map(
            (one) => html`<tr>
              <th scope="row">${text.agentName(one.agent)}</th>
              <td class="end">${percent(one.cpu_percent)}</td>
              <td class="end">${bytes(one.rss_bytes)}</td>
              <td class="end">${duration(one.uptime_ms)}</td>
              <td class="end">${one.pid}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`
  }
}
