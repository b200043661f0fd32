/**
 * `<markdown-text .text=${…}>`: a text that may grow. Blocks that are there already stay as they are, so that what one reads or has
 * selected does not move while more comes; the reader of Markdown is loaded when the first one is needed, and until then the text is plain.
 */
import { css, html, LitElement, type PropertyValues } from 'lit'
import { customElement, property, query } from 'lit/decorators.js'
import { copyText } from '../clipboard.ts'
import { common } from '../i18n/phrases.ts'
import { base } from '../style/base.ts'

type Reader = typeof import('./markdown.ts')
type Highlighter = typeof import('./highlight.ts')

let reader: Reader | undefined
let reading: Promise<Reader> | undefined
const loadReader = async (): Promise<Reader> => {
  reading ??= import('./markdown.ts')
  reader = await reading
  return reader
}
let highlighting: Promise<Highlighter> | undefined

interface Block {
  readonly raw: string
  readonly nodes: readonly ChildNode[]
}

@customElement('markdown-text')
export class MarkdownText extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        overflow-wrap: anywhere;
        line-height: 1.58;
      }
      #blocks > * + * {
        margin-top: 0.7em;
      }
      .plain {
        white-space: pre-wrap;
      }
      .heading {
        font-weight: 650;
        font-size: 1.05em;
      }
      ul,
      ol {
        padding-inline-start: 1.5em;
        list-style: disc;
      }
      ol {
        list-style: decimal;
      }
      li + li {
        margin-top: 0.2em;
      }
      blockquote {
        margin: 0;
        padding-inline-start: 12px;
        border-inline-start: 3px solid var(--line);
        color: var(--muted);
      }
      hr {
        width: 100%;
        border: 0;
        border-top: 1px solid var(--line);
      }
      a {
        text-decoration: underline;
        text-underline-offset: 2px;
      }
      code {
        padding: 0.1em 0.35em;
        border-radius: 4px;
        background: var(--sunken);
      }
      figure {
        position: relative;
      }
      pre {
        padding: 12px 14px;
        border: 1px solid var(--line);
        border-radius: 8px;
        background: var(--sunken);
        overflow-x: auto;
        line-height: 1.5;
      }
      pre code {
        padding: 0;
        background: none;
      }
      figure button {
        position: absolute;
        inset: 6px 6px auto auto;
        min-height: 26px;
        padding: 0 9px;
        border: 1px solid var(--line);
        border-radius: 6px;
        background: var(--surface);
        color: var(--muted);
        font-size: 12px;
        opacity: 0;
      }
      figure:hover button,
      figure button:focus-visible {
        opacity: 1;
      }
      .scroll-x {
        overflow-x: auto;
      }
      table {
        border-collapse: collapse;
        font-size: 0.95em;
      }
      th,
      td {
        padding: 5px 10px;
        border: 1px solid var(--line);
        text-align: start;
      }
      .hljs-keyword,
      .hljs-selector-tag,
      .hljs-literal,
      .hljs-section {
        color: var(--chart-4);
      }
      .hljs-string,
      .hljs-addition,
      .hljs-regexp {
        color: var(--ok);
      }
      .hljs-number,
      .hljs-symbol,
      .hljs-meta {
        color: var(--warn);
      }
      .hljs-title,
      .hljs-name,
      .hljs-built_in,
      .hljs-type {
        color: var(--accent);
      }
      .hljs-attr,
      .hljs-attribute,
      .hljs-variable,
      .hljs-property {
        color: var(--chart-3);
      }
      .hljs-deletion {
        color: var(--bad);
      }
      .hljs-comment,
      .hljs-quote {
        color: var(--muted);
        font-style: italic;
      }
      @media (hover: none) {
        figure button {
          opacity: 1;
        }
      }
    `,
  ]

  @property({ attribute: false }) text = ''
  @query('#blocks') private readonly target!: HTMLElement
  #blocks: Block[] = []

  override render() {
    return html`<div id="blocks"></div>`
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has('text')) return
    if (reader !== undefined) return this.#show(reader)
    const plain = document.createElement('p')
    plain.className = 'plain'
    plain.textContent = this.text
    this.target.replaceChildren(plain)
    void loadReader().then((loaded) => {
      if (this.#blocks.length === 0) this.target.replaceChildren()
      this.#show(loaded)
    })
  }

  #show({ readBlocks, toNodes }: Reader): void {
    // All but the last two blocks are settled when a text grows: the last may go on, and the one before may be drawn into it.
    let kept = 0
    let length = 0
    while (kept < this.#blocks.length - 2 && this.text.startsWith(this.#blocks[kept]?.raw ?? '', length)) {
      length += this.#blocks[kept]?.raw.length ?? 0
      kept += 1
    }
    const tokens = readBlocks(this.text.slice(length))
    for (const [index, token] of tokens.entries()) {
      const known = this.#blocks[kept + index]
      if (known?.raw === token.raw) continue
      const nodes = [...toNodes(token).childNodes]
      const before = this.#blocks.slice(kept + index).find(({ nodes }) => nodes.length > 0)?.nodes[0] ?? null
      for (const node of nodes) this.target.insertBefore(node, before)
      for (const node of known?.nodes ?? []) node.remove()
      this.#blocks[kept + index] = { raw: token.raw, nodes: nodes.map((node) => this.#finish(node)) }
    }
    for (const { nodes } of this.#blocks.splice(kept + tokens.length)) for (const node of nodes) node.remove()
  }

  /** Gives code its button and its colours. */
  #finish(node: ChildNode): ChildNode {
    if (!(node instanceof HTMLPreElement)) return node
    const code = node.querySelector('code')
    if (code === null) return node
    const figure = document.createElement('figure')
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = common().copy
    button.addEventListener('click', () => void this.#copy(button, code.textContent ?? ''))
    node.tabIndex = 0
    node.replaceWith(figure)
    figure.append(node, button)
    const language = code.dataset.language ?? ''
    if (language !== '') {
      highlighting ??= import('./highlight.ts')
      void highlighting.then(({ highlight }) => {
        const marked = highlight(code.textContent ?? '', language)
        if (marked !== undefined) code.replaceChildren(marked)
      })
    }
    return figure
  }

  async #copy(button: HTMLButtonElement, text: string): Promise<void> {
    if (!(await copyText(text))) return
    button.textContent = common().copied
    window.setTimeout(() => (button.textContent = common().copy), 1_500)
  }
}
