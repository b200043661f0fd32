/** A share of a whole as a bar. The number stands beside it as text, so the bar itself is silent. */
import { html, svg, type TemplateResult } from 'lit'

export const meter = (percent: number | null, tone: 'accent' | 'warn' | 'second' = 'accent'): TemplateResult => html`
  <svg class="meter ${tone}" aria-hidden="true">
    <rect class="track" width="100%" height="100%"></rect>
    ${percent === null || percent <= 0 ? '' : svg`<rect class="fill" width="${percent}%" height="100%"></rect>`}
  </svg>
`
