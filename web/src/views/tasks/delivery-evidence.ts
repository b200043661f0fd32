/** `<delivery-evidence .deliveries=${task.deliveries}>`: what was sent to Telegram, with each try as evidence. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Delivery, DeliveryAttempt, DeliveryPart } from '../../../../protocol/deliveries.ts'
import { PanelElement } from '../../element.ts'
import { fullMoment } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { DELIVERY_TONE } from './task-state.ts'
import { taskWords } from './words.ts'

@customElement('delivery-evidence')
export class DeliveryEvidence extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      section {
        display: grid;
        gap: 10px;
        padding: 12px 0;
        border-top: 1px solid var(--line);
      }
      section:first-child {
        padding-top: 0;
        border-top: 0;
      }
      .about {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
      }
      .part {
        padding: 8px 12px;
        border-radius: var(--radius-small);
        background: var(--sunken);
      }
      .part summary {
        cursor: pointer;
      }
      th,
      td {
        padding: 4px 14px 4px 0;
        vertical-align: top;
      }
      .reason {
        color: var(--bad);
        overflow-wrap: anywhere;
      }
    `,
  ]

  @property({ attribute: false }) deliveries: readonly Delivery[] = []
  /** Whether more may come: the task is still at work. */
  @property({ type: Boolean }) awaited = false

  override render() {
    const text = taskWords()
    if (this.deliveries.length === 0) return html`<p class="muted">${this.awaited ? text.deliveryLater : text.deliveryNone}</p>`
    return this.deliveries.map(
      (one) => html`<section>
        <div class="about">
          <status-chip tone=${DELIVERY_TONE[one.state]}>${text.deliveryState[one.state]}</status-chip>
          <span class="muted small">${text.facts.chat} ${one.chat_id}</span>
          <time-ago class="muted small" .at=${one.ended_at ?? one.created_at}></time-ago>
        </div>
        ${one.reason === null ? nothing : html`<p class="reason">${one.reason}</p>`}
        ${one.parts.map((part) => this.#part(part))}
      </section>`,
    )
  }

  #part({ n, kind, state, message_id, attempts }: DeliveryPart): unknown {
    const text = taskWords()
    return html`<details class="part">
      <summary>
        ${kind === 'document' ? text.document(n + 1) : text.part(n + 1)}: ${text.partState[state]}
        ${message_id === null ? nothing : html`<span class="muted small">${text.evidence(message_id)}</span>`}
      </summary>
      <div class="scroll-x" tabindex="0" role="group" aria-label=${text.attempts}>
        <table>
          <thead>
            <tr>
              <th scope="col">${text.attempt.n}</th>
              <th scope="col">${text.attempt.at}</th>
              <th scope="col">${text.attempt.form}</th>
              <th scope="col">${text.attempt.outcome}</th>
              <th scope="col">${text.attempt.detail}</th>
            </tr>
          </thead>
          <tbody>
            ${attempts.map((attempt) => this.#attempt(attempt))}
          </tbody>
        </table>
      </div>
    </details>`
  }

  #attempt({ n, form, labelled, outcome, status, reason, message_id, started_at }: DeliveryAttempt): unknown {
    const text = taskWords()
    const said = [status === null ? '' : String(status), reason ?? '', message_id === null ? '' : text.evidence(message_id)]
    return html`<tr>
      <td class="number">${n}</td>
      <td>${fullMoment(started_at)}</td>
      <td>${text.form[form]}${labelled ? `, ${text.labelled}` : ''}</td>
      <td>${text.outcome[outcome]}</td>
      <td>${said.filter((one) => one !== '').join(' · ')}</td>
    </tr>`
  }
}
