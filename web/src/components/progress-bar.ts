/** `<progress-bar label="Phase 1" .value=${3} .max=${8} tone="busy">` */
import { css, html, type PropertyValues } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'
import type { Tone } from './status-chip.ts'

@customElement('progress-bar')
export class ProgressBar extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        height: 7px;
        border-radius: 4px;
        background: var(--sunken);
        overflow: hidden;
      }
      i {
        display: block;
        width: var(--share);
        height: 100%;
        border-radius: 4px;
        background: var(--accent-fill);
        transition: width 300ms;
      }
      .ok i {
        background: var(--ok);
      }
      .warn i {
        background: var(--warn);
      }
      .bad i {
        background: var(--bad);
      }
    `,
  ]

  @property() label = ''
  @property() tone: Tone = 'busy'
  @property({ type: Number }) value = 0
  @property({ type: Number }) max = 1

  protected override updated(_: PropertyValues): void {
    const share = this.max > 0 ? Math.min(1, Math.max(0, this.value / this.max)) : 0
    // An attribute named style is refused by the page's policy; a property of it is not.
    this.style.setProperty('--share', `${share * 100}%`)
  }

  override render() {
    return html`<div
      class=${this.tone}
      role="progressbar"
      aria-label=${this.label}
      aria-valuemin="0"
      aria-valuemax=${this.max}
      aria-valuenow=${this.value}
    ><i></i></div>`
  }
}
