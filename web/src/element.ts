/** What every component of the panel is: it speaks the language in use, reaches the connection, and may ask the person something. */
import { ContextConsumer } from '@lit/context'
import { type CSSResultGroup, LitElement } from 'lit'
import type { Connection } from './connection/connection.ts'
import { connectionContext } from './connection/context.ts'
import { onLanguage } from './i18n/language.ts'
import { askToConfirm, type Confirmation, type Notice, tellNotice } from './notices.ts'
import { base } from './style/base.ts'

export abstract class PanelElement extends LitElement {
  static override styles: CSSResultGroup = [base]

  readonly #connection = new ContextConsumer(this, { context: connectionContext })
  #stopListening: (() => void) | undefined

  /** There from the moment on at which the element stands in the page. */
  get connection(): Connection {
    const { value } = this.#connection
    if (value === undefined) throw new Error(`<${this.localName}> stands outside of the app`)
    return value
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stopListening = onLanguage(() => this.requestUpdate())
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stopListening?.()
  }

  /** Says something in passing. */
  protected notify(notice: Notice): void {
    tellNotice(this, notice)
  }

  /** Asks before something that cannot be undone. */
  protected confirm(confirmation: Confirmation): Promise<boolean> {
    return askToConfirm(this, confirmation)
  }
}
