/** The way between views: a rail at the side, icons alone where it is narrow, and a bar below on a phone. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { linkToApproval, liveWaiting } from '../approvals/waiting.ts'
import { approvalWords } from '../approvals/words.ts'
import { PanelElement } from '../element.ts'
import { href } from '../router.ts'
import { shellWords } from '../shell-words.ts'
import { base } from '../style/base.ts'
import { VIEWS, type View } from '../views.ts'
import { icon } from './icon.ts'

/** Links in the bar of a phone; the others are behind *More*. */
const BAR_MAX = 4

/** Somebody wants the palette. */
export class PaletteEvent extends Event {
  static readonly NAME = 'panel-palette'

  constructor() {
    super(PaletteEvent.NAME, { bubbles: true, composed: true })
  }
}

@customElement('nav-bar')
export class NavBar extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        height: 100%;
      }
      nav {
        display: flex;
        flex-direction: column;
        gap: 2px;
        width: 212px;
        height: 100%;
        padding: 14px 10px;
        background: var(--surface);
        border-inline-end: 1px solid var(--line);
      }
      .brand {
        display: flex;
        align-items: center;
        gap: 10px;
        padding: 2px 8px 12px;
        font-size: 15.5px;
        font-weight: 680;
        letter-spacing: -0.01em;
        color: var(--text);
      }
      .brand:hover {
        text-decoration: none;
      }
      .brand img {
        flex: none;
      }
      .find {
        display: flex;
        align-items: center;
        gap: 9px;
        min-height: 34px;
        margin-bottom: 10px;
        padding: 0 9px;
        border: 1px solid var(--line);
        border-radius: 8px;
        background: var(--sunken);
        color: var(--muted);
        text-align: start;
      }
      .find:hover {
        border-color: var(--line-strong);
      }
      kbd {
        font: 11.5px var(--font);
        padding: 0 5px;
        border: 1px solid var(--line);
        border-radius: 4px;
        background: var(--surface);
      }
      ul {
        display: grid;
        gap: 2px;
      }
      li a {
        display: flex;
        align-items: center;
        gap: 11px;
        min-height: 36px;
        padding: 0 10px;
        border-radius: 8px;
        color: var(--muted);
        font-weight: 540;
      }
      li a:hover {
        background: var(--hover);
        color: var(--text);
        text-decoration: none;
      }
      li a[aria-current] {
        background: var(--accent-soft);
        color: var(--accent);
      }
      li a.waits {
        color: var(--warn);
        background: var(--warn-soft);
      }
      .count {
        display: none;
      }
      .rest {
        flex: 1;
      }
      details,
      .bar-only {
        display: none;
      }
      @media (max-width: 1020px) {
        nav {
          width: 60px;
          align-items: center;
        }
        .brand span,
        .find span,
        .find kbd,
        li a span {
          position: absolute;
          width: 1px;
          height: 1px;
          overflow: hidden;
          clip-path: inset(50%);
        }
        .brand {
          padding: 2px 0 12px;
        }
        .find,
        li a,
        summary {
          width: 40px;
          justify-content: center;
          padding: 0;
        }
        .bar-only {
          display: block;
        }
        details {
          display: block;
          position: relative;
        }
        summary::-webkit-details-marker {
          display: none;
        }
        summary {
          display: flex;
          align-items: center;
          min-height: 36px;
          border-radius: 8px;
          color: var(--muted);
          list-style: none;
          cursor: pointer;
        }
        summary span {
          position: absolute;
          width: 1px;
          height: 1px;
          overflow: hidden;
          clip-path: inset(50%);
        }
        details > div {
          position: absolute;
          display: grid;
          gap: 2px;
          width: 220px;
          padding: 8px;
          border: 1px solid var(--line);
          border-radius: 12px;
          background: var(--raised);
          box-shadow: var(--shadow-high);
          z-index: 20;
        }
      }
      @media (min-width: 641px) and (max-width: 1020px) {
        details ul {
          display: none;
        }
        .waits {
          position: relative;
        }
        .count {
          position: absolute;
          inset: -4px -4px auto auto;
          display: grid;
          place-items: center;
          min-width: 18px;
          height: 18px;
          padding: 0 4px;
          border-radius: 9px;
          background: var(--bad-fill);
          color: #fff;
          font-size: 11px;
        }
        details > div {
          inset: auto auto 0 calc(100% + 10px);
        }
      }
      @media (max-width: 640px) {
        nav {
          flex-direction: row;
          width: 100%;
          height: auto;
          padding: 4px 6px calc(4px + env(safe-area-inset-bottom));
          border: 0;
          border-top: 1px solid var(--line);
        }
        .brand,
        .find,
        .rest,
        nav > slot {
          display: none;
        }
        nav > ul {
          display: flex;
          flex: 1;
          justify-content: space-around;
        }
        nav > ul > li.rare {
          display: none;
        }
        nav > ul > li {
          flex: 1;
        }
        nav > ul > li > a,
        summary {
          display: grid;
          justify-items: center;
          align-content: center;
          gap: 1px;
          width: 100%;
          min-height: 48px;
          font-size: 11px;
          border-radius: 8px;
          color: var(--muted);
          list-style: none;
          cursor: pointer;
        }
        nav > ul > li > a span {
          position: static;
          width: auto;
          height: auto;
          clip-path: none;
        }
        nav > ul > li > a[aria-current] {
          background: none;
        }
        details > div {
          inset: auto 0 calc(100% + 8px) auto;
        }
        summary span {
          position: static;
          width: auto;
          height: auto;
          clip-path: none;
        }
        details li a {
          width: 100%;
          justify-content: flex-start;
          min-height: 44px;
          padding: 0 10px;
        }
        details li a span {
          position: static;
          width: auto;
          height: auto;
          clip-path: none;
        }
      }
    `,
  ]

  @property() current = ''
  readonly #waiting = liveWaiting(this)

  /** Leads to the eldest of what waits for an answer; not there while nothing does. */
  #waits(): unknown {
    const [eldest, ...more] = this.#waiting.value ?? []
    if (eldest === undefined) return nothing
    const text = approvalWords()
    const count = more.length + 1
    return html`<li>
      <a class="waits" href=${linkToApproval(eldest)} title=${text.waits(count)} @click=${this.#closeMore}
        >${icon('key', 20)}<span>${text.waitsShort(count)}</span><b class="count" aria-hidden="true">${count}</b></a
      >
    </li>`
  }

  #link = ({ name, icon: drawing, title }: View) => html`<a
    href=${href(name)}
    title=${title()}
    aria-current=${name === this.current ? 'page' : nothing}
    @click=${this.#closeMore}
    >${icon(drawing, 20)}<span>${title()}</span></a
  >`

  #closeMore = (): void => {
    this.renderRoot.querySelector('details')?.removeAttribute('open')
  }

  /** While it is open a tap beside it closes it. */
  #onToggle = (event: Event): void => {
    const details = event.target as HTMLDetailsElement
    if (details.open) window.addEventListener('pointerdown', this.#onTap)
    else window.removeEventListener('pointerdown', this.#onTap)
  }

  #onTap = (event: Event): void => {
    const details = this.renderRoot.querySelector('details')
    if (details !== null && !event.composedPath().includes(details)) details.open = false
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    window.removeEventListener('pointerdown', this.#onTap)
  }

  override render() {
    const text = shellWords()
    const isMac = /Mac|iP(hone|ad)/.test(navigator.userAgent)
    return html`<nav aria-label=${text.navigation} @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && this.#closeMore()}>
      <a class="brand" href=${href('overview')} title="Switchboard"
        ><img src=${new URL('../icon.svg', import.meta.url).href} alt="" width="26" height="26" /><span>Switchboard</span></a
      >
      <button class="find" title=${text.palette} aria-keyshortcuts="Control+K Meta+K" @click=${() => this.dispatchEvent(new PaletteEvent())}>
        ${icon('search', 17)}<span class="grow cut">${text.search}</span><kbd>${isMac ? '⌘K' : 'Ctrl K'}</kbd>
      </button>
      <p class="visually-hidden" role="status">${this.#waiting.value?.length ? approvalWords().waits(this.#waiting.value.length) : nothing}</p>
      <ul>
        ${this.#waits()} ${VIEWS.map((view, index) => html`<li class=${index < BAR_MAX ? '' : 'rare'}>${this.#link(view)}</li>`)}
        <li class="bar-only">
          <details @toggle=${this.#onToggle}>
            <summary>${icon('more', 20)}<span>${text.more}</span></summary>
            <div>
              <ul>
                ${VIEWS.slice(BAR_MAX).map((view) => html`<li>${this.#link(view)}</li>`)}
              </ul>
              <slot name="more"></slot>
            </div>
          </details>
        </li>
      </ul>
      <div class="rest"></div>
      <slot></slot>
    </nav>`
  }
}
