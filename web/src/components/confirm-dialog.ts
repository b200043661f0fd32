/** Asks before something that cannot be undone. One question at a time; the next one waits. */
import { css, html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { common } from '../i18n/phrases.ts'
import type { Confirmation } from '../notices.ts'
import { base } from '../style/base.ts'

interface Question extends Confirmation {
  readonly answer: (confirmed: boolean) => void
}

@customElement('confirm-dialog')
export class ConfirmDialog extends PanelElement {
  static override styles = [
    base,
    css`
      modal-dialog {
        --dialog-width: 440px;
      }
      p {
        white-space: pre-line;
        overflow-wrap: anywhere;
      }
    `,
  ]

  @state() private questions: readonly Question[] = []

  ask(confirmation: Confirmation, answer: (confirmed: boolean) => void): void {
    this.questions = [...this.questions, { ...confirmation, answer }]
  }

  #settle(confirmed: boolean): void {
    const [question, ...rest] = this.questions
    this.questions = rest
    question?.answer(confirmed)
  }

  override render() {
    const [question] = this.questions
    return html`<modal-dialog
      heading=${question?.title ?? ''}
      ?open=${question !== undefined}
      @closed=${() => this.#settle(false)}
    >
      <p>${question?.text}</p>
      ${
        question === undefined
          ? nothing
          : html`<div slot="actions">
              <button class="plain" autofocus @click=${() => this.#settle(false)}>${common().cancel}</button>
              <button class=${question.danger ? 'danger filled' : 'primary'} @click=${() => this.#settle(true)}>
                ${question.action}
              </button>
            </div>`
      }
    </modal-dialog>`
  }
}
