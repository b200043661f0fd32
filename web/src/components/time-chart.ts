/**
 * `<time-chart label="CPU" .moments=${[ms, …]} .lines=${[{ title: 'edge', values: [1, null, …] }]} .format=${percent}>`: values over time, as
 * lines or bars. The drawing library is loaded with the first chart. Colours follow the theme; the legend reads values at the pointer.
 */
import { css, html, type PropertyValues, unsafeCSS } from 'lit'
import { customElement, property, query } from 'lit/decorators.js'
import sheet from 'uplot/dist/uPlot.min.css?inline'
import { PanelElement } from '../element.ts'
import { clock, dateTime, number, shortDay } from '../i18n/format.ts'
import { common } from '../i18n/phrases.ts'
import { base } from '../style/base.ts'
import { onTheme } from '../theme.ts'

export interface ChartLine {
  readonly title: string
  /** One for each moment; null where nothing is known. */
  readonly values: readonly (number | null)[]
}

type Chart = import('uplot')

const COLOURS = 6

/** Between two lines of a chart of counts. */
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000]

@customElement('time-chart')
export class TimeChart extends PanelElement {
  static override styles = [
    unsafeCSS(sheet),
    base,
    css`
      figure {
        display: grid;
        gap: 4px;
      }
      #plot {
        height: var(--chart-height, 200px);
        min-width: 0;
      }
      .none {
        display: grid;
        place-items: center;
        height: var(--chart-height, 200px);
        color: var(--muted);
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 16px;
        min-height: 21px;
        font-size: 12.5px;
        color: var(--muted);
      }
      .legend li {
        display: flex;
        align-items: center;
        gap: 6px;
      }
      .legend i {
        width: 10px;
        height: 3px;
        border-radius: 2px;
      }
      .legend b {
        color: var(--text);
        font-weight: 560;
        font-variant-numeric: tabular-nums;
      }
      .c0 {
        background: var(--chart-1);
      }
      .c1 {
        background: var(--chart-2);
      }
      .c2 {
        background: var(--chart-3);
      }
      .c3 {
        background: var(--chart-4);
      }
      .c4 {
        background: var(--chart-5);
      }
      .c5 {
        background: var(--chart-6);
      }
    `,
  ]

  /** What is shown, in a sentence, for those who do not see it. */
  @property() label = ''
  /** Milliseconds since 1970, ascending. */
  @property({ attribute: false }) moments: readonly number[] = []
  @property({ attribute: false }) lines: readonly ChartLine[] = []
  @property() kind: 'lines' | 'bars' = 'lines'
  @property({ attribute: false }) format: (value: number) => string = (value) => number(value, 1)
  /** Bounds of the values; found by itself where absent. */
  @property({ attribute: false }) bounds: readonly [number, number] | undefined
  /** From when to when; that of the moments where absent. */
  @property({ attribute: false }) span: readonly [number, number] | undefined
  /** Whether values are counts, so that no line between two of them is drawn. */
  @property({ type: Boolean }) whole = false
  @query('#plot') private readonly plot!: HTMLElement | null
  /** Where the pointer is; the newest values otherwise. */
  #at: number | null = null
  #chart: Chart | undefined
  #sizes: ResizeObserver | undefined
  #stop: (() => void) | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stop = onTheme(() => void this.#draw())
    this.#sizes = new ResizeObserver(() => {
      const { plot } = this
      if (plot !== null && plot.clientWidth > 0) this.#chart?.setSize({ width: plot.clientWidth, height: plot.clientHeight })
    })
    if (this.hasUpdated) void this.#draw()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop?.()
    this.#sizes?.disconnect()
    this.#chart?.destroy()
    this.#chart = undefined
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (['moments', 'lines', 'kind', 'bounds', 'span', 'whole'].some((name) => changed.has(name as keyof TimeChart)))
      void this.#draw()
  }

  override render() {
    if (this.moments.length === 0) return html`<div class="none">${common().noData}</div>`
    const at = this.#at ?? this.moments.length - 1
    return html`<figure>
      <div id="plot" role="img" aria-label=${this.#summary()}></div>
      <ul class="legend" aria-hidden="true">
        <li class="number">${dateTime(this.moments[at] ?? 0)}</li>
        ${this.lines.map(({ title, values }, index) => {
          const value = values[at]
          return html`<li>
            <i class="c${index % COLOURS}"></i>${title} <b>${value === null || value === undefined ? '–' : this.format(value)}</b>
          </li>`
        })}
      </ul>
    </figure>`
  }

  #summary(): string {
    const newest = this.lines.map(({ title, values }) => {
      const value = values.findLast((one) => one !== null)
      return `${title} ${value === null || value === undefined ? '–' : this.format(value)}`
    })
    return `${this.label}. ${newest.join(', ')}`
  }

  /** A token as the colour that it is in this theme. */
  #colour(token: string): string {
    const probe = document.createElement('i')
    probe.style.color = `var(${token})`
    this.renderRoot.append(probe)
    const { color } = getComputedStyle(probe)
    probe.remove()
    return color
  }

  async #draw(): Promise<void> {
    const { default: UPlot } = await import('uplot')
    await this.updateComplete
    const { plot } = this
    this.#chart?.destroy()
    this.#chart = undefined
    if (plot === null || !this.isConnected || this.moments.length === 0) return
    const [muted, line] = [this.#colour('--muted'), this.#colour('--line')]
    const font = `11px ${getComputedStyle(this).fontFamily}`
    const day = 86_400_000
    const [from, to] = this.span ?? [this.moments[0] ?? 0, this.moments.at(-1) ?? 0]
    const span = to - from
    const axis = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false } }
    const bars = UPlot.paths.bars?.({ size: [0.7, 40] })
    this.#chart = new UPlot(
      {
        width: Math.max(plot.clientWidth, 100),
        height: plot.clientHeight,
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        // The last moment below needs half its width.
        padding: [8, 20, 0, 0],
        scales: {
          // Of a single moment, a minute around it.
          x: { range: span > 0 ? [from / 1_000, to / 1_000] : [from / 1_000 - 30, from / 1_000 + 30] },
          y: { range: (_, min, max) => this.#range(min, max) },
        },
        axes: [
          {
            ...axis,
            size: 28,
            grid: { show: false },
            values: (_, moments) => moments.map((at) => (span > 3 * day ? shortDay(at * 1_000) : clock(at * 1_000))),
          },
          {
            ...axis,
            size: 62,
            ...(this.whole ? { incrs: WHOLE_STEPS } : {}),
            values: (_, values) => values.map((value) => this.format(value)),
          },
        ],
        series: [
          {},
          ...this.lines.map(({ title }, index) => {
            const stroke = this.#colour(`--chart-${(index % COLOURS) + 1}`)
            const isBars = this.kind === 'bars' && bars !== undefined
            return {
              label: title,
              stroke,
              width: isBars ? 0 : 1.8,
              points: { show: this.moments.length < 2 },
              fill: isBars
                ? stroke
                : this.lines.length === 1
                  ? stroke.replace('rgb(', 'rgba(').replace(')', ', 0.12)')
                  : undefined,
              ...(isBars ? { paths: bars } : {}),
            }
          }),
        ],
        hooks: {
          setCursor: [
            (chart) => {
              this.#at = chart.cursor.idx ?? null
              this.requestUpdate()
            },
          ],
        },
      },
      [this.moments.map((at) => at / 1_000), ...this.lines.map(({ values }) => [...values])],
      plot,
    )
    this.#sizes?.disconnect()
    this.#sizes?.observe(plot)
  }

  #range(min: number, max: number): [number, number] {
    if (this.bounds !== undefined) return [this.bounds[0], this.bounds[1]]
    const top = Number.isFinite(max) && max > 0 ? (this.whole ? Math.max(2, Math.ceil(max)) : max * 1.1) : 1
    return [Number.isFinite(min) ? Math.min(0, min) : 0, top]
  }
}
