/** Parts of a whole in one bar, the largest first. */
import { html, svg, type TemplateResult } from 'lit'

const GAP_PERCENT = 0.6

export const segments = (label: string, counts: readonly number[], rest: number): TemplateResult => {
  const total = counts.reduce((sum, count) => sum + count, rest)
  const parts = [...counts, rest].filter((count) => count > 0)
  let at = 0
  return html`
    <svg class="segments" role="img" aria-label=${label}>
      ${parts.map((count, index) => {
        const width = (count / Math.max(1, total)) * 100
        const x = at
        at += width
        return svg`<rect class="part-${index}" x="${x}%" width="${Math.max(0.4, width - GAP_PERCENT)}%" height="100%"></rect>`
      })}
    </svg>
  `
}
