/** Each process of Switchboard: whether it answers, and what it takes. */
import { css, html } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { ServiceProcess } from '../../../../protocol/metrics.ts'
import type { Tone } from '../../components/status-chip.ts'
import type { Health } from '../../connection/health.ts'
import { PanelElement } from '../../element.ts'
import { bytes, duration, number } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { overviewWords } from './words.ts'

const TONES: Readonly<Record<ServiceProcess['state'], Tone>> = { up: 'ok', silent: 'warn', down: 'bad' }

const UNKNOWN = '–'
const shown = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? UNKNOWN : format(value)

@customElement('services-card')
export class ServicesCard extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      @media (max-width: 640px) {
        .rare {
          display: none;
        }
        th,
        td {
          padding-inline: 10px;
        }
      }
    `,
  ]

  @property({ attribute: false }) health: Health | undefined
  /** Absent while metrics does not answer: then only what the edge knows is shown. */
  @property({ attribute: false }) processes: readonly ServiceProcess[] | undefined

  override render() {
    const text = overviewWords()
    return html`<section class="card" aria-label=${text.services}>
      <header><h2>${text.services}</h2></header>
      <div class="scroll-x">
        <table>
          <thead>
            <tr>
              <th>${text.service}</th>
              <th>${text.state}</th>
              <th class="end">${text.cpu}</th>
              <th class="end">${text.memory}</th>
              <th class="end rare">${text.uptime}</th>
              <th class="end rare">${text.restarts}</th>
            </tr>
          </thead>
          <tbody>
            ${this.#rows().map(
              ({ service, state, cpu_percent, rss_bytes, uptime_ms, restarts }) => html`<tr>
                <td><b>${service}</b></td>
                <td><status-chip tone=${TONES[state]}>${text[state]}</status-chip></td>
                <td class="end number">${shown(cpu_percent, (value) => `${number(value, 1)} %`)}</td>
                <td class="end number">${shown(rss_bytes, bytes)}</td>
                <td class="end number rare">${shown(uptime_ms, duration)}</td>
                <td class="end number rare">${shown(restarts, number)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </section>`
  }

  /** What metrics has measured, and beside it what the edge finds: the edge asks at this moment. */
  #rows(): readonly Pick<ServiceProcess, 'service' | 'state' | 'cpu_percent' | 'rss_bytes' | 'uptime_ms' | 'restarts'>[] {
    const { health, processes = [] } = this
    const unmeasured = { cpu_percent: null, rss_bytes: null, uptime_ms: null, restarts: null }
    const known = new Map(processes.map((process) => [process.service, process]))
    const states: readonly (readonly [string, 'up' | 'down'])[] =
      health === undefined ? [] : [['edge', 'up'], ...Object.entries(health.services)]
    const asked = states.map(([service, state]) => {
      const process = known.get(service)
      known.delete(service)
      if (process === undefined || state === 'down') return { service, state, ...unmeasured }
      // What was down when it was measured may have come back since.
      return process.state === 'down' ? { ...process, state } : process
    })
    return [...asked, ...known.values()]
  }
}
