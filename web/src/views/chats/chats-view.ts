/** All chats at one side, the open one at the other; on a phone one after the other. */
import './chat-list.ts'
import './chat-transcript.ts'
import './new-chat-dialog.ts'
import { css, html } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../../element.ts'
import { go, href, type Route } from '../../router.ts'
import { base } from '../../style/base.ts'
import type { ListEvent } from './chat-list.ts'
import { placeOfPath } from './chat-place.ts'
import { chatWords } from './words.ts'

@customElement('chats-view')
export class ChatsView extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        display: grid;
        grid-template: minmax(0, 1fr) / minmax(260px, 320px) minmax(0, 1fr);
        height: 100%;
      }
      chat-list {
        border-inline-end: 1px solid var(--line);
      }
      .none {
        display: grid;
        place-items: center;
      }
      @media (max-width: 860px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
        }
        :host(.open) chat-list,
        :host(:not(.open)) .rest {
          display: none;
        }
      }
    `,
  ]

  @property({ attribute: false }) route: Route | undefined

  override render() {
    const text = chatWords()
    const { path = [], query = {} } = this.route ?? {}
    const place = placeOfPath(path)
    this.classList.toggle('open', place !== undefined)
    return html`<chat-list current=${place?.session_id ?? ''} query=${query.q ?? ''} @list=${this.#onList}></chat-list>
      ${
        place === undefined
          ? html`<section class="rest none">
              <h1 class="visually-hidden">${text.title}</h1>
              <empty-state icon="chats" heading=${text.pick}>${text.pickHelp}</empty-state>
            </section>`
          : html`<chat-transcript class="rest" .place=${place} .message=${query.message}></chat-transcript>`
      }
      <new-chat-dialog ?open=${query.new !== undefined} @closed=${() => this.#with({ new: undefined })}></new-chat-dialog>`
  }

  /** Stays at the chat, with something of the query changed. */
  #with(change: Readonly<Record<string, string | undefined>>): void {
    const { path = [], query = {} } = this.route ?? {}
    go(href('chats', path, { ...query, ...change }), { replace: true })
  }

  #onList = ({ query }: ListEvent): void => {
    if (query === null) this.#with({ new: '1' })
    else this.#with({ q: query, message: undefined })
  }
}
