/** The frame that all cards share. */
import { html, nothing, type TemplateResult } from 'lit'

export interface CardOptions {
  /** Names the card in the style sheet and for links. */
  readonly id: string
  readonly title: string
  /** A few words at the right of the title. */
  readonly note?: string | undefined
  readonly wide?: boolean
}

/** @param body null: that part could not be measured */
export const card = ({ id, title, note, wide }: CardOptions, body: TemplateResult | null): TemplateResult => html`
  <section class="card ${wide ? 'wide' : ''}" id=${id} aria-labelledby="${id}-title">
    <header>
      <h2 id="${id}-title">${title}</h2>
      ${note === undefined ? nothing : html`<p class="note">${note}</p>`}
    </header>
    ${body ?? html`<p class="missing">Not measured at the moment.</p>`}
  </section>
`

/** A number with what it counts below it. */
export const figure = (value: string, label: string, size: 'large' | 'small' = 'small'): TemplateResult => html`
  <div class="figure ${size}"><dd>${value}</dd><dt>${label}</dt></div>
`
