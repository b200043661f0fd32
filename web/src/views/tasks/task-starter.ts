/** `<task-starter @done=${…}>`: the form that gives work to the background. `done` is told with the task, or null. */
import { html, nothing } from 'lit'
import { customElement, state } from 'lit/decorators.js'
import { textField } from '../../components/form-field.ts'
import { DoneEvent, FormSaving, formActions } from '../../components/form-saving.ts'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { taskWords } from './words.ts'

@customElement('task-starter')
export class TaskStarter extends PanelElement {
  static override styles = [base, blocks]

  @state() private draft = { bot_id: 'default', chat_id: '', message: '', project_id: '', bot_token: '' }
  @state() private isEmpty = false
  readonly #saving = new FormSaving(this)
  /** A second click, or one after a broken connection, gives the task of the first. */
  readonly #key = crypto.randomUUID()

  override render() {
    const text = taskWords().starter
    const { failure } = this.#saving
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
        ${typed('message', text.message, { rows: 5, autofocus: true })}
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
      ${formActions({ form: 'task-form', action: text.start, saving: this.#saving, cancel: () => this.#finish(null) })}
    </modal-dialog>`
  }

  readonly #start = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const { bot_id, chat_id, message, project_id, bot_token } = this.draft
    this.isEmpty = message.trim() === ''
    if (this.isEmpty) return
    await this.#saving.submit(event, async () => {
      const { task_id } = await this.connection.call('sessions.start_task', {
        ...{ bot_id: bot_id.trim(), chat_id: chat_id.trim(), project_id: project_id.trim(), bot_token: bot_token.trim() },
        ...{ message, idempotency_key: this.#key },
      })
      this.#finish(task_id)
    })
  }

  #finish(task_id: string | null): void {
    this.dispatchEvent(new DoneEvent(task_id))
  }
}
