/** What can be done with a whole chat, and cannot be undone: each asks first. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { icon } from '../../components/icon.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import type { ChatPlace } from './chat-place.ts'
import { chatWords } from './words.ts'

type Chat = NonNullable<ChatPlace['chat']>

@customElement('chat-menu')
export class ChatMenu extends PanelElement {
  static override styles = [
    base,
    css`
      details {
        position: relative;
      }
      summary {
        display: grid;
        place-items: center;
        width: 34px;
        height: 34px;
        border-radius: 8px;
        color: var(--muted);
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary:hover {
        background: var(--hover);
      }
      .menu {
        position: absolute;
        inset: calc(100% + 4px) 0 auto auto;
        z-index: 5;
        display: grid;
        min-width: 230px;
        padding: 6px;
        border: 1px solid var(--line);
        border-radius: 10px;
        background: var(--raised);
        box-shadow: var(--shadow-high);
      }
      .menu button {
        justify-content: flex-start;
        min-height: 36px;
      }
    `,
  ]

  @property({ attribute: false }) chat: Chat | undefined

  override render() {
    const { chat } = this
    if (chat === undefined) return nothing
    const text = chatWords()
    return html`<details @keydown=${closeOnEscape} @focusout=${closeOnLeave}>
      <summary aria-label=${text.menu} title=${text.menu}>${icon('more')}</summary>
      <div class="menu">
        <button class="quiet" @click=${(event: Event) => this.#do(event, () => this.#reset(chat))}>
          ${icon('refresh', 16)}${text.reset}
        </button>
        <button class="quiet" @click=${(event: Event) => this.#do(event, () => this.#stop(chat))}>
          ${icon('trash', 16)}${text.stop}
        </button>
      </div>
    </details>`
  }

  async #do(event: Event, deed: () => Promise<void>): Promise<void> {
    ;(event.currentTarget as HTMLElement).closest('details')?.removeAttribute('open')
    try {
      await deed()
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }

  async #reset(chat: Chat): Promise<void> {
    const text = chatWords()
    const question = { title: text.resetTitle(chat.chat_id), text: text.resetText, action: text.resetAction, danger: true }
    if (!(await this.confirm(question))) return
    await this.connection.call('sessions.reset', chat)
    this.notify({ text: text.resetDone, tone: 'ok' })
  }

  async #stop(chat: Chat): Promise<void> {
    const text = chatWords()
    const question = { title: text.stopTitle(chat.chat_id), text: text.stopText, action: text.stopAction, danger: true }
    if (!(await this.confirm(question))) return
    const { stopped } = await this.connection.call('sessions.stop', chat)
    this.notify({ text: stopped ? text.stopDone : text.notStopped, tone: stopped ? 'ok' : 'plain' })
  }
}

const closeOnEscape = (event: KeyboardEvent): void => {
  if (event.key !== 'Escape') return
  const details = event.currentTarget as HTMLDetailsElement
  details.open = false
  details.querySelector('summary')?.focus()
}

const closeOnLeave = (event: FocusEvent): void => {
  const details = event.currentTarget as HTMLDetailsElement
  if (!details.contains(event.relatedTarget as Node | null)) details.open = false
}
