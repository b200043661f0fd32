/** What is said in passing, at the edge of the screen. Failures stay longer. A screen reader hears each. */
import { css, html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { common } from '../i18n/phrases.ts'
import type { Notice } from '../notices.ts'
import { base } from '../style/base.ts'
import { icon } from './icon.ts'

const SHORT_MS = 4_500
const LONG_MS = 10_000
const MOST = 4

interface Shown extends Notice {
  readonly id: number
}

@customElement('notice-stack')
export class NoticeStack extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        position: fixed;
        inset: auto 16px calc(16px + var(--bottom-bar, 0px)) auto;
        z-index: 50;
        width: min(400px, 100vw - 32px);
        pointer-events: none;
      }
      ul {
        display: grid;
        gap: 8px;
      }
      li {
        display: flex;
        align-items: center;
        gap: 10px;
        padding: 8px 8px 8px 14px;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--raised);
        box-shadow: var(--shadow-high);
        pointer-events: auto;
        overflow-wrap: anywhere;
        animation: rise 160ms;
      }
      li > svg {
        flex: none;
        color: var(--ok);
      }
      li.bad > svg {
        color: var(--bad);
      }
      @keyframes rise {
        from {
          opacity: 0;
          transform: translateY(8px);
        }
      }
      @media (prefers-reduced-motion: reduce) {
        li {
          animation: none;
        }
      }
    `,
  ]

  @state() private notices: readonly Shown[] = []
  #ids = 0

  say(notice: Notice): void {
    this.#ids += 1
    const shown = { ...notice, id: this.#ids }
    this.notices = [...this.notices, shown].slice(-MOST)
    window.setTimeout(() => this.#remove(shown.id), notice.tone === 'bad' || notice.action ? LONG_MS : SHORT_MS)
  }

  #remove(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id)
  }

  override render() {
    return html`<div role="status"><ul>
      ${this.notices.map(
        ({ id, text, tone, action }) => html`<li class=${tone ?? 'plain'}>
          ${tone === undefined || tone === 'plain' ? nothing : icon(tone === 'bad' ? 'warning' : 'ok')}
          <span class="grow">${text}</span>
          ${
            action === undefined
              ? nothing
              : html`<button
                  class="quiet"
                  @click=${() => {
                    this.#remove(id)
                    action.run()
                  }}
                >
                  ${action.title}
                </button>`
          }
          <button class="quiet" aria-label=${common().close} @click=${() => this.#remove(id)}>${icon('close', 16)}</button>
        </li>`,
      )}
    </ul></div>`
  }
}
