/** What stands in place of the cards while there are none: loading, nothing pushed yet, or a failure. */
import { html, nothing, type TemplateResult } from 'lit'

export interface NoticeOptions {
  readonly isLoading: boolean
  readonly problem: string | null
  readonly retry: () => void
}

const placeholder = html`<div class="cards waiting" aria-hidden="true">
  ${['', 'wide', '', 'wide', '', ''].map((kind) => html`<div class="card ${kind}"><i></i><i></i><i></i></div>`)}
</div>`

export const notice = ({ isLoading, problem, retry }: NoticeOptions): TemplateResult => {
  if (isLoading) return html`<p class="hidden" role="status">Loading the numbers.</p>${placeholder}`
  const [title, words] =
    problem === null
      ? [
          'Waiting for the first numbers',
          'Nothing has been pushed yet. They appear here by themselves within a minute of the first push.',
        ]
      : ['The numbers could not be loaded', `${problem} It is tried again by itself.`]
  return html`
    <section class="notice" role="status">
      <svg viewBox="0 0 64 64" aria-hidden="true">
        <path class="rail" d="M14 46C14 26 50 38 50 18"></path>
        <circle class=${problem === null ? 'pulse' : 'bad'} cx="14" cy="48" r="5"></circle>
        <circle class="far" cx="50" cy="16" r="5"></circle>
      </svg>
      <h2>${title}</h2>
      <p>${words}</p>
      ${problem === null ? nothing : html`<button type="button" @click=${retry}>Try now</button>`}
    </section>
  `
}
