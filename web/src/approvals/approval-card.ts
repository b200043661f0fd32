/**
 * `<approval-card .approval=${…}>`: what an agent asks permission for, all of it as it would be done, and the ways to answer. Tells `decided`
 * when it was, or when somebody else was quicker.
 */
import './question-form.ts'
import './revealed-text.ts'
import { css, html, nothing, type PropertyValues } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import type { Approval } from '../../../protocol/approvals.ts'
import { icon } from '../components/icon.ts'
import { type Failure, toFailure } from '../connection/failure.ts'
import { PanelElement } from '../element.ts'
import { href } from '../router.ts'
import { base } from '../style/base.ts'
import { blocks } from '../style/blocks.ts'
import { revealed } from '../text/revealed.ts'
import type { AnswersEvent } from './question-form.ts'
import { isQuestion } from './waiting.ts'
import { approvalWords } from './words.ts'

const NOTE_CHARS = 4_000

interface Field {
  readonly name: string
  readonly value: string
}

/** The input's fields as they were given; undefined where it came cut and cannot be read. */
const fieldsOf = (input: string): readonly Field[] | undefined => {
  let fields: unknown
  try {
    fields = JSON.parse(input)
  } catch {
    // Long inputs come cut, and are no JSON then: shown as they are.
    return undefined
  }
  if (typeof fields !== 'object' || fields === null) return [{ name: '', value: input }]
  return Object.entries(fields).map(([name, value]) => ({
    name,
    value: typeof value === 'string' ? value : JSON.stringify(value, null, 2),
  }))
}

@customElement('approval-card')
export class ApprovalCard extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      :host {
        max-width: 780px;
        margin: 0 auto;
        padding: 8px 16px;
      }
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 10px;
        padding: 14px 16px;
        border: 1px solid var(--warn);
        border-radius: var(--radius);
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      .title {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 8px;
        overflow-wrap: anywhere;
      }
      .title svg {
        flex: none;
        color: var(--warn);
      }
      .field {
        gap: 3px;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      .fault {
        color: var(--bad);
      }
      .said {
        overflow-wrap: anywhere;
      }
      mark.unseen {
        padding: 0 4px;
        border-radius: 4px;
        background: var(--bad-soft);
        color: var(--bad);
      }
      ul.rules {
        font-family: var(--mono);
        font-size: 12.5px;
        overflow-wrap: anywhere;
      }
      @media (max-width: 640px) {
        .buttons > button {
          flex: 1 1 auto;
          min-height: 42px;
        }
      }
    `,
  ]

  @property({ attribute: false }) approval: Approval | undefined
  /** Whether it is asked for a background task, which is shown elsewhere. */
  @property({ type: Boolean }) task = false
  @state() private deciding = false
  @state() private failure: Failure | undefined
  @state() private note = ''
  @state() private answers: Readonly<Record<string, string>> | undefined

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('approval') as Approval | undefined
    if (before === undefined || before.approval_id === this.approval?.approval_id) return
    this.deciding = false
    this.failure = undefined
    this.note = ''
    this.answers = undefined
  }

  override render() {
    const { approval } = this
    if (approval === undefined) return nothing
    const text = approvalWords()
    const { title, tool_name, description, questions, expires_at, turn_id } = approval
    const isAsking = isQuestion(approval)
    const asks = isAsking ? text.wants : `${text.asks}: ${title}`
    return html`<section aria-label=${asks}>
      <div class="title">
        ${icon('key', 20)}<h2>${isAsking ? text.wants : text.asks}</h2>
        ${isAsking ? nothing : html`<b>${revealed(title)}</b>${title === tool_name ? nothing : html`<code>${revealed(tool_name)}</code>`}`}
      </div>
      ${
        isAsking || description === null || description === ''
          ? nothing
          : html`<p class="said"><span class="muted">${text.inWords}</span> ${revealed(description)}</p>`
      }
      ${
        !isAsking
          ? this.#permission(approval)
          : html`<question-form
              .questions=${questions}
              @answers=${(event: AnswersEvent) => (this.answers = event.answers)}
            ></question-form>`
      }
      ${this.#note(isAsking)} ${this.#buttons(approval)}
      <p class="muted small">
        ${text.until} <time-ago .at=${expires_at}></time-ago>
        ${this.task ? html`· <a href=${href('tasks', [turn_id ?? ''])}>${text.ofTask}</a>` : nothing}
      </p>
    </section>`
  }

  #permission({ input, remembers }: Approval): unknown {
    const text = approvalWords()
    const fields = fieldsOf(input)
    return html`${
      fields === undefined
        ? html`<p class="fault">${text.cut}</p><revealed-text .text=${input}></revealed-text>`
        : fields.map(
            ({ name, value }) => html`<div class="field">
              <span class="muted small">${name === '' ? text.input : revealed(name)}</span><revealed-text .text=${value}></revealed-text>
            </div>`,
          )
    }${
      remembers.length === 0
        ? nothing
        : html`<div class="small">
            <p class="muted">${text.remembers}</p>
            <ul class="rules">${remembers.map((rule) => html`<li>${revealed(rule)}</li>`)}</ul>
          </div>`
    }`
  }

  #note(isAsking: boolean): unknown {
    const text = approvalWords()
    const label = isAsking ? text.declineNote : text.note
    return html`<input
      type="text"
      maxlength=${NOTE_CHARS}
      aria-label=${label}
      placeholder=${label}
      .value=${this.note}
      ?disabled=${this.deciding}
      @input=${(event: Event) => (this.note = (event.target as HTMLInputElement).value)}
    />`
  }

  #buttons(approval: Approval): unknown {
    const text = approvalWords()
    const { approval_id, remembers } = approval
    const isAsking = isQuestion(approval)
    const isLacking = isAsking && this.answers === undefined
    return html`<div class="buttons">
        <button class="primary" ?disabled=${this.deciding || isLacking} @click=${() => this.#decide(approval_id, 'allow', false)}>
          ${isAsking ? text.answer : text.allow}
        </button>
        ${
          remembers.length === 0 || isAsking
            ? nothing
            : html`<button class="plain" ?disabled=${this.deciding} @click=${() => this.#decide(approval_id, 'allow', true)}>
                ${text.remember}
              </button>`
        }
        <button class="danger" ?disabled=${this.deciding} @click=${() => this.#decide(approval_id, 'deny', false)}>
          ${isAsking ? text.decline : text.deny}
        </button>
      </div>
      ${this.deciding ? html`<p class="muted small" role="status">${text.deciding}</p>` : nothing}
      ${
        this.failure === undefined ? nothing : html`<p class="fault" role="alert">${text.notDecided}: ${this.failure.message}</p>`
      }`
  }

  async #decide(approval_id: string, decision: 'allow' | 'deny', remember: boolean): Promise<void> {
    const [message, { answers }] = [this.note.trim(), this]
    this.deciding = true
    this.failure = undefined
    try {
      await this.connection.call('sessions.decide', {
        ...{ approval_id, decision, remember },
        ...(decision === 'deny' && message !== '' ? { message } : {}),
        ...(decision === 'allow' && answers !== undefined ? { answers } : {}),
      })
    } catch (error) {
      if (this.approval?.approval_id !== approval_id) return
      this.failure = toFailure(error)
      this.deciding = false
      // The card goes, since there is nothing to decide any more.
      if (this.failure.code === 'conflict') this.notify({ text: this.failure.message })
    }
    this.dispatchEvent(new Event('decided', { bubbles: true, composed: true }))
  }
}
