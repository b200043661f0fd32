/** `<revealed-text .text=${…}>`: text of a stranger, unseen characters made visible; of a long one beginning and end until all is asked for. */
import { css, html } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { number } from '../i18n/format.ts'
import { base } from '../style/base.ts'
import { blocks } from '../style/blocks.ts'
import { revealed } from '../text/revealed.ts'
import { approvalWords } from './words.ts'

/** What fits on a phone without scrolling, more or less. */
const FOLD_CHARS = 1_000
const FOLD_LINES = 14
/** Of a folded text; the end is where a bad surprise would stand. */
const HEAD_CHARS = 600
const HEAD_LINES = 9
const TAIL_CHARS = 240

@customElement('revealed-text')
export class RevealedText extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      pre.output {
        max-height: 60vh;
      }
      mark.unseen {
        margin: 0 1px;
        padding: 0 4px;
        border-radius: 4px;
        background: var(--bad-soft);
        color: var(--bad);
        font-size: 0.9em;
        white-space: nowrap;
      }
      .left {
        color: var(--muted);
        font-family: var(--font);
      }
      button {
        margin-top: 4px;
      }
    `,
  ]

  @property({ attribute: false }) text = ''
  @state() private whole = false

  override render() {
    const { text } = this
    const words = approvalWords()
    const lines = text.split('\n', FOLD_LINES + 1)
    const isLong = text.length > FOLD_CHARS || lines.length > FOLD_LINES
    const head = text.slice(0, Math.min(HEAD_CHARS, lines.slice(0, HEAD_LINES).join('\n').length))
    const left = text.length - head.length - TAIL_CHARS
    if (this.whole || !isLong || left <= 0) return html`<pre class="output" tabindex="0" dir="ltr">${revealed(text)}</pre>`
    return html`<pre class="output" tabindex="0" dir="ltr">${revealed(head)}
<span class="left">${words.left(number(left))}</span>
${revealed(text.slice(-TAIL_CHARS))}</pre>
      <button class="plain" @click=${() => (this.whole = true)}>${words.showAll(number(text.length))}</button>`
  }
}
