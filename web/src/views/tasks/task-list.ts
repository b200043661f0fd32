/** `<task-list>`: background tasks, newest first; those at work say what they are doing. */
import '../../components/progress-bar.ts'
import '../../components/segment-control.ts'
import { css, html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import type { HarnessStatus, TaskSummary } from '../../../../protocol/tasks.ts'
import { listPage } from '../../components/list-page.ts'
import type { SegmentEvent } from '../../components/segment-control.ts'
import type { Caller } from '../../connection/reading.ts'
import { PanelElement } from '../../element.ts'
import { duration, number } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { isOpenTask, isTroubled, TASK_TONE } from './task-state.ts'
import { taskWords } from './words.ts'

const PAGE = 50
const MOST = 500
/** Harnesses are read from disk; only for those that are at work, and not for a crowd. */
const HARNESSES = 8

type Filter = 'all' | 'open' | 'trouble'

interface Found {
  readonly tasks: readonly TaskSummary[]
  readonly harnesses: ReadonlyMap<string, HarnessStatus>
}

const chatOf = ({ bot_id, chat_id }: TaskSummary): string => `${bot_id}/${chat_id}`

const load = async (connection: Caller, limit: number): Promise<Found> => {
  const { tasks } = await connection.call('sessions.list_tasks', { limit }, { timeout_ms: 8_000 })
  const chats = new Map(tasks.filter(({ state }) => isOpenTask(state)).map((task) => [chatOf(task), task]))
  const read = [...chats].slice(0, HARNESSES).map(async ([name, { bot_id, chat_id }]) => {
    // A harness that cannot be read is an ornament less, and no failure of the list.
    const status = await connection.call('sessions.harness_status', { bot_id, chat_id }).catch(() => ({ jobs: [] }))
    return [name, status.jobs.find(({ harness }) => harness !== null)?.harness] as const
  })
  const known = (await Promise.all(read)).filter((one): one is [string, HarnessStatus] => one[1] !== undefined && one[1] !== null)
  return { tasks, harnesses: new Map(known) }
}

@customElement('task-list')
export class TaskList extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      li {
        display: grid;
        grid-template-columns: 108px minmax(0, 1fr) auto;
        align-items: start;
        gap: 2px 14px;
        padding: 11px 16px;
      }
      li:hover {
        background: var(--hover);
      }
      li.failed,
      li.interrupted {
        box-shadow: inset 3px 0 0 var(--bad);
      }
      a.name {
        display: block;
        font-weight: 570;
        color: var(--text);
      }
      .about {
        display: flex;
        flex-wrap: wrap;
        gap: 0 12px;
      }
      .times {
        text-align: end;
        white-space: nowrap;
      }
      .how {
        grid-column: 2 / -1;
        min-width: 0;
      }
      .how progress-bar {
        max-width: 420px;
        margin-top: 4px;
      }
      .bad {
        color: var(--bad);
        overflow-wrap: anywhere;
      }
      .foot {
        display: flex;
        justify-content: center;
        padding: 10px;
        border-top: 1px solid var(--line);
      }
      @media (max-width: 640px) {
        li {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .main,
        .how {
          grid-column: 1 / -1;
        }
        .times {
          grid-row: 1;
          grid-column: 2;
        }
      }
    `,
  ]

  @state() private filter: Filter = 'all'
  @state() private limit = PAGE

  readonly #found = new Live(this, {
    load: (connection) => load(connection, this.limit),
    topics: ['sessions.task_changed'],
    every_ms: 5_000,
  })

  reload(): void {
    this.#found.reload()
  }

  override render() {
    const text = taskWords()
    return listPage({
      ...{ view: 'tasks', text, live: this.#found },
      isEmpty: ({ tasks }) => tasks.length === 0,
      list: (found) => this.#list(found),
    })
  }

  #list({ tasks, harnesses }: Found): unknown {
    const text = taskWords()
    const fits = { all: () => true, open: isOpenTask, trouble: isTroubled }[this.filter]
    const shown = tasks.filter(({ state }) => fits(state))
    return html`<div class="tools">
        <segment-control
          .label=${text.filter}
          .options=${(['all', 'open', 'trouble'] as const).map((value) => ({ value, title: text[value] }))}
          .value=${this.filter}
          @change=${(event: SegmentEvent) => {
            this.filter = event.value as Filter
          }}
        ></segment-control>
      </div>
      ${
        shown.length === 0
          ? html`<empty-state icon="tasks" heading=${text.noMatch}>${text.noMatchHelp}</empty-state>`
          : html`<ul class="rows">
              ${shown.map((task) => this.#row(task, harnesses.get(chatOf(task))))}
            </ul>`
      }
      ${tasks.length < this.limit || this.limit >= MOST ? nothing : html`<div class="foot"><button class="plain" @click=${this.#more}>${text.older}</button></div>`}`
  }

  #row(task: TaskSummary, harness: HarnessStatus | undefined): unknown {
    const text = taskWords()
    const isOpen = isOpenTask(task.state)
    return html`<li class=${task.state}>
      <status-chip tone=${TASK_TONE[task.state]}>${text.state[task.state]}</status-chip>
      <div class="main">
        <a class="name cut" href=${href('tasks', [task.task_id])}>${task.message.split('\n', 1)[0] || '…'}</a>
        <div class="about muted small">
          <span>${task.bot_id} / ${task.chat_id}</span><span>${task.project_id}</span>
          ${task.depth > 0 ? html`<span>${text.batch(task.depth + 1)}</span>` : nothing}
        </div>
      </div>
      <div class="times muted small number">
        ${task.started_at === null ? nothing : html`${duration(task.elapsed_ms)}<br />`}
        <time-ago .at=${task.ended_at ?? task.due_at ?? task.started_at ?? task.created_at}></time-ago>
      </div>
      <div class="how small">
        ${isOpen && task.progress !== null ? html`<p class="cut muted">${[task.progress.last_tool, task.progress.last_line].filter(Boolean).join(' · ')}</p>` : nothing}
        ${
          isOpen && harness !== undefined
            ? html`<div class="muted">${harness.project_name} · ${text.of(number(harness.done), number(harness.total))}</div>
                <progress-bar label=${harness.project_name} .value=${harness.done} .max=${harness.total}></progress-bar>`
            : nothing
        }
        ${task.reason === null ? nothing : html`<p class="bad">${task.reason}</p>`}
      </div>
    </li>`
  }

  readonly #more = (): void => {
    this.limit = Math.min(MOST, this.limit + 3 * PAGE)
    this.#found.reload()
  }
}
