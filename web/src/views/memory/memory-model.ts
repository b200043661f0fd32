/** `<memory-model bot_id=…>`: which model finds by meaning and what waits for it; and whether memories are recalled by themselves. */
import '../../components/progress-bar.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { textField } from '../../components/form-field.ts'
import { type Failure, toFailure } from '../../connection/failure.ts'
import type { Output } from '../../connection/methods.ts'
import { PanelElement } from '../../element.ts'
import { number, relative } from '../../i18n/format.ts'
import { common } from '../../i18n/phrases.ts'
import { Live } from '../../live.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { memoryWords } from './words.ts'

@customElement('memory-model')
export class MemoryModel extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .problem {
        padding: 8px 12px;
        border-radius: var(--radius-small);
        background: var(--warn-soft);
        color: var(--warn);
        overflow-wrap: anywhere;
      }
      form .row {
        align-items: end;
      }
      .field {
        max-width: 240px;
      }
    `,
  ]

  @property() bot_id = 'default'
  /** What is typed as the budget; undefined while nothing is. */
  @state() private budget: string | undefined
  @state() private failure: Failure | undefined

  readonly #status = new Live(this, {
    load: (connection) => connection.call('memory.status', {}),
    topics: ['memory.memory_changed'],
    every_ms: 5_000,
  })
  readonly #recall = new Live(this, {
    args: () => [this.bot_id] as const,
    load: (connection, [bot_id]) => connection.call('memory.recall_settings', { bot_id }),
  })

  override render() {
    const text = memoryWords()
    return html`<div class="grid">
      <section class="card">
        <header><h2>${text.recall.title}</h2></header>
        <div class="body stack">
          <p class="muted">${text.recall.help}</p>
          ${this.#recall.render({ ready: (settings) => this.#settings(settings) })}
        </div>
      </section>
      <section class="card">
        <header><h2>${text.model.title}</h2></header>
        <div class="body stack">${this.#status.render({ ready: (status) => this.#state(status) })}</div>
      </section>
    </div>`
  }

  #settings({ enabled, budget_tokens }: Output<'memory.recall_settings'>): unknown {
    const text = memoryWords().recall
    return html`<form class="form" novalidate @submit=${this.#saveBudget}>
      <label class="check">
        <input type="checkbox" role="switch" .checked=${enabled} @change=${() => this.#save({ enabled: !enabled })} />${text.switch}
      </label>
      <div class="row">
        ${textField({
          id: 'budget',
          label: text.budget,
          type: 'number',
          value: this.budget ?? String(budget_tokens),
          fault: this.failure?.issueOf('budget_tokens'),
          input: (value) => {
            this.budget = value
          },
        })}
        <button class="plain" type="submit" ?disabled=${this.budget === undefined || this.budget === String(budget_tokens)}>${common().save}</button>
      </div>
    </form>`
  }

  #state({ embedding, memories, pending, reembedding }: Output<'memory.status'>): unknown {
    const text = memoryWords().model
    const { leaning, problem } = embedding
    return html`${problem === null ? nothing : html`<p class="problem">${problem}</p>`}
      <dl class="facts">
        <dt>${text.model}</dt>
        <dd>
          ${embedding.model ?? text.undecided}
          <status-chip tone=${embedding.answering ? 'ok' : 'warn'}>${embedding.answering ? text.answering : text.silent}</status-chip>
        </dd>
        <dt>${text.mode}</dt>
        <dd>${embedding.mode}</dd>
        ${embedding.dimensions === null ? nothing : html`<dt>${text.dimensions}</dt><dd>${embedding.dimensions}</dd>`}
        <dt>${text.memories}</dt>
        <dd class="number">${number(memories)}</dd>
        <dt>${text.pending}</dt>
        <dd class="number">${number(pending)}</dd>
      </dl>
      ${leaning === null ? nothing : html`<p>${text.leaning(leaning.model, relative(Date.parse(leaning.changes_at)))}</p>`}
      ${
        reembedding === null
          ? nothing
          : html`<div>
              <p>${text.embedding(number(reembedding.done), number(reembedding.total))}</p>
              <progress-bar label=${text.progress} .value=${reembedding.done} .max=${reembedding.total}></progress-bar>
            </div>`
      }`
  }

  readonly #saveBudget = (event: SubmitEvent): void => {
    event.preventDefault()
    if (this.budget !== undefined) void this.#save({ budget_tokens: Number(this.budget) })
  }

  /** Shown as done at once; it goes back where the service refuses. */
  async #save(change: { enabled?: boolean; budget_tokens?: number }): Promise<void> {
    const before = this.#recall.value
    if (before === undefined) return
    this.failure = undefined
    this.#recall.set({ ...before, ...change })
    try {
      this.#recall.set(await this.connection.call('memory.set_recall', { bot_id: this.bot_id, ...change }))
      this.budget = undefined
      this.notify({ text: memoryWords().recall.saved, tone: 'ok' })
    } catch (error) {
      this.failure = toFailure(error)
      this.#recall.set(before)
      if (this.failure.issues.length === 0) this.notify({ text: this.failure.message, tone: 'bad' })
    }
  }
}
