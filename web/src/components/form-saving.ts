/** What forms in dialogs share: one saving at a time, what went wrong with it, the buttons below, and the news of their end. */
import { html, type TemplateResult } from 'lit'
import { type Failure, toFailure } from '../connection/failure.ts'
import type { PanelElement } from '../element.ts'
import { common } from '../i18n/phrases.ts'

/** A form's end: what it has made, or null where a person has left it. */
export class DoneEvent<T> extends Event {
  readonly made: T | null

  constructor(made: T | null) {
    super('done')
    this.made = made
  }
}

export class FormSaving {
  readonly #host: PanelElement
  #busy = false
  #failure: Failure | undefined

  constructor(host: PanelElement) {
    this.#host = host
  }

  get busy(): boolean {
    return this.#busy
  }

  /** Why the last try has failed. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** Does what a form was submitted for; not a second time while it is done. After a failure the first faulty field has the focus. */
  async submit(event: Event, deed: () => Promise<void>): Promise<void> {
    event.preventDefault()
    if (this.#busy) return
    this.#busy = true
    this.#failure = undefined
    this.#host.requestUpdate()
    try {
      await deed()
    } catch (error) {
      this.#failure = toFailure(error)
      this.#host.requestUpdate()
      await this.#host.updateComplete
      this.#host.renderRoot.querySelector<HTMLElement>("[aria-invalid='true']")?.focus()
    } finally {
      this.#busy = false
      this.#host.requestUpdate()
    }
  }
}

/** The buttons of a dialog with a form. @param form the id of the form; @param action what its submission does, in a word */
export const formActions = ({
  form,
  action,
  saving,
  cancel,
}: {
  readonly form: string
  readonly action: string
  readonly saving: FormSaving
  readonly cancel: () => void
}): TemplateResult => html`<div slot="actions">
  <button class="plain" type="button" @click=${cancel}>${common().cancel}</button>
  <button class="primary" type="submit" form=${form} ?disabled=${saving.busy}>${saving.busy ? common().saving : action}</button>
</div>`
