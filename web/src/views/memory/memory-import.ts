/** `<memory-import bot_id=… @done=${…}>`: takes memories in from a file or from pasted lines, piece by piece. */
import '../../components/progress-bar.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import { choiceField, field, textField } from '../../components/form-field.ts'
import { toFailure } from '../../connection/failure.ts'
import type { Output } from '../../connection/methods.ts'
import { PanelElement } from '../../element.ts'
import { number } from '../../i18n/format.ts'
import { common } from '../../i18n/phrases.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { memoryWords } from './words.ts'

/** One call takes 16,000,000 characters; smaller pieces show progress and hold nobody up. */
const PIECE_CHARACTERS = 2_000_000
const PIECE_TIMEOUT_MS = 60_000
const SHOWN_PROBLEMS = 100

type Result = Output<'memory.import'>

/** Cuts text at the ends of lines into pieces, with the number of lines before each. */
function* pieces(text: string): Generator<{ readonly lines: string; readonly before: number }> {
  let before = 0
  for (let at = 0; at < text.length; ) {
    const cut = at + PIECE_CHARACTERS >= text.length ? text.length : text.lastIndexOf('\n', at + PIECE_CHARACTERS) + 1
    // A single line that is longer than a piece goes as it is.
    const end = cut > at ? cut : text.indexOf('\n', at) + 1 || text.length
    const lines = text.slice(at, end)
    yield { lines, before }
    before += lines.split('\n').length - 1
    at = end
  }
}

@customElement('memory-import')
export class MemoryImport extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      modal-dialog {
        --dialog-width: 640px;
      }
      .problems {
        max-height: 200px;
        overflow: auto;
        font-size: 13px;
      }
    `,
  ]

  @property() bot_id = 'default'
  @state() private lines = ''
  @state() private existing: 'keep' | 'replace' = 'keep'
  @state() private whose = 'here'
  @state() private running = false
  @state() private share = 0
  @state() private fault: string | undefined
  @state() private result: Result | undefined
  @query('#file') private readonly file!: HTMLInputElement
  #controller: AbortController | undefined

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#controller?.abort()
  }

  override render() {
    const text = memoryWords().bring
    return html`<modal-dialog heading=${text.title} keep-open open @closed=${() => this.dispatchEvent(new Event('done'))}>
      <form class="form" id="import-form" @submit=${this.#import}>
        <p class="muted">${text.help}</p>
        ${field({ id: 'file', label: text.file }, html`<input id="file" type="file" accept=".jsonl,.ndjson,.json,.txt" />`)}
        ${textField({ id: 'lines', label: text.paste, value: this.lines, rows: 5, mono: true, fault: this.fault, input: this.#onLines })}
        ${choiceField({
          id: 'existing',
          label: text.existing,
          value: this.existing,
          options: [
            { value: 'keep', title: text.keep },
            { value: 'replace', title: text.replace },
          ],
          change: (value) => {
            this.existing = value as 'keep' | 'replace'
          },
        })}
        ${choiceField({
          id: 'whose',
          label: text.whose,
          value: this.whose,
          options: [
            { value: 'here', title: this.bot_id },
            { value: 'said', title: text.asSaid },
          ],
          change: (value) => {
            this.whose = value
          },
        })}
        ${this.running ? html`<progress-bar label=${text.running} .value=${this.share} .max=${1}></progress-bar>` : nothing}
        ${this.result === undefined ? nothing : this.#outcome(this.result)}
      </form>
      <div slot="actions">
        <button class="plain" type="button" @click=${() => this.dispatchEvent(new Event('done'))}>${common().close}</button>
        <button class="primary" type="submit" form="import-form" ?disabled=${this.running}>
          ${this.running ? text.running : text.start}
        </button>
      </div>
    </modal-dialog>`
  }

  #outcome({ created, replaced, kept, refused, problems }: Result): unknown {
    const text = memoryWords().bring
    return html`<div role="status" class="stack">
      <p>${text.result(number(created), number(replaced), number(kept))}</p>
      ${
        refused === 0
          ? nothing
          : html`<p class="fault">${text.refused(number(refused))}</p>
              <ul class="problems" tabindex="0" aria-label=${text.refused(number(refused))}>
                ${problems.map(({ line, problem }) => html`<li><b>${text.line(line)}</b> ${problem}</li>`)}
              </ul>`
      }
    </div>`
  }

  readonly #onLines = (value: string): void => {
    this.lines = value
    this.fault = undefined
  }

  readonly #import = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const chosen = this.file.files?.[0]
    const whole = chosen === undefined ? this.lines : await chosen.text()
    if (whole.trim() === '') {
      this.fault = memoryWords().bring.nothing
      return
    }
    this.running = true
    this.share = 0
    this.result = undefined
    this.#controller = new AbortController()
    const { signal } = this.#controller
    let sum: Result = { created: 0, replaced: 0, kept: 0, refused: 0, problems: [] }
    let done = 0
    try {
      for (const { lines, before } of pieces(whole)) {
        const part = await this.connection.call(
          'memory.import',
          { lines, existing: this.existing, bot_id: this.whose === 'here' ? this.bot_id : null },
          { timeout_ms: PIECE_TIMEOUT_MS, signal },
        )
        sum = {
          created: sum.created + part.created,
          replaced: sum.replaced + part.replaced,
          kept: sum.kept + part.kept,
          refused: sum.refused + part.refused,
          problems: [...sum.problems, ...part.problems.map((one) => ({ ...one, line: one.line + before }))].slice(
            0,
            SHOWN_PROBLEMS,
          ),
        }
        done += lines.length
        this.share = done / whole.length
        this.result = sum
      }
    } catch (error) {
      if (!signal.aborted) this.fault = toFailure(error).message
    } finally {
      this.running = false
    }
  }
}
