/** `<finding-list .findings=${…}>`: how many things are wrong, each of these with what to do, and what is well behind a line that opens. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Tone } from '../../components/status-chip.ts'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { settingsWords } from './words.ts'

export type Level = 'ok' | 'warn' | 'fail'

export interface Finding {
  readonly level: Level
  /** What was looked at. */
  readonly title: string
  readonly what: string
  readonly advice?: string
  /** A place of the panel that shows more. */
  readonly place?: string
  /** The language of `what` and `advice`, where it is not the one in use. */
  readonly lang?: 'en'
}

const TONE: Readonly<Record<Level, Tone>> = { ok: 'ok', warn: 'warn', fail: 'bad' }

@customElement('finding-list')
export class FindingList extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .finding {
        display: grid;
        grid-template-columns: 142px minmax(0, 1fr) auto;
        align-items: start;
        gap: 2px 12px;
        padding: 10px 16px;
      }
      .finding p {
        overflow-wrap: anywhere;
      }
      .advice {
        color: var(--muted);
      }
      summary {
        padding: 10px 16px;
        border-top: 1px solid var(--line);
        color: var(--muted);
        cursor: pointer;
      }
      .verdict {
        padding: 0 16px 12px;
      }
      .rows + .rows > li:first-child {
        border-top: 1px solid var(--line);
      }
      @media (max-width: 640px) {
        .finding {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .finding > div {
          grid-column: 1 / -1;
          grid-row: 2;
        }
      }
    `,
  ]

  @property({ attribute: false }) findings: readonly Finding[] = []

  override render() {
    const text = settingsWords()
    const group = (level: Level): readonly Finding[] => this.findings.filter((one) => one.level === level)
    const [wrong, better, well] = [group('fail'), group('warn'), group('ok')]
    const verdict = [wrong.length > 0 ? text.wrong(wrong.length) : '', better.length > 0 ? text.better(better.length) : '']
    return html`<p class="verdict" role="status">${verdict.join('') === '' ? text.well : verdict.join(' ')}</p>
      ${this.#group(text.level.fail, wrong)} ${this.#group(text.level.warn, better)}
      ${
        well.length === 0
          ? nothing
          : html`<details>
              <summary>${text.showWell(well.length)}</summary>
              ${this.#group(text.level.ok, well)}
            </details>`
      }`
  }

  #group(name: string, findings: readonly Finding[]): unknown {
    if (findings.length === 0) return nothing
    return html`<ul class="rows" aria-label=${name}>${findings.map((finding) => this.#finding(finding))}</ul>`
  }

  #finding({ level, title, what, advice, place, lang }: Finding): unknown {
    const text = settingsWords()
    return html`<li class="finding">
      <span><status-chip tone=${TONE[level]}>${text.level[level]}</status-chip></span>
      <div>
        <p><b>${title}</b> <span lang=${lang ?? nothing}>${what}</span></p>
        ${advice === undefined ? nothing : html`<p class="advice small" lang=${lang ?? nothing}>${advice}</p>`}
      </div>
      ${place === undefined ? html`<span></span>` : html`<a href=${place}>${text.go}</a>`}
    </li>`
  }
}
