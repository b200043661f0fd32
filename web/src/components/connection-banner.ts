/** Says when there is no connection, and when it is back. A loss that is mended at once is not worth a word. */
import { css, html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { shellWords } from '../shell-words.ts'
import { base } from '../style/base.ts'
import { icon } from './icon.ts'

const PATIENCE_MS = 600

@customElement('connection-banner')
export class ConnectionBanner extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 9px;
        padding: 6px 16px;
        background: var(--warn-soft);
        color: var(--warn);
        font-size: 13px;
        font-weight: 540;
      }
      .bad {
        background: var(--bad-soft);
        color: var(--bad);
      }
    `,
  ]

  @state() private shown = false
  #timer: number | undefined
  #stop: (() => void) | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stop = this.connection.onState(() => this.#onState())
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop?.()
    window.clearTimeout(this.#timer)
  }

  #onState(): void {
    window.clearTimeout(this.#timer)
    const { state } = this.connection
    if (state === 'live') {
      if (this.shown) this.notify({ text: shellWords().back, tone: 'ok' })
      this.shown = false
    } else this.#timer = window.setTimeout(() => (this.shown = true), this.shown ? 0 : PATIENCE_MS)
    this.requestUpdate()
  }

  override render() {
    const { state, reason } = this.connection
    const text = shellWords()
    const words =
      state === 'refused'
        ? `${text.refused}: ${reason}. ${text.refusedHelp}`
        : state === 'reconnecting'
          ? text.reconnecting
          : text.connecting
    return html`<div role="status" class=${state === 'refused' ? 'bad' : ''} ?hidden=${!this.shown || state === 'login'}>
      ${this.shown ? html`${icon('offline', 17)}<span>${words}</span>` : nothing}
    </div>`
  }
}
