/** `<schedule-preview .cron=${…} .zone=${…}>`: when a schedule would come due, while it is typed. `checked` tells what is wrong with it. */
import './next-runs.ts'
import { css, html, type PropertyValues } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { type Failure, toFailure } from '../../connection/failure.ts'
import type { Output } from '../../connection/methods.ts'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import { jobWords } from './words.ts'

const REST_MS = 180

/** The fault of the expression or of the zone, or undefined. */
export class CheckedEvent extends Event {
  readonly failure: Failure | undefined

  constructor(failure: Failure | undefined) {
    super('checked')
    this.failure = failure
  }
}

@customElement('schedule-preview')
export class SchedulePreview extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        min-height: 172px;
        padding: 10px 12px;
        border-radius: var(--radius-small);
        background: var(--sunken);
      }
    `,
  ]

  @property() cron = ''
  @property() zone = ''
  @state() private found: Output<'scheduler.preview'> | undefined
  @state() private failure: Failure | undefined
  #timer: number | undefined
  #asked = 0

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    window.clearTimeout(this.#timer)
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('cron') && !changed.has('zone')) return
    window.clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => void this.#look(), this.found === undefined ? 0 : REST_MS)
  }

  override render() {
    const text = jobWords()
    const { found, failure } = this
    return html`<div aria-live="polite">
      ${
        failure !== undefined
          ? html`<p class="muted">${failure.issues.length > 0 ? text.previewHint : failure.message}</p>`
          : found === undefined
            ? html`<p class="muted">${this.cron.trim() === '' ? text.previewHint : text.previewing}</p>`
            : html`<next-runs .zone=${found.zone} .runs=${found.next_runs}></next-runs>`
      }
    </div>`
  }

  async #look(): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    const cron_expression = this.cron.trim()
    const settle = (found: Output<'scheduler.preview'> | undefined, failure: Failure | undefined): void => {
      // What was asked for an older text does not matter any more.
      if (asked !== this.#asked) return
      this.found = found
      this.failure = failure
      this.dispatchEvent(new CheckedEvent(failure))
    }
    if (cron_expression === '') return settle(undefined, undefined)
    try {
      settle(await this.connection.call('scheduler.preview', { cron_expression, timezone: this.zone.trim() || null }), undefined)
    } catch (error) {
      settle(undefined, toFailure(error))
    }
  }
}
