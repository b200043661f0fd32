/** `<memory-list bot_id=… search=… category=…>`: the memories of a bot, newest change first, or what a search found. */
import './memory-item.ts'
import '../../components/search-field.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { repeat } from 'lit/directives/repeat.js'
import type { Memory, MemoryHit } from '../../../../protocol/memory.ts'
import type { SearchEvent } from '../../components/search-field.ts'
import { PanelElement } from '../../element.ts'
import { Live } from '../../live.ts'
import { go, href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { memoryWords } from './words.ts'

const PAGE = 100
const HITS = 30

type Found = { readonly memories: readonly (Memory | MemoryHit)[]; readonly hasMore: boolean; readonly isByWords: boolean }

@customElement('memory-list')
export class MemoryList extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      search-field {
        flex: 3 1 240px;
      }
      .tools select {
        flex: 1 1 150px;
        width: auto;
      }
      .foot {
        display: flex;
        justify-content: center;
        padding: 10px;
        border-top: 1px solid var(--line);
      }
      .note {
        padding: 8px 16px;
        border-bottom: 1px solid var(--line);
      }
    `,
  ]

  @property() bot_id = 'default'
  @property() search = ''
  @property() category = ''
  @property({ attribute: false }) categories: readonly string[] = []
  @state() private limit = PAGE

  readonly #found = new Live(this, {
    args: () => [this.bot_id, this.search, this.category] as const,
    load: async (connection, [bot_id, q, category], signal): Promise<Found> => {
      if (q !== '') {
        const hits = await connection.call('memory.search', { q, bot_id, category, limit: HITS }, { signal })
        return { memories: hits, hasMore: false, isByWords: hits[0] !== undefined && !hits[0].ways.includes('meaning') }
      }
      // One more than is shown tells whether there are more.
      const memories = await connection.call('memory.list', { bot_id, category, limit: this.limit + 1 }, { signal })
      return { memories: memories.slice(0, this.limit), hasMore: memories.length > this.limit, isByWords: false }
    },
    topics: ['memory.memory_changed'],
    concerns: (_, payload) => 'bot_id' in payload && payload.bot_id === this.bot_id,
  })

  reload(): void {
    this.#found.reload()
  }

  override render() {
    const text = memoryWords()
    return html`<section class="card" aria-label=${text.tabs.list} @deleted=${() => this.#found.reload()}>
      <h2 class="visually-hidden">${text.tabs.list}</h2>
      <div class="tools">
        <search-field label=${text.search} .value=${this.search} @search=${(event: SearchEvent) => this.#go({ q: event.value })}></search-field>
        <select
          aria-label=${text.category}
          @change=${(event: Event) => this.#go({ category: (event.currentTarget as HTMLSelectElement).value })}
        >
          <option value="" ?selected=${this.category === ''}>${text.everyCategory}</option>
          ${this.#known().map((name) => html`<option value=${name} ?selected=${name === this.category}>${name}</option>`)}
        </select>
      </div>
      ${this.#found.render({
        empty: ({ memories }) => (memories.length === 0 ? this.#nothing() : undefined),
        ready: (found) => this.#list(found),
      })}
    </section>`
  }

  /** With the one that is chosen, which may stand in a link. */
  #known(): string[] {
    return [...new Set([...this.categories, ...(this.category === '' ? [] : [this.category])])].sort()
  }

  #nothing(): unknown {
    const text = memoryWords()
    return this.search === '' && this.category === ''
      ? html`<empty-state icon="memory" heading=${text.none}>
          ${text.noneHelp}
          <button slot="action" class="primary" @click=${() => go(href('memory', ['new'], { bot: this.bot_id }))}>${text.create}</button>
        </empty-state>`
      : html`<empty-state icon="search" heading=${text.noMatch}>${text.noMatchHelp}</empty-state>`
  }

  #list({ memories, hasMore, isByWords }: Found): unknown {
    const text = memoryWords()
    return html`${this.search === '' ? nothing : html`<p class="note muted small" role="status">${text.found(memories.length)}. ${isByWords ? text.wordsOnly : ''}</p>`}
      <ul class="rows">
        ${repeat(
          memories,
          ({ id }) => id,
          (memory) => html`<li><memory-item .memory=${memory}></memory-item></li>`,
        )}
      </ul>
      ${hasMore ? html`<div class="foot"><button class="plain" @click=${this.#more}>${text.more}</button></div>` : nothing}`
  }

  readonly #more = (): void => {
    this.limit += PAGE * 2
    this.#found.reload()
  }

  #go(change: { q?: string; category?: string }): void {
    const place = { bot: this.bot_id, q: this.search, category: this.category, ...change }
    go(href('memory', [], place), { replace: true })
  }
}
