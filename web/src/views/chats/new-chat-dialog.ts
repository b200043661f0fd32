/** Names a chat to begin, or to go on with. */
import { css, html, nothing } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import type { ModalDialog } from '../../components/modal-dialog.ts'
import { PanelElement } from '../../element.ts'
import { common } from '../../i18n/phrases.ts'
import { go } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { linkTo, placeOfChat } from './chat-place.ts'
import { chatWords } from './words.ts'

/** As the contract allows them: `protocol/identifiers.ts`. */
const isName = (text: string): boolean =>
  /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/.test(text) && !text.includes('..') && !text.endsWith('.')

@customElement('new-chat-dialog')
export class NewChatDialog extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      modal-dialog {
        --dialog-width: 440px;
      }
    `,
  ]

  @property({ type: Boolean }) open = false
  @state() private bot = 'default'
  @state() private chat = ''
  @state() private tried = false
  @query('#chat') private readonly field!: HTMLInputElement
  @query('modal-dialog') private readonly dialog!: ModalDialog

  protected override updated(changed: Map<PropertyKey, unknown>): void {
    // When the dialog has opened, which takes the focus first.
    if (changed.has('open') && this.open) void this.dialog.updateComplete.then(() => this.field.focus())
  }

  override render() {
    const text = chatWords()
    const fault = (name: string): string => (this.tried && !isName(name) ? text.badName : '')
    return html`<modal-dialog heading=${text.newChat} ?open=${this.open} @closed=${() => this.dispatchEvent(new Event('closed'))}>
      <form class="form" id="form" @submit=${this.#submit}>
        <p class="muted">${text.newHelp}</p>
        <div class="field">
          <label for="bot">${common().bot}</label>
          <input
            id="bot"
            autocomplete="off"
            aria-describedby="bot-hint"
            aria-invalid=${fault(this.bot) !== ''}
            .value=${this.bot}
            @input=${(event: Event) => (this.bot = (event.target as HTMLInputElement).value)}
          />
          <p id="bot-hint" class=${fault(this.bot) === '' ? 'hint' : 'fault'}>${fault(this.bot) || text.botHint}</p>
        </div>
        <div class="field">
          <label for="chat">${common().chat}</label>
          <input
            id="chat"
            autocomplete="off"
            aria-describedby="chat-hint"
            aria-invalid=${fault(this.chat) !== ''}
            .value=${this.chat}
            @input=${(event: Event) => (this.chat = (event.target as HTMLInputElement).value)}
          />
          <p id="chat-hint" class=${fault(this.chat) === '' ? 'hint' : 'fault'}>${fault(this.chat) || text.chatHint}</p>
        </div>
        <button class="visually-hidden" tabindex="-1" aria-hidden="true">${text.open}</button>
      </form>
      ${
        this.open
          ? html`<div slot="actions">
              <button class="plain" @click=${() => this.dispatchEvent(new Event('closed'))}>${common().cancel}</button>
              <button class="primary" @click=${this.#submit}>${text.open}</button>
            </div>`
          : nothing
      }
    </modal-dialog>`
  }

  #submit = (event: Event): void => {
    event.preventDefault()
    this.tried = true
    if (!isName(this.bot) || !isName(this.chat)) return
    const link = linkTo(placeOfChat(this.bot, this.chat))
    this.tried = false
    this.chat = ''
    this.dispatchEvent(new Event('closed'))
    go(link)
  }
}
