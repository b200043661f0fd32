/** `<task-detail task_id=…>`: one background task: what it does and did, how far its harness is, and what was sent of it. */
import './delivery-evidence.ts'
import './harness-bars.ts'
import '../../approvals/turn-approvals.ts'
import '../chats/turn-parts.ts'
import { css, html, nothing, type PropertyValues } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import type { HarnessStatus, Task } from '../../../../protocol/tasks.ts'
import { detailViews } from '../../components/detail-views.ts'
import { icon } from '../../components/icon.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { compact, dollars, duration, fullMoment } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { fold, type LiveTurn, newTurn } from '../chats/live-turn.ts'
import { isOpenTask, TASK_TONE } from './task-state.ts'
import { taskWords } from './words.ts'

@customElement('task-detail')
export class TaskDetail extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .page > header h1 {
        min-width: min(100% - 60px, 260px);
      }
      .message {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        max-height: 260px;
        overflow: auto;
      }
      .reason {
        padding: 8px 12px;
        border-radius: var(--radius-small);
        background: var(--bad-soft);
        color: var(--bad);
        overflow-wrap: anywhere;
      }
    `,
  ]

  @property() task_id = ''
  @state() private turn: LiveTurn | undefined
  #unfollow: (() => void) | undefined

  readonly #task = new Live(this, {
    args: () => [this.task_id] as const,
    load: async (connection, [task_id]) => {
      const task = await connection.call('sessions.task', { task_id }).catch((error: unknown) => {
        if (['not_found', 'invalid_input'].includes(toFailure(error).code)) return null
        throw error
      })
      if (task === null) return null
      const { bot_id, chat_id, project_id } = task
      // Without its harness a task is still worth showing.
      const { jobs } = await connection.call('sessions.harness_status', { bot_id, chat_id }).catch(() => ({ jobs: [] }))
      return { task, harness: jobs.find((job) => job.project_id === project_id)?.harness ?? undefined }
    },
    topics: ['sessions.task_changed'],
    concerns: (_, payload) => 'task_id' in payload && payload.task_id === this.task_id,
    every_ms: 3_000,
  })

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#leave()
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('task_id')) this.#leave()
    const task = this.#task.value?.task
    if (task !== undefined && task.state !== 'queued' && this.#unfollow === undefined) this.#follow(task)
  }

  override render() {
    const text = taskWords()
    return html`<div class="page">
      ${this.#task.render(detailViews('tasks', text, (found) => this.#page(found)))}
    </div>`
  }

  #page({ task, harness }: { task: Task; harness: HarnessStatus | undefined }): unknown {
    const text = taskWords()
    return html`<header>
        <a class="button" href=${href('tasks')} aria-label=${text.back} title=${text.back}>${icon('back', 16)}</a>
        <h1 class="cut">${task.message.split('\n', 1)[0]}</h1>
        <status-chip tone=${TASK_TONE[task.state]}>${text.state[task.state]}</status-chip>
        <a class="button" href=${href('chats', [task.bot_id, task.chat_id])}>${icon('chats', 16)}${text.toChat}</a>
        ${isOpenTask(task.state) ? html`<button class="danger" @click=${() => this.#cancel(task)}>${icon('stop', 16)}${text.cancel}</button>` : nothing}
      </header>
      <turn-approvals .turn=${task.task_id}></turn-approvals>
      ${task.reason === null ? nothing : html`<p class="reason" role="status">${task.reason}</p>`}
      <div class="grid">
        <section class="card">
          <header><h2>${text.message}</h2></header>
          <div class="body stack">
            <div class="message" tabindex="0" role="group" aria-label=${text.message}>${task.message}</div>
            ${this.#facts(task)}
          </div>
        </section>
        <div class="stack">
          ${
            harness === undefined
              ? nothing
              : html`<section class="card" aria-label=${text.harness}>
                  <header>
                    <h2>${harness.project_name || text.harness}</h2>
                    ${harness.current_phase === '' ? nothing : html`<span class="muted small">${text.phase}: ${harness.current_phase}</span>`}
                  </header>
                  <div class="body"><harness-bars .harness=${harness}></harness-bars></div>
                </section>`
          }
          <section class="card" aria-label=${text.delivery}>
            <header><h2>${text.delivery}</h2></header>
            <div class="body"><delivery-evidence .deliveries=${task.deliveries} ?awaited=${task.ended_at === null}></delivery-evidence></div>
          </section>
        </div>
      </div>
      ${this.#work(task)}`
  }

  #work(task: Task): unknown {
    const text = taskWords()
    const parts = this.turn?.parts ?? []
    const isOpen = task.ended_at === null
    const { progress } = task
    return html`<section class="card" aria-label=${isOpen ? text.progress : text.result}>
      <header>
        <h2>${isOpen ? text.progress : text.result}</h2>
        ${progress?.last_tool ? html`<span class="muted small">${text.lastTool}: ${progress.last_tool}</span>` : nothing}
        ${
          progress === null
            ? nothing
            : html`<span class="muted small number">${text.tokens(compact(progress.output_tokens))}</span>
                ${progress.last_output_at === null ? nothing : html`<span class="muted small">${text.lastOutput} <time-ago .at=${progress.last_output_at}></time-ago></span>`}`
        }
      </header>
      <div class="body">
        ${
          parts.length > 0
            ? html`<turn-parts .parts=${parts}></turn-parts>`
            : task.result === null || task.result === ''
              ? html`<p class="muted">${text.noOutput}</p>`
              : html`<markdown-text .text=${task.result}></markdown-text>`
        }
      </div>
    </section>`
  }

  #facts(task: Task): unknown {
    const text = taskWords()
    const { facts } = text
    const rows: [string, unknown][] = [
      [facts.chat, `${task.bot_id} / ${task.chat_id}`],
      [facts.project, task.project_id],
      [facts.created, fullMoment(task.created_at)],
    ]
    const add = (name: string, value: unknown): void => {
      if (value !== null && value !== '') rows.push([name, value])
    }
    add(facts.due, task.due_at !== null && task.started_at === null ? fullMoment(task.due_at) : null)
    add(facts.started, task.started_at === null ? null : fullMoment(task.started_at))
    add(facts.ended, task.ended_at === null ? null : fullMoment(task.ended_at))
    add(facts.took, task.started_at === null ? null : duration(task.elapsed_ms))
    if (task.output_tokens !== null) add(facts.tokens, `${compact(task.input_tokens ?? 0)} / ${compact(task.output_tokens)}`)
    add(facts.cost, task.cost_usd === null ? null : dollars(task.cost_usd))
    if (task.chain_id !== task.task_id)
      add(facts.chain, html`${text.batch(task.depth + 1)}, <a href=${href('tasks', [task.chain_id])}>${text.firstOfChain}</a>`)
    add(facts.outcome, task.outcome)
    add(facts.note, task.note)
    return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
  }

  /** What happens in it comes as it happens; of one that has ended, for as long as its events are kept. */
  #follow({ task_id }: Task): void {
    this.turn = newTurn(task_id, 'running', 0)
    this.#unfollow = this.connection.follow(task_id, null, {
      onEvent: (event) => {
        if (this.turn !== undefined) this.turn = fold(this.turn, event)
      },
      onEnd: () => undefined,
    })
  }

  #leave(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.turn = undefined
  }

  async #cancel({ task_id }: Task): Promise<void> {
    const text = taskWords()
    const isSure = await this.confirm({ title: text.cancelTitle, text: text.cancelText, action: text.cancel, danger: true })
    if (!isSure) return
    try {
      const { cancelled } = await this.connection.call('sessions.cancel_task', { task_id })
      this.notify({ text: cancelled ? text.cancelled : text.endedBefore, tone: cancelled ? 'ok' : 'plain' })
      this.#task.reload()
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }
}
