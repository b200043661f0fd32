/** `<memory-item .memory=${memory}>`: one memory in a list, with why it was found where it was searched for. */
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import type { Memory, MemoryHit } from '../../../../protocol/memory.ts'
import { icon } from '../../components/icon.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { percent } from '../../i18n/format.ts'
import { common } from '../../i18n/phrases.ts'
import { href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { memoryWords } from './words.ts'

/** As much as a screen holds; longer ones open. */
const SHOWN_CHARACTERS = 420

/** How much two texts say the same, from the distance of their vectors of length 1: their cosine. */
export const alikeness = (distance: number): number => Math.max(0, 1 - (distance * distance) / 2)

@customElement('memory-item')
export class MemoryItem extends PanelElement {
  static override styles = [
    base,
    css`
      article {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 2px 12px;
        padding: 11px 8px 11px 16px;
      }
      h3 {
        overflow-wrap: anywhere;
      }
      .about {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
      }
      .content {
        grid-column: 1 / -1;
        padding-inline-end: 8px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      button.link {
        padding: 0;
        border: 0;
        background: none;
        color: var(--accent);
      }
      .deeds {
        display: flex;
        align-items: start;
        gap: 2px;
      }
      .deeds a {
        display: inline-grid;
        place-items: center;
        width: 32px;
        height: 32px;
        border-radius: var(--radius-small);
        color: var(--muted);
      }
      .deeds a:hover {
        background: var(--hover);
        color: var(--text);
      }
    `,
  ]

  @property({ attribute: false }) memory: Memory | MemoryHit | undefined
  @state() private whole = false

  override render() {
    const { memory } = this
    if (memory === undefined) return nothing
    const text = memoryWords()
    const isCut = memory.content.length > SHOWN_CHARACTERS
    const start = 'passage' in memory && isCut ? memory.passage : memory.content
    return html`<article>
      <div class="about">
        <h3>${memory.key}</h3>
        <status-chip>${memory.category}</status-chip>
        ${'found_by' in memory ? this.#why(memory) : nothing}
        <span class="muted small">${text.used(memory.use_count)}</span>
        ${'updated_at' in memory ? html`<span class="muted small">${text.changed} <time-ago .at=${Date.parse(memory.updated_at)}></time-ago></span>` : nothing}
      </div>
      <div class="deeds">
        <a href=${href('memory', [String(memory.id)], { bot: memory.bot_id })} aria-label=${text.editThis(memory.key)} title=${common().edit}>${icon('edit', 16)}</a>
        <button class="quiet" aria-label=${text.deleteThis(memory.key)} title=${common().delete} @click=${() => this.#delete(memory)}>${icon('trash', 16)}</button>
      </div>
      <p class="content">${isCut && !this.whole ? `${start.slice(0, SHOWN_CHARACTERS)} …` : memory.content}</p>
      ${
        isCut
          ? html`<p><button class="link small" aria-expanded=${this.whole} @click=${this.#turn}>${this.whole ? text.less : text.whole}</button></p>`
          : nothing
      }
    </article>`
  }

  #why(hit: MemoryHit): unknown {
    const text = memoryWords()
    const ways = hit.found_by.map((way) => text.by[way]).join(', ')
    return html`<status-chip tone="ok">${hit.distance === null ? ways : `${text.near(percent(alikeness(hit.distance)))}, ${ways}`}</status-chip>`
  }

  readonly #turn = (): void => {
    this.whole = !this.whole
  }

  async #delete({ id, key }: Memory | MemoryHit): Promise<void> {
    const text = memoryWords()
    const isSure = await this.confirm({
      title: text.deleteTitle(key),
      text: text.deleteText,
      action: common().delete,
      danger: true,
    })
    if (!isSure) return
    try {
      await this.connection.call('memory.delete', { memory_id: id })
      this.notify({ text: text.deleted(key), tone: 'ok' })
      this.dispatchEvent(new Event('deleted', { bubbles: true, composed: true }))
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }
}
