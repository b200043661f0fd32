/** `<memory-group .ids=${[3, 9]}>`: some memories with their contents side by side, to be compared and tidied up. */
import './memory-item.ts'
import { css, html } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { memoryWords } from './words.ts'

/** A group of copies may be large; a few tell what it is about. */
const SHOWN = 12

@customElement('memory-group')
export class MemoryGroup extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
        gap: 10px;
        padding: 4px 16px 14px;
      }
      div > * {
        border: 1px solid var(--line);
        border-radius: var(--radius-small);
      }
      p {
        padding: 12px 16px;
      }
    `,
  ]

  @property({ attribute: false }) ids: readonly number[] = []

  readonly #memories = new Live(this, {
    args: () => [this.ids] as const,
    load: (connection, [ids]) =>
      Promise.all(
        ids.slice(0, SHOWN).map((memory_id) =>
          connection.call('memory.get', { memory_id }).catch((error: unknown) => {
            if (toFailure(error).code === 'not_found') return null
            throw error
          }),
        ),
      ),
    topics: ['memory.memory_changed'],
    concerns: (_, payload) => 'id' in payload && typeof payload.id === 'number' && this.ids.includes(payload.id),
  })

  override render() {
    return html`${this.#memories.render({
      loading: () => html`<skeleton-rows rows="3"></skeleton-rows>`,
      ready: (memories) => html`<div @deleted=${this.#memories.reload}>
        ${memories.map((memory) =>
          memory === null
            ? html`<p class="muted">${memoryWords().audit.gone}</p>`
            : html`<memory-item .memory=${memory}></memory-item>`,
        )}
      </div>`,
    })}`
  }
}
