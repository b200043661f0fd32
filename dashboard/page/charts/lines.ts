/** Percents over time as lines over each other, the first one filled. Null breaks a line. */
import { html, svg, type TemplateResult } from 'lit'

const WIDTH = 240
const HEIGHT = 64

type Values = readonly (number | null)[]

/** Runs of points without a gap, as coordinates. */
const runsOf = (values: Values): (readonly [x: number, y: number])[][] => {
  const runs: (readonly [number, number])[][] = [[]]
  const step = WIDTH / Math.max(1, values.length - 1)
  values.forEach((value, index) => {
    if (value === null) runs.push([])
    else runs.at(-1)?.push([index * step, HEIGHT - 2 - (value / 100) * (HEIGHT - 4)])
  })
  return runs.filter((run) => run.length > 0)
}

const pathOf = (run: readonly (readonly [x: number, y: number])[]): string => {
  const points = run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`)
  // A single point is drawn as a short line.
  return points.length === 1 ? `M${points[0]}h2` : `M${points.join('L')}`
}

const areaOf = (run: readonly (readonly [x: number, y: number])[]): string => {
  const [first, last] = [run[0]?.[0] ?? 0, run.at(-1)?.[0] ?? 0]
  return `${pathOf(run)}L${last.toFixed(1)} ${HEIGHT}L${first.toFixed(1)} ${HEIGHT}Z`
}

export const lines = (
  label: string,
  series: readonly { readonly tone: 'accent' | 'second'; readonly values: Values }[],
): TemplateResult => html`
  <svg class="lines" role="img" aria-label=${label} viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">
    ${[25, 50, 75].map((percent) => svg`<path class="rule" d="M0 ${(HEIGHT * percent) / 100}H${WIDTH}"></path>`)}
    ${series.map(({ tone, values }, index) =>
      runsOf(values).map(
        (run) => svg`
          ${index === 0 && run.length > 1 ? svg`<path class="area ${tone}" d=${areaOf(run)}></path>` : ''}
          <path class="line ${tone}" d=${pathOf(run)}></path>`,
      ),
    )}
  </svg>
`
