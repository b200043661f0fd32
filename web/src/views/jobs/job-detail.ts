/** `<job-detail job_id="7">`: one job with its coming runs, its rules, its history, and the run that was just begun by hand. */
import './next-runs.ts'
import './run-history.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import type { Job } from '../../../../protocol/scheduler.ts'
import { detailViews } from '../../components/detail-views.ts'
import { icon } from '../../components/icon.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { dateTime, dollars, duration } from '../../i18n/format.ts'
import { common } from '../../i18n/phrases.ts'
import { Live } from '../../live.ts'
import { go, href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import type { RunHistory } from './run-history.ts'
import { jobWords } from './words.ts'

@customElement('job-detail')
export class JobDetail extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .page > header h1 {
        min-width: min(100% - 60px, 260px);
        overflow-wrap: anywhere;
      }
      .problem {
        display: flex;
        gap: 8px;
        padding: 10px 14px;
        border-radius: var(--radius);
        background: var(--bad-soft);
        color: var(--bad);
        overflow-wrap: anywhere;
      }
    `,
  ]

  @property({ type: Number }) job_id = 0
  /** The run that was begun by hand; part of the link, so that it is still there after a reload. */
  @property() run_id = ''
  @state() private starting = false
  @query('run-history') private readonly historyList!: RunHistory | null

  readonly #job = new Live(this, {
    args: () => [this.job_id] as const,
    load: (connection, [job_id]) =>
      connection.call('scheduler.get', { job_id }).catch((error: unknown) => {
        if (toFailure(error).code === 'not_found') return null
        throw error
      }),
    topics: ['scheduler.run_ended', 'scheduler.job_disabled'],
    concerns: (_, payload) => 'job_id' in payload && payload.job_id === this.job_id,
    every_ms: 30_000,
  })

  /** Looks again, for a change that was made elsewhere on the page. */
  reload(): void {
    this.#job.reload()
  }

  get job(): Job | undefined {
    return this.#job.value ?? undefined
  }

  override render() {
    const text = jobWords()
    return html`<div class="page">
      ${this.#job.render(detailViews('jobs', text, (job) => this.#page(job)))}
    </div>`
  }

  #page(job: Job): unknown {
    const text = jobWords()
    const isEnabled = job.enabled === 1
    return html`<header>
        <a class="button" href=${href('jobs')} aria-label=${text.back} title=${text.back}>${icon('back', 16)}</a>
        <h1>${job.name}</h1>
        ${isEnabled ? nothing : html`<status-chip>${text.disabled}</status-chip>`}
        <button class="primary" ?disabled=${this.starting} @click=${() => this.#run(job)}>${icon('play', 16)}${text.run}</button>
        <button class="plain" @click=${() => this.#enable(job)}>${icon(isEnabled ? 'pause' : 'check', 16)}${isEnabled ? text.disable : text.enable}</button>
        <a class="button" href=${href('jobs', [String(job.id), 'edit'])}>${icon('edit', 16)}${text.edit}</a>
        <button class="danger" @click=${() => this.#delete(job)}>${icon('trash', 16)}${text.delete}</button>
      </header>
      ${job.problem === null ? nothing : html`<p class="problem" role="status">${icon('warning')}<span>${job.problem}</span></p>`}
      ${
        this.run_id === ''
          ? nothing
          : html`<section class="card" aria-label=${text.now}>
              <header>
                <h2>${text.now}</h2>
                <button class="quiet" @click=${this.#putAway}>${text.close}</button>
              </header>
              <div class="body">
                <run-output
                  run_id=${this.run_id}
                  job_type=${job.job_type}
                  chat_id=${job.job_type === 'claude' ? (job.chat_id ?? `cron-${job.id}`) : ''}
                  @ended=${() => this.historyList?.reload()}
                ></run-output>
              </div>
            </section>`
      }
      <div class="grid">
        <section class="card">
          <header><h2>${job.job_type === 'shell' ? text.command : text.prompt}</h2></header>
          <div class="body stack">
            <pre class="output" tabindex="0" aria-label=${text.command}>${job.command}</pre>
            ${this.#facts(job)}
          </div>
        </section>
        <section class="card">
          <header>
            <h2>${text.times}</h2>
            <code>${job.cron_expression}</code>
          </header>
          <div class="body"><next-runs .zone=${job.zone} .runs=${job.next_runs}></next-runs></div>
        </section>
      </div>
      <run-history .job=${job}></run-history>`
  }

  #facts(job: Job): unknown {
    const text = jobWords()
    const { facts } = text
    const isShell = job.job_type === 'shell'
    const spend = job.spend_limit_usd
    const rows: [string, unknown][] = [
      [facts.misfire, text.misfire[job.misfire]],
      [facts.overlap, text.overlap[job.overlap]],
      [facts.timeout, duration(job.timeout_s * 1_000)],
      [facts.retries, job.retries],
      [facts.disableAfter, job.disable_after === 0 ? text.off : text.inARow(job.disable_after)],
      ...(job.jitter_s === 0 ? [] : [[facts.jitter, duration(job.jitter_s * 1_000)] as [string, unknown]]),
      isShell ? [facts.cwd, job.cwd ?? text.home] : [facts.spend, spend === null ? text.unlimited : dollars(spend)],
      ...(isShell
        ? []
        : [
            [
              facts.chat,
              html`<a href=${href('chats', [job.bot_id, job.chat_id ?? `cron-${job.id}`])}>${job.chat_id ?? `cron-${job.id}`}</a>`,
            ] as [string, unknown],
          ]),
      [facts.delivery, [text.delivery[job.delivery.kind], job.delivery.chat_id ?? job.delivery.url ?? ''].join(' ')],
      [facts.bot, job.bot_id],
      [facts.created, dateTime(Date.parse(job.created_at))],
    ]
    return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
  }

  async #run(job: Job): Promise<void> {
    this.starting = true
    try {
      const { run_id } = await this.connection.call('scheduler.run', { job_id: job.id, wait_ms: 0 })
      go(href('jobs', [String(job.id)], { run: run_id }), { replace: true })
      this.historyList?.reload()
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    } finally {
      this.starting = false
    }
  }

  readonly #putAway = (): void => go(href('jobs', [String(this.job_id)]), { replace: true })

  async #enable(job: Job): Promise<void> {
    const enabled = job.enabled === 0
    this.#job.set({ ...job, enabled: enabled ? 1 : 0 })
    try {
      this.#job.set(await this.connection.call('scheduler.update', { job_id: job.id, enabled }))
    } catch (error) {
      this.#job.set(job)
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }

  async #delete(job: Job): Promise<void> {
    const text = jobWords()
    const isSure = await this.confirm({
      title: text.deleteTitle(job.name),
      text: text.deleteText,
      action: common().delete,
      danger: true,
    })
    if (!isSure) return
    try {
      await this.connection.call('scheduler.delete', { job_id: job.id })
      this.notify({ text: text.deleted(job.name), tone: 'ok' })
      go(href('jobs'))
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }
}
