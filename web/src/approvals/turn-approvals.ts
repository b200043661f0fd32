/** `<turn-approvals turn=…>`: what one turn waits for, wherever it is shown; nothing while it waits for nobody. */
import './approval-card.ts'
import { css, html } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'
import { liveWaiting } from './waiting.ts'

@customElement('turn-approvals')
export class TurnApprovals extends PanelElement {
  static override styles = [
    base,
    css`
      approval-card {
        max-width: none;
        padding: 0 0 var(--gap);
      }
    `,
  ]

  @property() turn = ''
  readonly #waiting = liveWaiting(this)

  override render() {
    const waiting = this.#waiting.value?.filter(({ turn_id }) => turn_id === this.turn) ?? []
    this.hidden = waiting.length === 0
    return html`<div @decided=${this.#waiting.reload}>
      ${waiting.map((approval) => html`<approval-card .approval=${approval}></approval-card>`)}
    </div>`
  }
}
