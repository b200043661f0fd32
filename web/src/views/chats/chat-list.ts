/** The chats, the newest first; or what a search has found in all of them. */
import '../../components/search-field.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { ChatHit } from '../../../../protocol/history.ts'
import { liveWaiting } from '../../approvals/waiting.ts'
import { approvalWords } from '../../approvals/words.ts'
import { icon } from '../../components/icon.ts'
import type { SearchEvent } from '../../components/search-field.ts'
import { PanelElement } from '../../element.ts'
import { momentOf, number } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { linkTo, placeOfChat, placeOfSession, titleOf } from './chat-place.ts'
import { chatWords } from './words.ts'

const HITS = 40

/** Somebody wants to begin a chat, or to search. */
export class ListEvent extends Event {
  readonly query: string | null

  constructor(query: string | null) {
    super('list')
    this.query = query
  }
}

interface Row {
  readonly link: string
  readonly session_id: string
  readonly title: string
  readonly bot: string
  readonly at: number
  readonly count: number
  readonly busy: boolean
}

@customElement('chat-list')
export class ChatList extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        height: 100%;
        background: var(--surface);
      }
      header {
        display: grid;
        gap: 10px;
        padding: 12px 12px 10px 16px;
      }
      header .row {
        min-height: 34px;
      }
      nav {
        flex: 1;
        min-height: 0;
        overflow-y: auto;
        padding: 0 8px 12px;
      }
      a {
        display: grid;
        gap: 1px;
        padding: 8px 10px;
        border-radius: 9px;
        color: var(--text);
      }
      a:hover {
        background: var(--hover);
        text-decoration: none;
      }
      a[aria-current] {
        background: var(--accent-soft);
      }
      b {
        font-weight: 570;
      }
      .second {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 20px;
        font-size: 12.5px;
        color: var(--muted);
      }
      .passage {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 3;
        overflow: hidden;
        overflow-wrap: anywhere;
        font-size: 13px;
      }
      .query {
        padding: 0 10px 6px;
        font-size: 12.5px;
        color: var(--muted);
      }
    `,
  ]

  /** The open chat's name in history. */
  @property() current = ''
  /** What is searched for; empty: the chats are shown. */
  @property() query = ''
  readonly #rows = new Live(this, {
    load: async (connection): Promise<readonly Row[]> => {
      const [stored, sessions] = await Promise.all([
        connection.call('history.list_sessions', {}),
        connection.call('sessions.list', {}),
      ])
      const busy = new Set(
        sessions.filter((session) => session.busy).map(({ bot_id, chat_id }) => placeOfChat(bot_id, chat_id).session_id),
      )
      return stored.map(({ session_id, bot_id, last_message_at, message_count }) => {
        const place = placeOfSession(session_id, bot_id)
        const [at, isBusy] = [momentOf(last_message_at), busy.has(session_id)]
        return { link: linkTo(place), session_id, title: titleOf(place), bot: bot_id, at, count: message_count, busy: isBusy }
      })
    },
    topics: ['history.message_recorded', 'sessions.turn_changed'],
    every_ms: 30_000,
  })
  readonly #waiting = liveWaiting(this)
  readonly #hits = new Live(this, {
    args: () => (this.query === '' ? null : ([this.query] as const)),
    load: (connection, [q]) => connection.call('history.search', { q, limit: HITS }),
  })

  override render() {
    const text = chatWords()
    return html`<header>
        <div class="row">
          <h2 class="grow">${text.title}</h2>
          <button class="quiet" aria-label=${text.newChat} title=${text.newChat} @click=${() => this.dispatchEvent(new ListEvent(null))}>
            ${icon('plus')}
          </button>
        </div>
        <search-field
          label=${text.search}
          .value=${this.query}
          @search=${(event: Event) => this.dispatchEvent(new ListEvent((event as unknown as SearchEvent).value.trim()))}
        ></search-field>
      </header>
      <nav aria-label=${text.title}>${this.query === '' ? this.#chats() : this.#found()}</nav>`
  }

  #chats(): unknown {
    const text = chatWords()
    const asking = new Set(this.#waiting.value?.map(({ bot_id, chat_id }) => placeOfChat(bot_id, chat_id).session_id))
    return this.#rows.render({
      empty: (rows) =>
        rows.length > 0
          ? undefined
          : html`<empty-state icon="chats" heading=${text.empty}
              >${text.emptyHelp}
              <button slot="action" class="primary" @click=${() => this.dispatchEvent(new ListEvent(null))}>${text.newChat}</button>
            </empty-state>`,
      ready: (rows) => html`<ul>
        ${rows.map(
          ({ link, session_id, title, bot, at, count, busy }) => html`<li>
            <a href=${link} aria-current=${session_id === this.current ? 'page' : nothing}>
              <span class="row"
                ><b class="cut grow">${title}</b>${
                  asking.has(session_id)
                    ? html`<status-chip tone="warn">${approvalWords().asking}</status-chip>`
                    : busy
                      ? html`<status-chip tone="busy">${text.busy}</status-chip>`
                      : html`<time-ago class="muted small" .at=${at}></time-ago>`
                }</span
              >
              <span class="second"><span class="cut grow">${bot}</span><span>${text.messages(number(count))}</span></span>
            </a>
          </li>`,
        )}
      </ul>`,
    })
  }

  #found(): unknown {
    const text = chatWords()
    const clear = html`<p class="query row">
      <span class="grow cut">${text.searching} “${this.query}”</span>
      <button class="quiet" @click=${() => this.dispatchEvent(new ListEvent(''))}>${text.clear}</button>
    </p>`
    return html`${clear}${this.#hits.render({
      empty: (hits) =>
        hits.length > 0 ? undefined : html`<empty-state icon="search" heading=${text.noHits}>${text.noHitsHelp}</empty-state>`,
      ready: (hits) => html`<ul>
        ${hits.map((hit) => html`<li>${this.#hit(hit)}</li>`)}
      </ul>`,
    })}`
  }

  #hit({ id, session_id, bot_id, role, passage, created_at, found_by }: ChatHit): unknown {
    const text = chatWords()
    const place = placeOfSession(session_id, bot_id)
    const who = role === 'assistant' ? text.assistant : titleOf(place)
    return html`<a href=${linkTo(place, { message: String(id), q: this.query })}>
      <span class="row"><b class="cut grow">${titleOf(place)}</b><time-ago class="muted small" .at=${momentOf(created_at)}></time-ago></span>
      <span class="passage">${passage}</span>
      <span class="second"
        ><span class="grow cut">${who}</span><span>${found_by.includes('meaning') ? text.byMeaning : text.byWords}</span></span
      >
    </a>`
  }
}
