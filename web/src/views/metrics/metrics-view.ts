/** The metrics: `#/metrics?span=hour|day|week&what=rss|cpu|lag&agents=rss|cpu`. */
import './alert-list.ts'
import './process-tables.ts'
import './series-chart.ts'
import './usage-card.ts'
import '../../components/segment-control.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { icon } from '../../components/icon.ts'
import type { SegmentEvent } from '../../components/segment-control.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { bytes, duration, number } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { go, href, type Route } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import type { Span } from './series.ts'
import type { ShownSeries } from './series-chart.ts'
import { metricsWords } from './words.ts'

const SPANS = ['hour', 'day', 'week'] as const satisfies readonly Span[]

const percent = (value: number): string => `${number(value, value < 10 ? 1 : 0)} %`
/** Most of the time a few milliseconds. */
const lateness = (ms: number): string => (ms < 1_000 ? `${number(ms)} ms` : duration(ms))
const whole = (value: number): string => number(value, 1)

/** What can be shown of the processes: the end of the names of its series, and how a value is written. */
const KINDS = {
  rss: { suffix: 'rss_bytes', format: bytes, fold: 'average' },
  cpu: { suffix: 'cpu_percent', format: percent, fold: 'average' },
  lag: { suffix: 'loop_lag_ms', format: (ms: number) => `${number(ms)} ms`, fold: 'max' },
} as const
type Kind = keyof typeof KINDS
/** What is kept of agents. */
const AGENT_KINDS = ['rss', 'cpu'] as const satisfies readonly Kind[]
type AgentKind = (typeof AGENT_KINDS)[number]
/** The name of a series of an agent, with its number. */
const AGENT_NAME = /^agent\.(\d+)\.rss_bytes$/

@customElement('metrics-view')
export class MetricsView extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .charts {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr));
        gap: var(--gap);
      }
      .notes {
        padding: 10px 16px;
        color: var(--warn);
      }
    `,
  ]

  @property({ attribute: false }) route: Route | undefined
  @state() private refreshing = false

  readonly #current = new Live(this, {
    load: (connection, _, signal) => connection.call('metrics.current', {}, { timeout_ms: 10_000, signal }),
    topics: ['metrics.sampled'],
    every_ms: 60_000,
  })

  /** The numbers of the agents that live, or did of late; who was measured last stands first. */
  readonly #agents = new Live(this, {
    load: async (connection, _, signal) =>
      (await connection.call('metrics.list_series', {}, { timeout_ms: 10_000, signal }))
        .sort((a, b) => b.last_at - a.last_at)
        .flatMap(({ name }) => AGENT_NAME.exec(name)?.[1] ?? []),
    topics: ['metrics.sampled'],
    every_ms: 60_000,
  })

  override render() {
    const text = metricsWords()
    const { span } = this.#place()
    return html`<div class="page">
      <header>
        <h1>${text.title}</h1>
        <segment-control
          .label=${text.span}
          .options=${SPANS.map((value) => ({ value, title: text.spans[value] }))}
          .value=${span}
          @change=${(event: SegmentEvent) => this.#go({ span: event.value })}
        ></segment-control>
        <button class="plain" ?disabled=${this.refreshing} @click=${this.#refresh}>${icon('refresh', 16)}${text.refresh}</button>
      </header>
      ${this.#current.value?.notes.length ? this.#notes() : nothing}
      <alert-list></alert-list>
      <div class="charts">${this.#charts(span)}</div>
      <process-tables></process-tables>
      ${this.#current.render({ loading: () => nothing, ready: ({ claude_usage }) => html`<usage-card .usage=${claude_usage}></usage-card>` })}
    </div>`
  }

  #charts(span: Span): unknown {
    const text = metricsWords()
    const chart = (
      heading: string,
      series: readonly (readonly [string, string])[],
      format: (value: number) => string,
      more: { bounds?: readonly [number, number]; fold?: 'max'; hint?: string } = {},
    ) => html`<series-chart
      heading=${heading}
      span=${span}
      fold=${more.fold ?? 'average'}
      hint=${more.hint ?? ''}
      .series=${series.map(([name, title]): ShownSeries => ({ name, title }))}
      .format=${format}
      .bounds=${more.bounds}
    ></series-chart>`
    return html`${chart(
      text.machine,
      [
        ['system.cpu_percent', text.processor],
        ['system.memory_used_percent', text.memory],
        ['system.disk_used_percent', text.disk],
      ],
      percent,
      { bounds: [0, 100] },
    )}
    ${this.#processes(span)}
    ${chart(
      text.turns,
      [
        ['sessions.running_turns', text.running],
        ['sessions.waiting_turns', text.waiting],
        ['sessions.active', text.sessions],
      ],
      whole,
    )}
    ${chart(text.agents, [['agents.rss_bytes', text.memory]], bytes, { hint: text.agentsHelp })} ${this.#eachAgent(span)}
    ${chart(`${text.agents}: ${text.count}`, [['agents.count', text.count]], whole)}
    ${chart(text.lateness, [['scheduler.late_ms', text.late]], lateness, { fold: 'max' })}`
  }

  #processes(span: Span): unknown {
    const text = metricsWords()
    const { what } = this.#place()
    const { suffix, format, fold } = KINDS[what]
    const names = this.#current.value?.processes.services.map(({ service }) => service) ?? []
    return html`<series-chart
      heading=${text.processes}
      span=${span}
      fold=${fold}
      hint="${text.kindHelp[what]} ${names.length > 6 ? text.largest : ''}"
      .series=${names.map((name): ShownSeries => ({ name: `process.${name}.${suffix}`, title: name }))}
      .format=${format}
    >
      <segment-control
        slot="choice"
        .label=${text.what}
        .options=${(Object.keys(KINDS) as Kind[]).map((value) => ({ value, title: text.kinds[value] }))}
        .value=${what}
        @change=${(event: SegmentEvent) => this.#go({ what: event.value })}
      ></segment-control>
    </series-chart>`
  }

  #eachAgent(span: Span): unknown {
    const text = metricsWords()
    const { agents } = this.#place()
    const { suffix, format, fold } = KINDS[agents]
    return html`<series-chart
      heading=${text.eachAgent}
      span=${span}
      fold=${fold}
      hint=${text.eachAgentHelp}
      .series=${(this.#agents.value ?? []).map((n): ShownSeries => ({ name: `agent.${n}.${suffix}`, title: text.agentName(Number(n)) }))}
      .format=${format}
    >
      <segment-control
        slot="choice"
        .label=${text.whatAgents}
        .options=${AGENT_KINDS.map((value) => ({ value, title: text.kinds[value] }))}
        .value=${agents}
        @change=${(event: SegmentEvent) => this.#go({ agents: event.value })}
      ></segment-control>
    </series-chart>`
  }

  #notes(): unknown {
    const text = metricsWords()
    return html`<section class="card notes" role="status">
      <b>${text.notes}</b>
      <ul>
        ${this.#current.value?.notes.map(({ part, problem }) => html`<li>${part}: ${problem}</li>`)}
      </ul>
    </section>`
  }

  #place(): { span: Span; what: Kind; agents: AgentKind } {
    const { span, what, agents } = this.route?.query ?? {}
    return {
      span: SPANS.find((one) => one === span) ?? 'hour',
      what: what !== undefined && Object.hasOwn(KINDS, what) ? (what as Kind) : 'rss',
      agents: AGENT_KINDS.find((one) => one === agents) ?? 'rss',
    }
  }

  #go(change: { span?: string; what?: string; agents?: string }): void {
    go(href('metrics', [], { ...this.#place(), ...change }), { replace: true })
  }

  readonly #refresh = async (): Promise<void> => {
    this.refreshing = true
    try {
      const answer = await this.connection.call('metrics.refresh', {}, { timeout_ms: 30_000 })
      if (answer.status === 'error') this.notify({ text: answer.message, tone: 'bad' })
      else this.notify({ text: metricsWords().refreshed, tone: 'ok' })
      this.#current.reload()
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    } finally {
      this.refreshing = false
    }
  }
}
