/** `<report-form @done=${…}>`: has a report made. `done` is told with its id, or null. */
import '../../components/segment-control.ts'
import { css, html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import { choiceField, field } from '../../components/form-field.ts'
import { DoneEvent, FormSaving, formActions } from '../../components/form-saving.ts'
import type { SegmentEvent } from '../../components/segment-control.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { language } from '../../i18n/language.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { reportWords } from './words.ts'

@customElement('report-form')
export class ReportForm extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      modal-dialog {
        --dialog-width: 460px;
      }
    `,
  ]

  @state() private edition: 'cn' | 'en' = language() === 'zh' ? 'cn' : 'en'
  @state() private date = ''
  /** Nothing leaves this machine unless it is asked for. */
  @state() private readers = 'nobody'
  readonly #saving = new FormSaving(this)

  override render() {
    const text = reportWords()
    const { form, lang } = text
    const fault = this.#saving.failure?.issueOf('date')
    return html`<modal-dialog heading=${form.title} keep-open open @closed=${() => this.#finish(null)}>
      <form class="form" id="report-form" novalidate @submit=${this.#make}>
        <div class="field">
          <span class="label">${form.lang}</span>
          <segment-control
            .label=${form.lang}
            .options=${(['cn', 'en'] as const).map((value) => ({ value, title: lang[value] }))}
            .value=${this.edition}
            @change=${(event: SegmentEvent) => {
              this.edition = event.value as 'cn' | 'en'
            }}
          ></segment-control>
        </div>
        ${field(
          { id: 'date', label: form.date, hint: form.dateHint, fault },
          html`<input
            id="date"
            type="date"
            aria-describedby="date-hint"
            aria-invalid=${fault ? 'true' : 'false'}
            .value=${this.date}
            @input=${(event: Event) => {
              this.date = (event.currentTarget as HTMLInputElement).value
            }}
          />`,
        )}
        ${choiceField({
          id: 'readers',
          label: form.what,
          value: this.readers,
          options: (['nobody', 'preview', 'all'] as const).map((value) => ({ value, title: form[value] })),
          change: (value) => {
            this.readers = value
          },
        })}
        ${this.#saving.failure === undefined || fault ? nothing : html`<p class="fault" role="alert">${this.#saving.failure.message}</p>`}
      </form>
      ${formActions({ form: 'report-form', action: form.start, saving: this.#saving, cancel: () => this.#finish(null) })}
    </modal-dialog>`
  }

  readonly #make = (event: SubmitEvent): Promise<void> =>
    this.#saving.submit(event, async () => this.#finish(await this.#create(false)))

  /** Resolves with the id, or null where the person does not want it twice. */
  async #create(force: boolean): Promise<string | null> {
    const { mail } = reportWords()
    const { edition: lang, date, readers } = this
    try {
      const { report_id } = await this.connection.call('reports.create', {
        ...{ lang, date: date === '' ? null : date, force },
        ...{ preview: readers === 'preview', send: readers !== 'nobody' },
      })
      return report_id
    } catch (error) {
      if (force || toFailure(error).code !== 'conflict') throw error
      const question = { title: mail.againTitle, text: `${toFailure(error).message}\n${mail.againText}` }
      return (await this.confirm({ ...question, action: mail.again, danger: true })) ? await this.#create(true) : null
    }
  }

  #finish(report_id: string | null): void {
    this.dispatchEvent(new DoneEvent(report_id))
  }
}
