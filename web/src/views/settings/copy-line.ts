/** `<copy-line .text=${'npm run restart'}>`: a line for a terminal, with a button that copies it. */
import { css, html } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { copyText } from '../../clipboard.ts'
import { icon } from '../../components/icon.ts'
import { PanelElement } from '../../element.ts'
import { common } from '../../i18n/phrases.ts'
import { base } from '../../style/base.ts'

@customElement('copy-line')
export class CopyLine extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 4px 4px 4px 12px;
        border-radius: var(--radius-small);
        background: var(--sunken);
      }
      code {
        flex: 1;
        overflow-wrap: anywhere;
      }
    `,
  ]

  @property({ attribute: false }) text = ''

  override render() {
    return html`<div>
      <code>${this.text}</code>
      <button class="quiet" aria-label="${common().copy}: ${this.text}" @click=${this.#copy}>${icon('copy', 16)}</button>
    </div>`
  }

  readonly #copy = async (): Promise<void> => {
    if (await copyText(this.text)) this.notify({ text: common().copied, tone: 'ok' })
    else getSelection()?.selectAllChildren(this.renderRoot.querySelector('code') ?? this)
  }
}
