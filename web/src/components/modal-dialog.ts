/**
 * `<modal-dialog heading="New job" ?open=${…} @closed=${…}>content<div slot="actions">buttons</div></modal-dialog>`: the browser's own
 * dialog, which keeps the focus inside and gives it back. It slides up from below on a phone. `closed` is told when a person closes it.
 */
import { css, html, type PropertyValues } from 'lit'
import { customElement, property, query } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { common } from '../i18n/phrases.ts'
import { base } from '../style/base.ts'
import { icon } from './icon.ts'

@customElement('modal-dialog')
export class ModalDialog extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        display: contents;
      }
      dialog {
        width: min(100vw - 32px, var(--dialog-width, 560px));
        max-width: none;
        max-height: min(100dvh - 48px, 860px);
        padding: 0;
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--raised);
        color: var(--text);
        box-shadow: var(--shadow-high);
        overflow: hidden;
      }
      dialog[open] {
        display: flex;
        flex-direction: column;
      }
      dialog::backdrop {
        background: rgb(10 14 22 / 45%);
      }
      .head {
        display: flex;
        align-items: center;
        gap: 10px;
        padding: 14px 12px 10px 20px;
      }
      .head h2 {
        flex: 1;
        font-size: 17px;
        min-width: 0;
        overflow-wrap: anywhere;
      }
      .content {
        padding: 4px 20px 18px;
        overflow-y: auto;
        overscroll-behavior: contain;
      }
      ::slotted([slot='actions']) {
        display: flex;
        flex-wrap: wrap;
        justify-content: flex-end;
        gap: 8px;
        padding: 12px 20px;
        border-top: 1px solid var(--line);
      }
      @media (max-width: 640px) {
        dialog {
          width: 100vw;
          max-height: calc(100dvh - 24px);
          margin: auto 0 0;
          border-radius: 14px 14px 0 0;
          border-width: 1px 0 0;
        }
      }
    `,
  ]

  @property() heading = ''
  @property({ type: Boolean }) open = false
  @query('dialog') private readonly dialog!: HTMLDialogElement

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has('open')) return
    if (this.open && !this.dialog.open) this.dialog.showModal()
    if (!this.open && this.dialog.open) this.dialog.close()
  }

  #close = (): void => {
    if (!this.open) return
    this.open = false
    this.dispatchEvent(new Event('closed'))
  }

  override render() {
    return html`<dialog aria-label=${this.heading} @close=${this.#close} @click=${this.#onBackdrop}>
      <div class="head">
        <h2>${this.heading}</h2>
        <button class="quiet" aria-label=${common().close} @click=${this.#close}>${icon('close')}</button>
      </div>
      <div class="content"><slot></slot></div>
      <slot name="actions"></slot>
    </dialog>`
  }

  /** A click beside it closes it, but not where it began inside, as at the end of selecting text. */
  #onBackdrop = (event: MouseEvent): void => {
    if (event.target !== this.dialog || event.detail === 0) return
    const { left, right, top, bottom } = this.dialog.getBoundingClientRect()
    const inside = event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom
    if (!inside && !this.hasAttribute('keep-open')) this.#close()
  }
}
