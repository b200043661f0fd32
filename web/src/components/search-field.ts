/** A field to search in: `<search-field label="Search jobs" .value=${…} @search=${(event) => event.value}>`. It waits until typing rests. */
import { css, html } from 'lit'
import { customElement, property, query } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'
import { icon } from './icon.ts'

const REST_MS = 220

/** What is searched for; an empty text: nothing any more. */
export class SearchEvent extends Event {
  readonly value: string

  constructor(value: string) {
    super('search')
    this.value = value
  }
}

@customElement('search-field')
export class SearchField extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        position: relative;
      }
      svg {
        position: absolute;
        inset: 9px auto auto 10px;
        color: var(--muted);
        pointer-events: none;
      }
      input:not([type='checkbox'], [type='radio'], [type='file']) {
        padding-inline-start: 34px;
      }
    `,
  ]

  @property() label = ''
  @property() placeholder = ''
  @property({ attribute: false }) value = ''
  @query('input') private readonly input!: HTMLInputElement
  #timer: number | undefined

  override focus(): void {
    this.input.focus()
  }

  override render() {
    return html`<div>
      ${icon('search', 16)}
      <input
        type="search"
        aria-label=${this.label}
        placeholder=${this.placeholder === '' ? this.label : this.placeholder}
        .value=${this.value}
        @input=${() => this.#later(REST_MS)}
        @keydown=${(event: KeyboardEvent) => event.key === 'Enter' && !event.isComposing && this.#later(0)}
      />
    </div>`
  }

  #later(ms: number): void {
    window.clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => {
      if (this.input.value === this.value) return
      this.value = this.input.value
      this.dispatchEvent(new SearchEvent(this.value))
    }, ms)
  }
}
