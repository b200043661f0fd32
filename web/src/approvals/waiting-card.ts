/** `<waiting-card>`: what waits for somebody's permission, each with the way to it; nothing while nothing does. */
import { css, html, nothing } from 'lit'
import { customElement } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'
import { blocks } from '../style/blocks.ts'
import { revealed } from '../text/revealed.ts'
import { isQuestion, linkToApproval, liveWaiting } from './waiting.ts'
import { approvalWords } from './words.ts'

const SHOWN = 8

@customElement('waiting-card')
export class WaitingCard extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      a {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 2px 12px;
        padding: 9px 16px;
        color: var(--text);
      }
      .second {
        grid-column: 1 / -1;
        color: var(--muted);
        font-size: 12.5px;
      }
      a:hover {
        background: var(--hover);
        text-decoration: none;
      }
    `,
  ]

  readonly #waiting = liveWaiting(this)

  override render() {
    const waiting = this.#waiting.value ?? []
    this.hidden = waiting.length === 0
    if (waiting.length === 0) return nothing
    const text = approvalWords()
    return html`<section class="card" aria-label=${text.list}>
      <header>
        <h2>${text.list}</h2>
        <status-chip tone="warn">${waiting.length}</status-chip>
      </header>
      <ul class="rows">
        ${waiting.slice(0, SHOWN).map(
          (approval) => html`<li>
            <a href=${linkToApproval(approval)}>
              <b class="cut">${approval.chat_id}</b><time-ago class="muted small" .at=${approval.asked_at}></time-ago>
              <span class="second cut">${isQuestion(approval) ? text.wants : revealed(approval.title)} · ${approval.bot_id}</span>
            </a>
          </li>`,
        )}
      </ul>
    </section>`
  }
}
