/** `<time-ago .at=${moment}>`: how long ago, or how long until; the whole moment on hovering. It keeps up with the clock. */
import { html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { fullMoment, relative } from '../i18n/format.ts'

const MINUTE_MS = 60_000

@customElement('time-ago')
export class TimeAgo extends PanelElement {
  /** Milliseconds since 1970. */
  @property({ attribute: false }) at: number | null | undefined
  #timer: number | undefined

  override createRenderRoot(): this {
    this.style.setProperty('display', 'inline')
    return this
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    window.clearTimeout(this.#timer)
  }

  override render() {
    const { at } = this
    if (at === null || at === undefined || !Number.isFinite(at)) return nothing
    window.clearTimeout(this.#timer)
    const near = Math.abs(at - Date.now()) < MINUTE_MS
    this.#timer = window.setTimeout(() => this.requestUpdate(), near ? 1_000 : 20_000)
    return html`<time datetime=${new Date(at).toISOString()} title=${fullMoment(at)}>${relative(at)}</time>`
  }
}
