/**
 * `<series-chart heading="Turns" span="day" .series=${[{ name: 'sessions.running_turns', title: 'running' }]}>`: a card with a chart of
 * numbers over time, kept fresh.
 */
import '../../components/time-chart.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../../element.ts'
import { number } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { type Fold, readSeries, type SeriesTable, type Span } from './series.ts'
import { metricsWords } from './words.ts'

export interface ShownSeries {
  readonly name: string
  readonly title: string
}

/** Colours are told apart up to here. */
const LINES = 6

const newest = (values: readonly (number | null)[] | undefined): number => values?.findLast((value) => value !== null) ?? -1

@customElement('series-chart')
export class SeriesChart extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
      }
      .room {
        min-height: 226px;
      }
    `,
  ]

  @property() heading = ''
  @property() hint = ''
  @property() span: Span = 'hour'
  @property() fold: Fold = 'average'
  @property({ attribute: false }) series: readonly ShownSeries[] = []
  @property({ attribute: false }) format: (value: number) => string = (value) => number(value, 1)
  @property({ attribute: false }) bounds: readonly [number, number] | undefined

  readonly #table = new Live(this, {
    args: () => [this.series.map(({ name }) => name), this.span, this.fold] as const,
    load: (connection, [names, span, fold], signal) => readSeries(connection, names, span, fold, signal),
    topics: ['metrics.sampled'],
    // One sample changes nothing that could be seen in a day.
    concerns: () => this.span === 'hour',
    every_ms: 120_000,
  })

  override render() {
    return html`<section class="card" aria-label=${`${this.heading}, ${metricsWords().spans[this.span]}`}>
      <header>
        <h2>${this.heading}</h2>
        <slot name="choice"></slot>
      </header>
      <div class="body">
        <div class="room">
          ${this.#table.render({ loading: () => html`<skeleton-rows rows="4"></skeleton-rows>`, ready: (table) => this.#chart(table) })}
        </div>
        ${this.hint === '' ? nothing : html`<p class="muted small">${this.hint}</p>`}
      </div>
    </section>`
  }

  #chart({ moments, values }: SeriesTable): unknown {
    const known = this.series.filter(({ name }) => values.has(name) && newest(values.get(name)) >= 0)
    const shown =
      known.length > LINES
        ? [...known].sort((a, b) => newest(values.get(b.name)) - newest(values.get(a.name))).slice(0, LINES)
        : known
    return html`<time-chart
      label=${this.heading}
      .moments=${known.length === 0 ? [] : moments}
      .lines=${shown.map(({ name, title }) => ({ title, values: values.get(name) ?? [] }))}
      .format=${this.format}
      .bounds=${this.bounds}
    ></time-chart>`
  }
}
