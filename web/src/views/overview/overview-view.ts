/** What is going on, at a glance: what is wrong, what runs, what comes next, and how the machine is doing. */
import '../../approvals/waiting-card.ts'
import '../../components/time-chart.ts'
import './services-card.ts'
import './spend-card.ts'
import './stat-tiles.ts'
import { css, html, nothing } from 'lit'
import { customElement } from 'lit/decorators.js'
import type { ClaudeUsage, Metrics } from '../../../../protocol/metrics.ts'
import type { OpenTurn } from '../../../../protocol/sessions.ts'
import { icon } from '../../components/icon.ts'
import { readHealth } from '../../connection/health.ts'
import { PanelElement } from '../../element.ts'
import { bytes, compact, dollars, number } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { linkTo, placeOfChat } from '../chats/chat-place.ts'
import { type Hour, hourOf } from './hour.ts'
import type { Tile } from './stat-tiles.ts'
import { overviewWords } from './words.ts'

const JOBS_SHOWN = 5
const SPEND_DAYS = 14
const TURNS_SHOWN = 8
const GIGABYTE = 1_024 ** 3

const shown = (value: number | null | undefined, format: (value: number) => string = number): string =>
  value === null || value === undefined ? '–' : format(value)

@customElement('overview-view')
export class OverviewView extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .notice {
        display: flex;
        gap: 12px;
        padding: 12px 16px;
      }
      .notice svg {
        flex: none;
        margin-top: 1px;
      }
      .warning {
        background: var(--warn-soft);
        border-color: transparent;
        color: var(--warn);
      }
      .critical {
        background: var(--bad-soft);
        border-color: transparent;
        color: var(--bad);
      }
      .notice p {
        color: var(--text);
        overflow-wrap: anywhere;
      }
      .columns {
        display: grid;
        grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        gap: var(--gap);
        align-items: start;
      }
      .columns > div {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: var(--gap);
      }
      .rows a,
      .rows .item {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 2px 12px;
        padding: 9px 16px;
        color: var(--text);
      }
      .rows a:hover {
        background: var(--hover);
        text-decoration: none;
      }
      .rows .second {
        grid-column: 1 / -1;
        font-size: 12.5px;
        color: var(--muted);
      }
      @media (max-width: 900px) {
        .columns {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ]

  readonly #health = new Live(this, {
    load: (_connection, _args, signal) => readHealth(signal),
    topics: ['metrics.sampled'],
    every_ms: 5_000,
  })
  readonly #metrics = new Live(this, {
    load: (connection) => connection.call('metrics.current', {}),
    topics: ['metrics.sampled', 'metrics.alert_raised', 'metrics.alert_cleared'],
    every_ms: 15_000,
  })
  readonly #hour = new Live(this, { load: hourOf, every_ms: 60_000 })
  readonly #spend = new Live(this, {
    load: (connection) => connection.call('sessions.spend', { days: SPEND_DAYS }),
    every_ms: 30_000,
  })
  readonly #turns = new Live(this, {
    load: async (connection) => (await connection.call('sessions.open_turns', {})).turns,
    topics: ['sessions.turn_changed'],
    every_ms: 30_000,
  })

  override render() {
    const text = overviewWords()
    const [health, metrics] = [this.#health.value, this.#metrics.value]
    const down = Object.values(health?.services ?? {}).filter((state) => state === 'down').length
    return html`<div class="page">
      <header>
        <h1>${text.title}</h1>
        ${
          health === undefined
            ? nothing
            : html`<status-chip tone=${down === 0 ? 'ok' : 'bad'}>${down === 0 ? text.allUp : text.notAll(down)}</status-chip>`
        }
      </header>
      ${this.#notices(metrics)} <waiting-card></waiting-card> <stat-tiles .tiles=${this.#tiles(metrics)}></stat-tiles>
      <div class="columns">
        <div>
          <services-card .health=${health} .processes=${metrics?.processes.services}></services-card>
          ${this.#charts()}
        </div>
        <div>${this.#now()} ${this.#jobs(metrics)}
          ${this.#spend.value === undefined ? nothing : html`<spend-card .spend=${this.#spend.value}></spend-card>`}
          ${this.#usage(metrics?.claude_usage)}</div>
      </div>
    </div>`
  }

  #notices(metrics: Metrics | undefined): unknown {
    const text = overviewWords()
    const agent = this.#health.value?.agent
    return html`${(metrics?.alerts ?? []).map(
      ({ level, message, raised_at }) => html`<section class="card notice ${level}" role="alert">
        ${icon('warning', 20)}
        <div><p>${message}</p><p class="small muted">${text.since} <time-ago .at=${raised_at}></time-ago></p></div>
      </section>`,
    )}
    ${
      this.#metrics.failure === undefined || metrics !== undefined
        ? nothing
        : html`<section class="card notice warning">${icon('warning', 20)}<p>${text.noMetrics}</p></section>`
    }
    ${
      agent?.problem
        ? html`<section class="card notice critical" role="alert">${icon('bad', 20)}<p><b>${text.problem}.</b> ${agent.problem}</p></section>`
        : agent?.kind === 'demo'
          ? html`<section class="card notice">${icon('info', 20)}<p><b>${text.demo}</b> ${text.demoHelp}</p></section>`
          : nothing
    }`
  }

  #tiles(metrics: Metrics | undefined): readonly Tile[] {
    const text = overviewWords()
    const { counts, system } = metrics ?? {}
    const spend = this.#spend.value
    const turns = this.#turns.value
    const running = turns?.filter(({ state }) => state !== 'waiting').length ?? counts?.running_turns
    const waiting = turns?.filter(({ state }) => state === 'waiting').length ?? counts?.waiting_turns
    const disk = system == null ? undefined : system.disk_used_percent / 100
    return [
      { title: text.turns, value: shown(running), more: text.turnsWaiting(shown(waiting)), link: href('chats') },
      { title: text.agents, value: shown(counts?.live_agents), more: text.agentsHelp, link: href('metrics') },
      {
        ...{ title: text.sessions, value: shown(counts?.active_sessions), link: href('chats') },
        more: text.messages(shown(metrics?.chat?.message_count, compact)),
      },
      {
        ...{ title: text.jobs, value: shown(counts?.cron_jobs_enabled), link: href('jobs') },
        more: text.jobsRunning(shown(counts?.cron_runs_running)),
      },
      {
        ...{ title: text.spent, value: shown(spend?.today_usd, dollars), link: href('metrics') },
        more: spend?.limits.day_usd == null ? text.noLimit : text.ofLimit(dollars(spend.limits.day_usd)),
      },
      {
        ...{ title: text.disk, value: shown(disk, (share) => `${number(share * 100)} %`), link: href('metrics') },
        more: text.free(shown(system?.disk_free_gb, (gigabytes) => bytes(gigabytes * GIGABYTE))),
      },
    ]
  }

  #charts(): unknown {
    const text = overviewWords()
    const percentage = (value: number): string => `${number(value, 0)} %`
    const chart = (heading: string, draw: (hour: Hour) => unknown): unknown =>
      html`<section class="card" aria-label=${heading}>
        <header><h2>${heading}</h2></header>
        <div class="body">${this.#hour.render({ ready: draw })}</div>
      </section>`
    return html`${chart(
      text.machine,
      ({ span, moments, cpu, memory }) => html`<time-chart
        label=${text.machine}
        .moments=${moments}
        .span=${span}
        .lines=${[{ title: text.cpuLine, values: cpu }, { title: text.memoryLine, values: memory }]}
        .format=${percentage}
        .bounds=${[0, 100] as const}
      ></time-chart>`,
    )}
    ${chart(
      text.work,
      ({ span, moments, running, waiting }) => html`<time-chart
        label=${text.work}
        .moments=${moments}
        .span=${span}
        .lines=${[{ title: text.running, values: running }, { title: text.waiting, values: waiting }]}
        whole
      ></time-chart>`,
    )}`
  }

  #now(): unknown {
    const text = overviewWords()
    return html`<section class="card" aria-label=${text.now}>
      <header><h2>${text.now}</h2></header>
      ${this.#turns.render({
        loading: () => html`<skeleton-rows rows="3"></skeleton-rows>`,
        empty: (turns) =>
          turns.length > 0
            ? undefined
            : html`<empty-state icon="chats" heading=${text.nothing}>${text.nothingHelp}</empty-state>`,
        ready: (turns) =>
          html`<ul class="rows">${turns.slice(0, TURNS_SHOWN).map((turn) => html`<li>${this.#turn(turn)}</li>`)}</ul>`,
      })}
    </section>`
  }

  #turn({ turn_id, bot_id, chat_id, origin, state, message, created_at, started_at }: OpenTurn): unknown {
    const text = overviewWords()
    const link = origin === 'task' ? href('tasks', [turn_id]) : linkTo(placeOfChat(bot_id, chat_id))
    const kind = origin === 'task' ? ` · ${text.task}` : origin === 'agent' ? ` · ${text.own}` : ''
    const isWaiting = state === 'waiting'
    return html`<a href=${link}>
      <b class="cut">${chat_id}</b>
      <status-chip tone=${isWaiting ? 'plain' : 'busy'}>${isWaiting ? text.waiting : text.running}</status-chip>
      <span class="second cut">${message}</span>
      <span class="second">${bot_id}${kind} · <time-ago .at=${started_at ?? created_at}></time-ago></span>
    </a>`
  }

  #jobs(metrics: Metrics | undefined): unknown {
    const text = overviewWords()
    const planned = (metrics?.cron_jobs ?? [])
      .flatMap((job) => (job.enabled && job.next_run_at !== null ? [{ ...job, next_at: Date.parse(job.next_run_at) }] : []))
      .sort((one, other) => one.next_at - other.next_at)
      .slice(0, JOBS_SHOWN)
    if (metrics === undefined) return nothing
    return html`<section class="card" aria-label=${text.next}>
      <header><h2>${text.next}</h2></header>
      ${
        planned.length === 0
          ? html`<empty-state icon="jobs" heading=${text.noJobs}>${text.noJobsHelp}</empty-state>`
          : html`<ul class="rows">
              ${planned.map(
                ({ id, name, next_at, cron_expression, failures }) => html`<li>
                  <a href=${href('jobs', [String(id)])}>
                    <b class="cut">${name}</b><time-ago class="muted" .at=${next_at}></time-ago>
                    <span class="second mono cut">${cron_expression}</span>
                    ${failures === 0 ? nothing : html`<span class="second"><status-chip tone="bad">${text.failing(failures)}</status-chip></span>`}
                  </a>
                </li>`,
              )}
            </ul>`
      }
    </section>`
  }

  #usage(usage: ClaudeUsage | null | undefined): unknown {
    if (usage === null || usage === undefined) return nothing
    const text = overviewWords()
    const now = new Date()
    const pad = (part: number): string => String(part).padStart(2, '0')
    const today = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`
    const models = usage.daily_models.filter(({ date }) => date === today)
    return html`<section class="card" aria-label=${text.usage}>
      <header><h2>${text.usage}</h2><span class="muted small">${text.usageHelp}</span></header>
      ${
        models.length === 0
          ? html`<p class="body muted">${text.noUsage}</p>`
          : html`<div class="scroll-x"><table>
              <thead><tr><th>${text.model}</th><th class="end">${text.tokensIn}</th><th class="end">${text.cached}</th><th class="end">${text.tokensOut}</th></tr></thead>
              <tbody>${models.map(
                ({ model, input_tokens, output_tokens, cache_read_tokens }) => html`<tr>
                  <td>${model}</td>
                  <td class="end number">${compact(input_tokens)}</td>
                  <td class="end number">${compact(cache_read_tokens)}</td>
                  <td class="end number">${compact(output_tokens)}</td>
                </tr>`,
              )}</tbody>
            </table></div>`
      }
    </section>`
  }
}
