/** `<job-list>`: all jobs with what comes next and how it went last; those that are not well come to the eye. */
import '../../components/search-field.ts'
import '../../components/segment-control.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import type { Job } from '../../../../protocol/scheduler.ts'
import { icon } from '../../components/icon.ts'
import { listPage } from '../../components/list-page.ts'
import type { SearchEvent } from '../../components/search-field.ts'
import type { SegmentEvent } from '../../components/segment-control.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { fullMoment } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { go, href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { jobWords } from './words.ts'

type Filter = 'all' | 'enabled' | 'disabled' | 'trouble'

const isUnwell = (job: Job): boolean => job.failures > 0 || job.problem !== null

const FILTERS: Readonly<Record<Filter, (job: Job) => boolean>> = {
  all: () => true,
  enabled: (job) => job.enabled === 1,
  disabled: (job) => job.enabled === 0,
  trouble: isUnwell,
}

@customElement('job-list')
export class JobList extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      search-field {
        flex: 1 1 220px;
      }
      li {
        display: grid;
        grid-template-columns: minmax(0, 2.2fr) minmax(130px, 1fr) minmax(130px, 1fr) auto;
        align-items: center;
        gap: 4px 18px;
        padding: 11px 16px;
      }
      li:hover {
        background: var(--hover);
      }
      li.unwell {
        box-shadow: inset 3px 0 0 var(--bad);
      }
      .name {
        font-weight: 600;
        color: var(--text);
      }
      .what {
        display: flex;
        gap: 8px;
        min-width: 0;
      }
      .what > svg {
        flex: none;
        margin-top: 2px;
        color: var(--muted);
      }
      .label {
        display: block;
        font-size: 12px;
        color: var(--muted);
      }
      .problem {
        grid-column: 1 / -1;
        color: var(--bad);
        overflow-wrap: anywhere;
      }
      .off .name {
        color: var(--muted);
      }
      .switch {
        position: relative;
        display: inline-flex;
        align-items: center;
        width: 36px;
        height: 24px;
      }
      .switch input {
        appearance: none;
        width: 36px;
        height: 20px;
        border-radius: 10px;
        border: 1px solid var(--line-strong);
        background: var(--sunken);
        cursor: pointer;
      }
      .switch input::before {
        content: '';
        display: block;
        width: 14px;
        height: 14px;
        margin: 2px;
        border-radius: 50%;
        background: var(--line-strong);
        transition: translate 120ms;
      }
      .switch input:checked {
        background: var(--accent-fill);
        border-color: var(--accent-fill);
      }
      .switch input:checked::before {
        translate: 16px 0;
        background: #fff;
      }
      @media (max-width: 760px) {
        li {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .next,
        .last {
          grid-row: 2;
        }
        .next {
          grid-column: 1;
        }
        .last {
          grid-column: 2;
          text-align: end;
        }
        .deeds {
          grid-row: 1;
          grid-column: 2;
          justify-self: end;
        }
      }
    `,
  ]

  @property() search = ''
  @state() private filter: Filter = 'all'
  @state() private starting: number | undefined

  readonly #jobs = new Live(this, {
    // Nobody looks at grey lines for longer.
    load: (connection, _, signal) => connection.call('scheduler.list', { bot_id: '' }, { timeout_ms: 6_000, signal }),
    topics: ['scheduler.run_ended', 'scheduler.job_disabled'],
    every_ms: 20_000,
  })

  reload(): void {
    this.#jobs.reload()
  }

  override render() {
    const text = jobWords()
    return listPage({
      ...{ view: 'jobs', text, live: this.#jobs },
      isEmpty: (jobs) => jobs.length === 0,
      list: (jobs) => this.#list(jobs),
    })
  }

  #list(jobs: readonly Job[]): unknown {
    const text = jobWords()
    const wanted = this.search.trim().toLowerCase()
    const shown = jobs
      .filter(FILTERS[this.filter])
      .filter((job) => wanted === '' || `${job.name} ${job.command} ${job.cron_expression}`.toLowerCase().includes(wanted))
    const severalBots = new Set(jobs.map(({ bot_id }) => bot_id)).size > 1
    return html`<div class="tools">
        <search-field
          label=${text.search}
          .value=${this.search}
          @search=${(event: SearchEvent) => {
            this.search = event.value
          }}
        ></search-field>
        <segment-control
          .label=${text.filter}
          .options=${[
            { value: 'all', title: text.all },
            { value: 'enabled', title: text.enabled },
            { value: 'disabled', title: text.disabled },
            { value: 'trouble', title: text.problems },
          ]}
          .value=${this.filter}
          @change=${(event: SegmentEvent) => {
            this.filter = event.value as Filter
          }}
        ></segment-control>
      </div>
      ${
        shown.length === 0
          ? html`<empty-state icon="search" heading=${text.noMatch}>${text.noMatchHelp}</empty-state>`
          : html`<ul class="rows">
              ${shown.map((job) => this.#row(job, severalBots))}
            </ul>`
      }`
  }

  #row(job: Job, namesBot: boolean): unknown {
    const text = jobWords()
    const isEnabled = job.enabled === 1
    const next = job.next_runs[0]
    return html`<li class="${isUnwell(job) ? 'unwell' : ''} ${isEnabled ? '' : 'off'}">
      <div class="what">
        ${icon(job.job_type === 'shell' ? 'tool' : 'chats', 16)}
        <div class="grow">
          <a class="name" href=${href('jobs', [String(job.id)])}>${job.name}</a>
          ${namesBot ? html`<status-chip>${job.bot_id}</status-chip>` : nothing}
          <div class="cut small muted"><code>${job.cron_expression}</code> · ${job.zone} · ${job.command.split('\n', 1)[0]}</div>
        </div>
      </div>
      <div class="next small">
        <span class="label">${text.next}</span>
        ${
          next === undefined
            ? html`<span class="muted">${isEnabled ? text.noNext : text.disabled}</span>`
            : html`<time-ago .at=${Date.parse(next.utc)} title=${fullMoment(Date.parse(next.utc))}></time-ago>`
        }
      </div>
      <div class="last small">
        <span class="label">${text.last}</span>
        ${
          job.last_run_at === null
            ? html`<span class="muted">${text.never}</span>`
            : html`<status-chip tone=${job.failures > 0 ? 'bad' : 'ok'}>${job.failures > 0 ? text.failing(job.failures) : text.well}</status-chip>
                <time-ago class="muted" .at=${Date.parse(job.last_run_at)}></time-ago>`
        }
      </div>
      <div class="deeds row">
        <span class="switch"
          ><input
            type="checkbox"
            role="switch"
            aria-label=${text.enableThis(job.name)}
            .checked=${isEnabled}
            @change=${() => this.#enable(job)}
        /></span>
        <button
          class="quiet"
          aria-label=${text.runThis(job.name)}
          title=${text.run}
          ?disabled=${this.starting === job.id}
          @click=${() => this.#run(job)}
        >
          ${icon('play')}
        </button>
      </div>
      ${job.problem === null ? nothing : html`<p class="problem small">${job.problem}</p>`}
    </li>`
  }

  /** Shown as done at once; it goes back where the service refuses. */
  async #enable(job: Job): Promise<void> {
    const enabled = job.enabled === 0
    const put = (changed: Job): void => {
      this.#jobs.set((this.#jobs.value ?? []).map((one) => (one.id === job.id ? changed : one)))
    }
    put({ ...job, enabled: enabled ? 1 : 0, next_runs: enabled ? job.next_runs : [] })
    try {
      put(await this.connection.call('scheduler.update', { job_id: job.id, enabled }))
    } catch (error) {
      put(job)
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }

  async #run(job: Job): Promise<void> {
    this.starting = job.id
    try {
      const { run_id } = await this.connection.call('scheduler.run', { job_id: job.id, wait_ms: 0 })
      go(href('jobs', [String(job.id)], { run: run_id }))
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    } finally {
      this.starting = undefined
    }
  }
}
