/** One of a few: `<segment-control label="Span" .options=${[{ value: 'hour', title: 'Hour' }]} .value=${…} @change=${…}>`. */
import { css, html } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'

export interface SegmentOption {
  readonly value: string
  readonly title: string
}

/** The value that was chosen. */
export class SegmentEvent extends Event {
  readonly value: string

  constructor(value: string) {
    super('change')
    this.value = value
  }
}

@customElement('segment-control')
export class SegmentControl extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        display: inline-block;
        max-width: 100%;
      }
      div {
        display: flex;
        padding: 2px;
        border-radius: 8px;
        background: var(--sunken);
        border: 1px solid var(--line);
        overflow-x: auto;
      }
      label {
        position: relative;
        padding: 3px 12px;
        border-radius: 6px;
        font-size: 13px;
        font-weight: 540;
        color: var(--muted);
        white-space: nowrap;
        cursor: pointer;
      }
      input {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        opacity: 0;
        cursor: pointer;
      }
      label:has(:checked) {
        background: var(--raised);
        color: var(--text);
        box-shadow: var(--shadow);
      }
      label:has(:focus-visible) {
        outline: 2px solid var(--accent);
      }
    `,
  ]

  @property() label = ''
  @property({ attribute: false }) options: readonly SegmentOption[] = []
  @property({ attribute: false }) value = ''

  override render() {
    return html`<div role="radiogroup" aria-label=${this.label}>
      ${this.options.map(
        ({ value, title }) => html`<label
          ><input type="radio" name="one" .checked=${value === this.value} @change=${() => this.#choose(value)} />${title}</label
        >`,
      )}
    </div>`
  }

  #choose(value: string): void {
    this.value = value
    this.dispatchEvent(new SegmentEvent(value))
  }
}
