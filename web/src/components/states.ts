/** What stands in the place of content: nothing yet, nothing at all, a failure, and a value that is not fresh. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Failure } from '../connection/failure.ts'
import { PanelElement } from '../element.ts'
import { relative } from '../i18n/format.ts'
import { common } from '../i18n/phrases.ts'
import { base } from '../style/base.ts'
import { type IconName, icon } from './icon.ts'

const notice = css`
  .state {
    display: grid;
    justify-items: center;
    gap: 6px;
    padding: 36px 20px;
    text-align: center;
  }
  .state p {
    max-width: 52ch;
    color: var(--muted);
    overflow-wrap: anywhere;
  }
  .mark {
    display: grid;
    place-items: center;
    width: 44px;
    height: 44px;
    margin-bottom: 4px;
    border-radius: 50%;
    background: var(--sunken);
    color: var(--muted);
  }
  .mark.bad {
    background: var(--bad-soft);
    color: var(--bad);
  }
`

/** `<empty-state icon="jobs" heading="No jobs yet">What to do. <button slot="action">…</button></empty-state>` */
@customElement('empty-state')
export class EmptyState extends PanelElement {
  static override styles = [
    base,
    notice,
    css`
      ::slotted([slot='action']) {
        margin-top: 10px;
      }
    `,
  ]

  @property() icon: IconName = 'info'
  @property() heading = ''

  override render() {
    return html`<div class="state">
      <span class="mark">${icon(this.icon, 22)}</span>
      <h2>${this.heading}</h2>
      <p><slot></slot></p>
      <slot name="action"></slot>
    </div>`
  }
}

/** What a failure means to a person, where its own sentence is too bare. */
const explain = ({ code, message }: Failure): string => {
  const sentences: Readonly<Record<string, string>> = common().code
  return sentences[code] ?? message
}

/** What happened, and a way to try it again. */
@customElement('failed-state')
export class FailedState extends PanelElement {
  static override styles = [base, notice]

  @property({ attribute: false }) failure: Failure | undefined
  @property({ attribute: false }) retry: (() => void) | undefined

  override render() {
    const { failure } = this
    return html`<div class="state" role="alert">
      <span class="mark bad">${icon('warning', 22)}</span>
      <h2>${common().failed}</h2>
      ${failure === undefined ? nothing : html`<p>${explain(failure)}</p>`}
      ${this.retry === undefined ? nothing : html`<button class="plain" @click=${this.retry}>${icon('refresh', 16)}${common().retry}</button>`}
    </div>`
  }
}

/** Above a value that could not be refreshed. */
@customElement('stale-note')
export class StaleNote extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        display: flex;
        align-items: center;
        gap: 8px;
        margin: 8px 12px;
        padding: 4px 6px 4px 12px;
        border-radius: var(--radius-small);
        background: var(--warn-soft);
        color: var(--warn);
        font-size: 13px;
      }
      button.quiet {
        color: inherit;
      }
    `,
  ]

  @property({ attribute: false }) failure: Failure | undefined
  @property({ attribute: false }) at = 0
  @property({ attribute: false }) retry: (() => void) | undefined

  override render() {
    return html`<div role="status">
      ${icon('warning', 16)}<span class="grow">${common().stale(relative(this.at))} ${this.failure && explain(this.failure)}</span>
      <button class="quiet" @click=${() => this.retry?.()}>${common().retry}</button>
    </div>`
  }
}

/** Grey lines while something loads. They wait a moment, so that what is quick does not flicker. */
@customElement('skeleton-rows')
export class SkeletonRows extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        display: grid;
        gap: 14px;
        padding: 16px;
        opacity: 0;
        animation: show 200ms 150ms forwards;
      }
      span {
        height: 12px;
        border-radius: 6px;
        background: linear-gradient(90deg, var(--sunken) 30%, var(--hover) 50%, var(--sunken) 70%) 0 0 / 300% 100%;
        animation: sweep 1.6s linear infinite;
      }
      span:nth-child(3n + 1) {
        width: 72%;
      }
      span:nth-child(3n + 2) {
        width: 88%;
      }
      span:nth-child(3n) {
        width: 54%;
      }
      @keyframes show {
        to {
          opacity: 1;
        }
      }
      @keyframes sweep {
        from {
          background-position: 100% 0;
        }
        to {
          background-position: 0 0;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        span {
          animation: none;
        }
      }
    `,
  ]

  @property({ type: Number }) rows = 5

  override render() {
    return html`<div role="status" aria-label=${common().loading}>
      ${Array.from({ length: this.rows }, () => html`<span></span>`)}
    </div>`
  }
}
