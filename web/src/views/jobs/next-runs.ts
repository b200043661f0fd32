/** `<next-runs .zone=${'Asia/Shanghai'} .runs=${job.next_runs}>`: coming moments on the clocks of the job's zone and on mine. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { NextRun } from '../../../../protocol/scheduler.ts'
import { PanelElement } from '../../element.ts'
import { dateTime, relative } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { jobWords } from './words.ts'

/** The zone of this browser. */
const myZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

@customElement('next-runs')
export class NextRuns extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      th,
      td {
        padding: 5px 12px 5px 0;
      }
      th {
        white-space: normal;
      }
      td {
        white-space: nowrap;
      }
      p {
        margin-top: 6px;
      }
    `,
  ]

  @property() zone = ''
  @property({ attribute: false }) runs: readonly NextRun[] = []

  override render() {
    const text = jobWords()
    const mine = myZone()
    const isMine = this.runs.every(({ utc }) => dateTime(Date.parse(utc)) === dateTime(Date.parse(utc), this.zone))
    if (this.runs.length === 0) return html`<p class="muted">${text.noNext}</p>`
    return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${text.times}>
        <table class="number">
          <thead>
            <tr>
              <th scope="col">${text.timesIn(this.zone)}</th>
              ${isMine ? nothing : html`<th scope="col">${text.timesMine(mine)}</th>`}
              <th scope="col"><span class="visually-hidden">${text.next}</span></th>
            </tr>
          </thead>
          <tbody>
            ${this.runs.map(({ utc }) => {
              const at = Date.parse(utc)
              return html`<tr>
                <td>${dateTime(at, this.zone)}</td>
                ${isMine ? nothing : html`<td>${dateTime(at)}</td>`}
                <td class="muted">${relative(at)}</td>
              </tr>`
            })}
          </tbody>
        </table>
      </div>
      ${isMine ? html`<p class="muted small">${text.sameZone}</p>` : nothing}`
  }
}
