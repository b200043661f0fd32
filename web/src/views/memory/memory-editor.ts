/** `<memory-editor bot_id=… .memory_id=${12} .categories=${[…]} @done=${…}>`: the form of a new memory, or of one that is there. */
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { textField } from '../../components/form-field.ts'
import { FormSaving, formActions } from '../../components/form-saving.ts'

import { PanelElement } from '../../element.ts'
import { Live } from '../../live.ts'
import { go, href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { memoryWords } from './words.ts'

interface Draft {
  readonly key: string
  readonly content: string
  readonly category: string
}

const EMPTY: Draft = { key: '', content: '', category: 'general' }

@customElement('memory-editor')
export class MemoryEditor extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      modal-dialog {
        --dialog-width: 680px;
      }
    `,
  ]

  @property() bot_id = 'default'
  /** The memory that is changed; absent: a new one. */
  @property({ attribute: false }) memory_id: number | undefined
  /** Categories that are in use, to be chosen from. */
  @property({ attribute: false }) categories: readonly string[] = []
  /** What was written; undefined while nothing was. */
  @state() private draft: Draft | undefined
  @state() private open = true
  readonly #saving = new FormSaving(this)

  readonly #memory = new Live(this, {
    args: () => (this.memory_id === undefined ? null : ([this.memory_id] as const)),
    load: (connection, [memory_id]) => connection.call('memory.get', { memory_id }),
  })

  override render() {
    const text = memoryWords().form
    const isNew = this.memory_id === undefined
    const heading = isNew ? text.new : text.edit(this.#memory.value?.key ?? '…')
    return html`<modal-dialog heading=${heading} keep-open ?open=${this.open} @closed=${this.#onClosed}>
      ${isNew ? this.#form(true) : this.#memory.render({ ready: () => this.#form(false) })}
      ${formActions({ form: 'memory-form', action: isNew ? text.create : text.save, saving: this.#saving, cancel: () => void this.#leave() })}
    </modal-dialog>`
  }

  #form(isNew: boolean): unknown {
    const text = memoryWords().form
    const draft = this.#draft()
    const { failure } = this.#saving
    const fault = (name: string): string | undefined =>
      name === 'key' && failure?.code === 'conflict' ? text.taken : failure?.issueOf(name)
    const isElsewhere = failure !== undefined && failure.code !== 'conflict' && failure.issues.length === 0
    return html`<form class="form" id="memory-form" novalidate @submit=${this.#save}>
      ${
        isNew
          ? textField({
              id: 'key',
              label: text.key,
              hint: text.keyHint,
              value: draft.key,
              max: 500,
              required: true,
              autofocus: true,
              fault: fault('key'),
              input: (key) => this.#set({ key }),
            })
          : nothing
      }
      ${textField({
        id: 'content',
        label: text.content,
        value: draft.content,
        rows: 9,
        max: 1_000_000,
        fault: fault('content'),
        input: (content) => this.#set({ content }),
      })}
      ${textField({
        id: 'category',
        label: text.category,
        value: draft.category,
        max: 100,
        list: 'categories',
        fault: fault('category'),
        input: (category) => this.#set({ category }),
      })}
      <datalist id="categories">${this.categories.map((name) => html`<option value=${name}></option>`)}</datalist>
      ${isElsewhere ? html`<p class="fault" role="alert">${failure.message}</p>` : nothing}
    </form>`
  }

  #before(): Draft {
    return this.memory_id === undefined ? EMPTY : (this.#memory.value ?? EMPTY)
  }

  #draft(): Draft {
    return this.draft ?? this.#before()
  }

  #set(change: Partial<Draft>): void {
    this.draft = { ...this.#draft(), ...change }
  }

  readonly #save = (event: SubmitEvent): Promise<void> =>
    this.#saving.submit(event, async () => {
      await (this.memory_id === undefined ? this.#create() : this.#update(this.memory_id))
      this.#finish()
    })

  async #create(): Promise<void> {
    const text = memoryWords().form
    const { key, content, category } = this.#draft()
    const { bot_id } = this
    const { similar } = await this.connection.call('memory.create', {
      ...{ key: key.trim(), content, bot_id },
      ...(category.trim() === '' ? {} : { category: category.trim() }),
    })
    const [nearest] = similar
    if (nearest === undefined) return this.notify({ text: text.created(key.trim()), tone: 'ok' })
    this.notify({
      text: `${text.created(key.trim())}. ${text.similar(similar.map((one) => one.key).join(', '))}`,
      action: { title: text.show, run: () => go(href('memory', [String(nearest.id)], { bot: bot_id })) },
    })
  }

  /** Only what was changed, so that what somebody else changes meanwhile stays. */
  async #update(memory_id: number): Promise<void> {
    const [draft, before] = [this.#draft(), this.#before()]
    await this.connection.call('memory.update', {
      memory_id,
      ...(draft.content === before.content ? {} : { content: draft.content }),
      ...(draft.category === before.category ? {} : { category: draft.category.trim() }),
    })
    this.notify({ text: memoryWords().form.saved, tone: 'ok' })
  }

  readonly #onClosed = (): void => {
    this.open = false
    void this.#leave()
  }

  async #leave(): Promise<void> {
    const text = memoryWords().form
    const [draft, before] = [this.#draft(), this.#before()]
    const isSame = draft.key === before.key && draft.content === before.content && draft.category === before.category
    const isOver =
      isSame || (await this.confirm({ title: text.discardTitle, text: text.discardText, action: text.discard, danger: true }))
    if (isOver) this.#finish()
    else this.open = true
  }

  #finish(): void {
    this.open = false
    this.dispatchEvent(new Event('done'))
  }
}
