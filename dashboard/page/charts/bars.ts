/** Numbers of days as bars. What a bar says is in its tooltip; what all of them say, in the label of the drawing. */
import { html, svg, type TemplateResult } from 'lit'

export interface Bar {
  readonly value: number
  /** `22 Nov: 73 messages`. */
  readonly says: string
}

/** A bar of nothing still shows where its day is. */
const LEAST_PERCENT = 1.5
const HIGHEST_PERCENT = 96

export const bars = (label: string, values: readonly Bar[]): TemplateResult => {
  const peak = Math.max(1, ...values.map(({ value }) => value))
  const step = 100 / Math.max(1, values.length)
  return html`
    <svg class="bars" role="img" aria-label=${label}>
      ${values.map(({ value, says }, index) => {
        const height = Math.max(LEAST_PERCENT, (value / peak) * HIGHEST_PERCENT)
        return svg`<g class=${value === 0 ? 'none' : ''}>
          <title>${says}</title>
          <rect class="hit" x="${index * step}%" width="${step}%" height="100%"></rect>
          <rect class="bar" x="${index * step + step * 0.14}%" width="${step * 0.72}%" y="${100 - height}%" height="${height}%" rx="3"></rect>
        </g>`
      })}
    </svg>
  `
}
