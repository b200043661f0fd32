/** `<run-history .job=${job}>`: a job's runs, newest first; each opens to show what it wrote. */
import './run-output.ts'
import '../../components/segment-control.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import type { Job, Run } from '../../../../protocol/scheduler.ts'
import { icon } from '../../components/icon.ts'
import type { SegmentEvent } from '../../components/segment-control.ts'
import { PanelElement } from '../../element.ts'
import { dateTime, dollars, duration } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { isTrouble, RUN_TONE } from './run-state.ts'
import { jobWords } from './words.ts'

const PAGE = 30
/** A start that is later than this is worth a word. */
const LATE_MS = 5_000

@customElement('run-history')
export class RunHistory extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      summary {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 12px;
        padding: 9px 16px;
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary:hover {
        background: var(--hover);
      }
      summary > svg {
        flex: none;
        color: var(--muted);
        transition: rotate 120ms;
      }
      details[open] > summary > svg {
        rotate: 90deg;
      }
      summary status-chip {
        min-width: 96px;
      }
      li.failed,
      li.interrupted {
        box-shadow: inset 3px 0 0 var(--bad);
      }
      li.missed {
        box-shadow: inset 3px 0 0 var(--warn);
      }
      .why {
        flex-basis: 100%;
        padding-inline-start: 30px;
        overflow-wrap: anywhere;
      }
      .inside {
        padding: 4px 16px 16px 46px;
        display: grid;
        gap: 8px;
      }
      @media (max-width: 640px) {
        .inside {
          padding-inline-start: 16px;
        }
      }
      .foot {
        display: flex;
        justify-content: center;
        padding: 10px;
        border-top: 1px solid var(--line);
      }
    `,
  ]

  @property({ attribute: false }) job: Job | undefined
  @state() private limit = PAGE
  @state() private filter = 'all'
  @state() private opened: ReadonlySet<string> = new Set()

  readonly #runs = new Live(this, {
    args: () => (this.job === undefined ? null : ([this.job.id] as const)),
    // One more than is shown tells whether there are more.
    load: (connection, [job_id]) => connection.call('scheduler.history', { job_id, limit: this.limit + 1 }),
    topics: ['scheduler.run_ended'],
    concerns: (_, payload) => 'job_id' in payload && payload.job_id === this.job?.id,
    every_ms: 10_000,
  })

  /** Looks again, for a run that has just begun. */
  reload(): void {
    this.#runs.reload()
  }

  override render() {
    const text = jobWords()
    return html`<section class="card" aria-label=${text.history}>
      <header>
        <h2>${text.history}</h2>
        <segment-control
          .label=${text.historyFilter}
          .options=${[{ value: 'all', title: text.all }, { value: 'trouble', title: text.problems }]}
          .value=${this.filter}
          @change=${(event: SegmentEvent) => {
            this.filter = event.value
          }}
        ></segment-control>
      </header>
      ${this.#runs.render({
        empty: (runs) =>
          runs.length === 0
            ? html`<empty-state icon="jobs" heading=${text.historyNone}>${text.historyNoneHelp}</empty-state>`
            : undefined,
        ready: (runs) => this.#list(runs),
      })}
    </section>`
  }

  #list(all: readonly Run[]): unknown {
    const text = jobWords()
    const shown = all.slice(0, this.limit).filter(({ state }) => this.filter === 'all' || isTrouble(state))
    return html`${
      shown.length === 0
        ? html`<empty-state icon="ok" heading=${text.historyFine}></empty-state>`
        : html`<ul class="rows">
          ${shown.map((run) => this.#row(run))}
        </ul>`
    }
    ${all.length > this.limit ? html`<div class="foot"><button class="plain" @click=${this.#more}>${text.older}</button></div>` : nothing}`
  }

  #row(run: Run): unknown {
    const text = jobWords()
    const due = Date.parse(run.scheduled_at)
    const began = Date.parse(run.started_at)
    const late = began - due
    const hasBegun = run.duration_ms !== null || run.state === 'running'
    const isOpen = this.opened.has(run.run_id)
    return html`<li class=${run.state}>
      <details .open=${isOpen} @toggle=${(event: Event) => this.#toggle(run, event)}>
        <summary>
          ${icon('chevron', 16)}
          <status-chip tone=${RUN_TONE[run.state]}>${text.state[run.state]}</status-chip>
          <span class="number">${dateTime(due, this.job?.zone)}</span>
          <time-ago class="muted small" .at=${due}></time-ago>
          <span class="muted small">${text.trigger[run.trigger]}</span>
          ${hasBegun && late > LATE_MS && run.trigger === 'schedule' ? html`<span class="muted small">${text.late(duration(late))}</span>` : nothing}
          ${run.attempt > 1 ? html`<span class="muted small">${text.attempt(run.attempt)}</span>` : nothing}
          <span class="grow"></span>
          ${run.exit_code === null || run.exit_code === 0 ? nothing : html`<span class="small">${text.exit(run.exit_code)}</span>`}
          ${run.cost_usd === null ? nothing : html`<span class="small number">${dollars(run.cost_usd)}</span>`}
          ${run.duration_ms === null ? nothing : html`<span class="muted small number">${duration(run.duration_ms)}</span>`}
          ${run.delivery.state === 'none' ? nothing : this.#delivery(run)}
          ${run.missed_until_at === null ? nothing : html`<span class="why muted small">${text.until(dateTime(Date.parse(run.missed_until_at), this.job?.zone))}</span>`}
          ${run.reason === null ? nothing : html`<span class="why muted small">${run.reason}</span>`}
        </summary>
        ${isOpen ? this.#inside(run) : nothing}
      </details>
    </li>`
  }

  #delivery({ delivery }: Run): unknown {
    const tone = { none: 'plain', pending: 'busy', delivered: 'ok', failed: 'bad' }[delivery.state]
    return html`<status-chip tone=${tone}>${jobWords().deliveryState[delivery.state]}</status-chip>`
  }

  #inside(run: Run): unknown {
    const job_type = this.job?.job_type ?? 'shell'
    const chat = job_type === 'claude' ? (this.job?.chat_id ?? `cron-${run.job_id}`) : ''
    return html`<div class="inside">
      ${run.delivery.reason === null ? nothing : html`<p class="small">${jobWords().deliveryState[run.delivery.state]}: ${run.delivery.reason}</p>`}
      <run-output bare run_id=${run.run_id} job_type=${job_type} chat_id=${chat} @ended=${() => this.#runs.reload()}></run-output>
    </div>`
  }

  #toggle(run: Run, event: Event): void {
    const { open } = event.currentTarget as HTMLDetailsElement
    if (open === this.opened.has(run.run_id)) return
    const opened = new Set(this.opened)
    if (open) opened.add(run.run_id)
    else opened.delete(run.run_id)
    this.opened = opened
  }

  readonly #more = (): void => {
    this.limit += PAGE * 2
    this.#runs.reload()
  }
}
