/** `<job-editor .job=${job} @done=${…}>`: the form of a new job, or of one that is there. `done` is told when it is over, saved or not. */
import './schedule-preview.ts'
import '../../components/segment-control.ts'
import { css, html, nothing, type PropertyValues } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import type { Job } from '../../../../protocol/scheduler.ts'
import { textField } from '../../components/form-field.ts'
import { DoneEvent, FormSaving, formActions } from '../../components/form-saving.ts'
import type { SegmentEvent } from '../../components/segment-control.ts'
import type { Failure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { draftOf, EMPTY_DRAFT, type JobDraft, toCreate, toUpdate } from './draft.ts'
import { policyFields } from './policy-fields.ts'
import type { CheckedEvent } from './schedule-preview.ts'
import { jobWords } from './words.ts'

const PRESETS = {
  quarter: '*/15 * * * *',
  hourly: '0 * * * *',
  daily: '0 9 * * *',
  weekdays: '0 9 * * 1-5',
  weekly: '0 9 * * 1',
  monthly: '0 9 1 * *',
} as const

@customElement('job-editor')
export class JobEditor extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      modal-dialog {
        --dialog-width: 760px;
      }
      .presets {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .presets button {
        min-height: 26px;
        padding: 0 10px;
        font-size: 12.5px;
        font-weight: 500;
      }
      details {
        border-top: 1px solid var(--line);
        padding-top: 12px;
      }
      summary {
        font-weight: 570;
        cursor: pointer;
      }
      details .form {
        margin-top: 12px;
      }
    `,
  ]

  /** The job that is changed; absent: a new one. */
  @property({ attribute: false }) job: Job | undefined
  /** The job as it was put into the form; `job` is read again from time to time. */
  @state() private opened: Job | undefined
  @state() private draft: JobDraft = EMPTY_DRAFT
  @state() private cronFailure: Failure | undefined
  @state() private open = true
  readonly #saving = new FormSaving(this)

  protected override willUpdate(changed: PropertyValues<this>): void {
    // Only at first: what is written is not taken away when the job is read again.
    if (!changed.has('job') || this.hasUpdated || this.job === undefined) return
    this.opened = this.job
    this.draft = draftOf(this.job)
  }

  override render() {
    const text = jobWords().form
    const { draft, job } = this
    const heading = job === undefined ? text.new : text.edit(job.name)
    return html`<modal-dialog heading=${heading} keep-open ?open=${this.open} @closed=${this.#onClosed}>
      <form class="form" id="job-form" novalidate @submit=${this.#save}>
        ${textField({ id: 'name', label: text.name, value: draft.name, max: 200, required: true, autofocus: true, ...this.#at('name') })}
        <div class="field">
          <span class="label" id="kind-label">${text.kind}</span>
          <segment-control
            .label=${text.kind}
            .options=${(['shell', 'claude'] as const).map((value) => ({ value, title: jobWords().type[value] }))}
            .value=${draft.job_type}
            @change=${(event: SegmentEvent) => this.#set({ job_type: event.value })}
          ></segment-control>
        </div>
        ${this.#command()} ${this.#schedule()}
        <label class="check"
          ><input
            type="checkbox"
            .checked=${draft.enabled}
            @change=${(event: Event) => this.#set({ enabled: (event.currentTarget as HTMLInputElement).checked })}
          />${text.enabled}</label
        >
        <details ?open=${this.#isPolicyFaulty()}>
          <summary>${text.policies}</summary>
          <div class="form">${policyFields({ draft, isNew: job === undefined, set: this.#set, fault: this.#fault })}</div>
        </details>
        ${this.#saving.failure === undefined ? nothing : html`<p class="fault" role="alert">${this.#sentence(this.#saving.failure)}</p>`}
      </form>
      ${formActions({ form: 'job-form', action: job === undefined ? text.create : text.save, saving: this.#saving, cancel: () => void this.#leave() })}
    </modal-dialog>`
  }

  #command(): unknown {
    const text = jobWords()
    const isShell = this.draft.job_type === 'shell'
    return textField({
      id: 'command',
      label: isShell ? text.command : text.prompt,
      hint: isShell ? text.form.commandHint : text.form.promptHint,
      value: this.draft.command,
      rows: 4,
      mono: isShell,
      max: 100_000,
      required: true,
      ...this.#at('command'),
    })
  }

  #schedule(): unknown {
    const text = jobWords()
    const { draft } = this
    return html`<div class="two">
        ${textField({
          id: 'cron',
          label: text.form.cron,
          hint: text.form.cronHint,
          value: draft.cron_expression,
          mono: true,
          required: true,
          ...this.#at('cron_expression'),
        })}
        ${textField({
          id: 'zone',
          label: text.form.zone,
          hint: text.form.zoneHint,
          value: draft.timezone,
          list: 'zones',
          ...this.#at('timezone'),
        })}
        <datalist id="zones">${Intl.supportedValuesOf('timeZone').map((zone) => html`<option value=${zone}></option>`)}</datalist>
      </div>
      <div class="presets" role="group" aria-label=${text.form.often}>
        ${Object.entries(PRESETS).map(
          ([name, cron]) =>
            html`<button class="plain" type="button" @click=${() => this.#set({ cron_expression: cron })}>
              ${text.presets[name as keyof typeof PRESETS]}
            </button>`,
        )}
      </div>
      <schedule-preview
        .cron=${draft.cron_expression}
        .zone=${draft.timezone}
        @checked=${(event: CheckedEvent) => {
          this.cronFailure = event.failure
        }}
      ></schedule-preview>`
  }

  readonly #set = (change: Partial<JobDraft>): void => {
    this.draft = { ...this.draft, ...change }
  }

  readonly #fault = (name: string): string | undefined =>
    (name === 'cron_expression' || name === 'timezone' ? this.cronFailure?.issueOf(name) : undefined) ??
    this.#saving.failure?.issueOf(name)

  /** What a field of the draft needs beside its words. */
  #at<K extends keyof JobDraft>(name: K): { fault: string | undefined; input: (value: string) => void } {
    return { fault: this.#fault(name), input: (value) => this.#set({ [name]: value } as Partial<JobDraft>) }
  }

  #isPolicyFaulty(): boolean {
    const above = ['name', 'command', 'cron_expression', 'timezone', 'job_type', 'enabled']
    return this.#saving.failure?.issues.some(({ path }) => !above.includes(String(path[0]))) ?? false
  }

  #sentence(failure: Failure): string {
    return failure.issues.length > 0 ? jobWords().form.mend : failure.message
  }

  readonly #save = (event: SubmitEvent): Promise<void> =>
    this.#saving.submit(event, async () => {
      const text = jobWords().form
      const { opened, draft } = this
      if (opened === undefined) {
        const { id } = await this.connection.call('scheduler.create', toCreate(draft))
        this.notify({ text: text.created(draft.name.trim()), tone: 'ok' })
        this.#finish(id)
      } else {
        await this.connection.call('scheduler.update', toUpdate(draft, opened))
        this.notify({ text: text.saved, tone: 'ok' })
        this.#finish(opened.id)
      }
    })

  #isChanged(): boolean {
    const before = this.opened === undefined ? EMPTY_DRAFT : draftOf(this.opened)
    return JSON.stringify(before) !== JSON.stringify(this.draft)
  }

  /** The dialog was closed by the person (Esc, its cross); it opens again where that was a slip. */
  readonly #onClosed = (): void => {
    this.open = false
    void this.#leave()
  }

  async #leave(): Promise<void> {
    const text = jobWords().form
    const isOver =
      !this.#isChanged() ||
      (await this.confirm({ title: text.discardTitle, text: text.discardText, action: text.discard, danger: true }))
    if (isOver) this.#finish(null)
    else this.open = true
  }

  #finish(job_id: number | null): void {
    this.open = false
    this.dispatchEvent(new DoneEvent(job_id))
  }
}
