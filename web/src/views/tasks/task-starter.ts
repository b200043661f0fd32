/** `<task-starter @done=${…}>`: the form that gives work to the background. `done` is told with the task, or null. */
import { css, html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import { textField } from '../../components/form-field.ts'
import { type Failure, toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { common } from '../../i18n/phrases.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { taskWords } from './words.ts'

export class StartedEvent extends Event {
  readonly task_id: string | null

  constructor(task_id: string | null) {
    super('done')
    this.task_id = task_id
  }
}

@customElement('task-starter')
export class TaskStarter extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .two {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 200px), 1fr));
        gap: 14px;
        align-items: start;
      }
    `,
  ]

  @state() private draft = { bot_id: 'default', chat_id: '', message: '', project_id: '', bot_token: '' }
  @state() private failure: Failure | undefined
  @state() private isEmpty = false
  @state() private saving = false
  /** A second click, or one after a broken connection, gives the task of the first. */
  readonly #key = crypto.randomUUID()

  override render() {
    const text = taskWords().starter
    const { failure } = this
    const typed = (
      name: keyof typeof this.draft,
      label: string,
      more: { hint?: string; rows?: number; type?: 'password'; autofocus?: boolean } = {},
    ) =>
      textField({
        id: name,
        label,
        value: this.draft[name],
        fault: name === 'message' && this.isEmpty ? text.needed : failure?.issueOf(name),
        input: (value) => {
          this.draft = { ...this.draft, [name]: value }
        },
        ...more,
      })
    return html`<modal-dialog heading=${text.title} keep-open open @closed=${() => this.#finish(null)}>
      <form class="form" id="task-form" novalidate @submit=${this.#start}>
        ${typed('message', text.message, { rows: 5 })}
        <div class="two">
          ${typed('chat_id', text.chat, { hint: text.chatHint })} ${typed('bot_id', text.bot)}
          ${typed('project_id', text.project, { hint: text.projectHint })}
          ${typed('bot_token', text.token, { hint: text.tokenHint, type: 'password' })}
        </div>
        ${
          failure === undefined
            ? nothing
            : html`<p class="fault" role="alert">${failure.issues.length > 0 ? text.mend : failure.message}</p>`
        }
      </form>
      <div slot="actions">
        <button class="plain" type="button" @click=${() => this.#finish(null)}>${common().cancel}</button>
        <button class="primary" type="submit" form="task-form" ?disabled=${this.saving}>
          ${this.saving ? common().saving : text.start}
        </button>
      </div>
    </modal-dialog>`
  }

  readonly #start = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    this.isEmpty = this.draft.message.trim() === ''
    if (this.saving || this.isEmpty) return
    this.saving = true
    this.failure = undefined
    const { bot_id, chat_id, message, project_id, bot_token } = this.draft
    try {
      const { task_id } = await this.connection.call('sessions.start_task', {
        ...{ bot_id: bot_id.trim(), chat_id: chat_id.trim(), project_id: project_id.trim(), bot_token: bot_token.trim() },
        ...{ message, idempotency_key: this.#key },
      })
      this.#finish(task_id)
    } catch (error) {
      this.failure = toFailure(error)
      await this.updateComplete
      this.renderRoot.querySelector<HTMLElement>("[aria-invalid='true']")?.focus()
    } finally {
      this.saving = false
    }
  }

  #finish(task_id: string | null): void {
    this.dispatchEvent(new StartedEvent(task_id))
  }
}
