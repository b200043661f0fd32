/** A state in a word, with a colour that only repeats it: `<status-chip tone="ok">up</status-chip>`. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'

export type Tone = 'ok' | 'warn' | 'bad' | 'busy' | 'plain'

@customElement('status-chip')
export class StatusChip extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        display: inline-flex;
        vertical-align: middle;
      }
      span {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        padding: 1px 9px;
        border-radius: 99px;
        font-size: 12px;
        font-weight: 570;
        line-height: 20px;
        white-space: nowrap;
        background: var(--sunken);
        color: var(--muted);
      }
      .ok {
        background: var(--ok-soft);
        color: var(--ok);
      }
      .warn {
        background: var(--warn-soft);
        color: var(--warn);
      }
      .bad {
        background: var(--bad-soft);
        color: var(--bad);
      }
      .busy {
        background: var(--accent-soft);
        color: var(--accent);
      }
      i {
        width: 7px;
        height: 7px;
        border-radius: 50%;
        background: currentcolor;
      }
      .busy i {
        animation: beat 1.4s ease-in-out infinite;
      }
      @keyframes beat {
        50% {
          opacity: 0.25;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .busy i {
          animation: none;
        }
      }
    `,
  ]

  @property() tone: Tone = 'plain'

  override render() {
    return html`<span class=${this.tone}>${this.tone === 'plain' ? nothing : html`<i></i>`}<slot></slot></span>`
  }
}
