/** Labelled controls, as functions of their value: `textField({ id: 'name', label, value, input: (value) => … })`. */
import { html, nothing, type TemplateResult } from 'lit'

export interface FieldFrame {
  /** One of its kind within the shadow root. */
  readonly id: string
  readonly label: string
  readonly hint?: string | undefined
  /** What is wrong with the value; the control is marked, and the sentence is read out. */
  readonly fault?: string | undefined
}

export interface TextFieldOptions extends FieldFrame {
  readonly value: string
  readonly input: (value: string) => void
  readonly type?: 'text' | 'password' | 'number' | 'url'
  readonly placeholder?: string
  readonly required?: boolean
  readonly max?: number
  /** More than one: a text of several lines. */
  readonly rows?: number
  readonly mono?: boolean
  readonly list?: string
  /** Where one writes first, in a dialog that opens. */
  readonly autofocus?: boolean
}

export interface ChoiceFieldOptions extends FieldFrame {
  readonly value: string
  readonly options: readonly { readonly value: string; readonly title: string }[]
  readonly change: (value: string) => void
}

const described = ({ id, hint, fault }: FieldFrame): string | typeof nothing => {
  const ids = [fault ? `${id}-fault` : '', hint ? `${id}-hint` : ''].filter((one) => one !== '')
  return ids.length === 0 ? nothing : ids.join(' ')
}

/** The frame alone, around a control that has the same id. */
export const field = ({ id, label, hint, fault }: FieldFrame, control: unknown): TemplateResult => html`<div class="field">
  <label for=${id}>${label}</label>
  ${control} ${fault ? html`<span class="fault" id="${id}-fault" role="alert">${fault}</span>` : nothing}
  ${hint ? html`<span class="hint" id="${id}-hint">${hint}</span>` : nothing}
</div>`

const typed = (event: Event): string => (event.currentTarget as HTMLInputElement).value

export const textField = (options: TextFieldOptions): TemplateResult => {
  const {
    id,
    value,
    input,
    placeholder = '',
    required = false,
    max,
    rows = 1,
    mono = false,
    fault,
    type = 'text',
    list,
  } = options
  const onInput = (event: Event) => input(typed(event))
  const control =
    rows > 1
      ? html`<textarea
          id=${id}
          class=${mono ? 'mono' : ''}
          rows=${rows}
          placeholder=${placeholder}
          maxlength=${max ?? nothing}
          ?required=${required}
          ?autofocus=${options.autofocus ?? false}
          spellcheck=${mono ? 'false' : nothing}
          aria-invalid=${fault ? 'true' : 'false'}
          aria-describedby=${described(options)}
          .value=${value}
          @input=${onInput}
        ></textarea>`
      : html`<input
          id=${id}
          class=${mono ? 'mono' : ''}
          type=${type}
          placeholder=${placeholder}
          maxlength=${max ?? nothing}
          step=${type === 'number' ? 'any' : nothing}
          min=${type === 'number' ? '0' : nothing}
          list=${list ?? nothing}
          autocomplete=${type === 'password' ? 'new-password' : 'off'}
          ?required=${required}
          ?autofocus=${options.autofocus ?? false}
          spellcheck="false"
          aria-invalid=${fault ? 'true' : 'false'}
          aria-describedby=${described(options)}
          .value=${value}
          @input=${onInput}
        />`
  return field(options, control)
}

export const choiceField = (options: ChoiceFieldOptions): TemplateResult => {
  const { id, value, change, fault } = options
  return field(
    options,
    html`<select
      id=${id}
      aria-invalid=${fault ? 'true' : 'false'}
      aria-describedby=${described(options)}
      @change=${(event: Event) => change((event.currentTarget as HTMLSelectElement).value)}
    >
      ${options.options.map((one) => html`<option value=${one.value} ?selected=${one.value === value}>${one.title}</option>`)}
    </select>`,
  )
}
