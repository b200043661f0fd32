/** Where a message is written. What is not sent stays with its chat while the panel is open. */
import { css, html, nothing } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import { icon } from '../../components/icon.ts'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import { chatWords } from './words.ts'

const drafts = new Map<string, string>()

export class MessageEvent extends Event {
  readonly text: string

  constructor(text: string) {
    super('message')
    this.text = text
  }
}

@customElement('message-composer')
export class MessageComposer extends PanelElement {
  static override styles = [
    base,
    css`
      form {
        display: flex;
        align-items: flex-end;
        gap: 8px;
        max-width: 780px;
        margin: 0 auto;
        padding: 8px 16px 12px;
      }
      .field {
        flex: 1;
        display: flex;
        align-items: flex-end;
        gap: 4px;
        min-width: 0;
        padding: 4px;
        border: 1px solid var(--line-strong);
        border-radius: 14px;
        background: var(--surface);
      }
      .field:focus-within {
        border-color: var(--accent);
        outline: 1px solid var(--accent);
      }
      textarea {
        flex: 1;
        min-height: 36px;
        max-height: 220px;
        padding: 7px 10px;
        border: 0;
        background: none;
        outline: none;
        resize: none;
        field-sizing: content;
      }
      textarea:focus-visible {
        outline: none;
      }
      button {
        display: grid;
        place-items: center;
        flex: none;
        width: 36px;
        height: 36px;
        border: 0;
        border-radius: 10px;
        background: var(--accent-fill);
        color: var(--on-accent);
      }
      button.stop {
        background: var(--sunken);
        color: var(--text);
        border: 1px solid var(--line);
      }
    `,
  ]

  /** Names the chat. */
  @property() chat = ''
  @property({ type: Boolean }) busy = false
  @state() private text = ''
  @query('textarea') private readonly area!: HTMLTextAreaElement

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('chat')) this.text = drafts.get(this.chat) ?? ''
  }

  override focus(): void {
    void this.updateComplete.then(() => this.area.focus())
  }

  override render() {
    const text = chatWords()
    return html`<form @submit=${this.#submit}>
      <div class="field">
        <textarea
          rows="1"
          aria-label=${text.write}
          placeholder=${text.write}
          title=${text.sendHint}
          enterkeyhint="send"
          .value=${this.text}
          @input=${this.#onInput}
          @keydown=${this.#onKey}
        ></textarea>
        ${
          this.busy
            ? html`<button
                class="stop"
                type="button"
                aria-label=${text.interrupt}
                title=${text.interrupt}
                @click=${() => this.dispatchEvent(new Event('interrupt'))}
              >
                ${icon('stop')}
              </button>`
            : nothing
        }
        <button aria-label=${text.send} title=${text.send} ?disabled=${this.text.trim() === ''}>${icon('send')}</button>
      </div>
    </form>`
  }

  #onInput = (): void => {
    this.text = this.area.value
    drafts.set(this.chat, this.text)
  }

  #onKey = (event: KeyboardEvent): void => {
    // Enter also ends the composing of a Chinese word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    this.#submit()
  }

  #submit = (event?: Event): void => {
    event?.preventDefault()
    if (this.text.trim() === '') return
    this.dispatchEvent(new MessageEvent(this.text))
    this.text = ''
    drafts.delete(this.chat)
  }
}
