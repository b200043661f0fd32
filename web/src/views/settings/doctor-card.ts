/** `<doctor-card>`: what `switchboard doctor` finds, when it last looked, and ways to have it look again and to pass its words on. */
import './copy-line.ts'
import './finding-list.ts'
import { css, html, nothing } from 'lit'
import { customElement, query, state } from 'lit/decorators.js'
import { copyText } from '../../clipboard.ts'
import { icon } from '../../components/icon.ts'
import type { Output } from '../../connection/methods.ts'
import { PanelElement } from '../../element.ts'
import { language } from '../../i18n/language.ts'
import { common } from '../../i18n/phrases.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import type { Finding } from './finding-list.ts'
import { settingsWords } from './words.ts'

type Examination = Output<'metrics.doctor'>

/** The contract's own deadline: a machine that swaps takes long. */
const PATIENCE_MS = 60_000

const MARK = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const

/** As the command prints it, for a question to somebody else. */
const toText = ({ findings, examined_at }: Examination): string =>
  [
    `switchboard doctor, ${new Date(examined_at).toISOString()}`,
    ...findings.flatMap(({ check, state, what, advice }) => [
      `${MARK[state]}  ${check}: ${what}`,
      ...(advice === null ? [] : [`      → ${advice}`]),
    ]),
  ].join('\n')

@customElement('doctor-card')
export class DoctorCard extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .foot {
        padding: 10px 16px 16px;
        border-top: 1px solid var(--line);
      }
      .wait {
        padding: 0 16px 8px;
      }
      textarea {
        min-height: 220px;
        font-family: var(--mono);
        font-size: 12.5px;
      }
    `,
  ]

  @state() private examining = false
  /** Shown to be copied by hand, where there is no clipboard. */
  @state() private text = ''
  @query('textarea') private readonly field!: HTMLTextAreaElement | null
  #anew = false

  readonly #examination = new Live(this, {
    load: async (connection, _, signal) => {
      const anew = this.#anew
      this.#anew = false
      this.examining = true
      try {
        return await connection.call('metrics.doctor', { anew }, { timeout_ms: PATIENCE_MS, signal })
      } finally {
        this.examining = false
      }
    },
  })

  override render() {
    const text = settingsWords()
    const examination = this.#examination.value
    return html`<section class="card" aria-label=${text.whole}>
        <header>
          <h2>${text.whole}</h2>
          ${
            examination === undefined
              ? nothing
              : html`<span class="muted small">${text.looked} <time-ago .at=${examination.examined_at}></time-ago></span>
                  <button class="plain" @click=${() => this.#copy(examination)}>${icon('copy', 16)}${text.copyText}</button>`
          }
          <button class="plain" ?disabled=${this.examining} @click=${this.#again}>
            ${icon('refresh', 16)}${this.examining ? text.examining : text.examine}
          </button>
        </header>
        ${this.#examination.render({
          loading: () => html`<p class="wait muted">${text.firstLook}</p><skeleton-rows></skeleton-rows>`,
          ready: ({ findings }) => html`<finding-list .findings=${findings.map(toFinding)}></finding-list>`,
        })}
        <div class="foot stack">
          <p class="muted small">${text.wholeHelp}</p>
          <copy-line .text=${'npx switchboard doctor'}></copy-line>
        </div>
      </section>
      <modal-dialog heading=${text.copyText} ?open=${this.text !== ''} @closed=${() => (this.text = '')}>
        <textarea readonly aria-label=${text.whole} .value=${this.text}></textarea>
      </modal-dialog>`
  }

  readonly #again = (): void => {
    this.#anew = true
    this.#examination.reload()
  }

  async #copy(examination: Examination): Promise<void> {
    const text = toText(examination)
    if (await copyText(text)) return this.notify({ text: common().copied, tone: 'ok' })
    this.text = text
    await this.updateComplete
    this.field?.select()
  }
}

/** The command speaks English; its checks have names in both languages. */
const toFinding = ({ check, state, what, advice }: Examination['findings'][number]): Finding => {
  const names: Readonly<Record<string, string>> = settingsWords().checks
  return {
    level: state,
    title: names[check] ?? check,
    what,
    ...(advice === null ? {} : { advice }),
    ...(language() === 'en' ? {} : { lang: 'en' as const }),
  }
}
