/** The reports: `#/reports` all of them, `#/reports/new`, `#/reports/<id>` one with its PDF. */
import './report-detail.ts'
import './report-form.ts'
import './report-list.ts'
import { html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { DoneEvent } from '../../components/form-saving.ts'
import { PanelElement } from '../../element.ts'
import { go, href, type Route } from '../../router.ts'

@customElement('reports-view')
export class ReportsView extends PanelElement {
  @property({ attribute: false }) route: Route | undefined

  override render() {
    const [first] = this.route?.path ?? []
    if (first !== undefined && first !== 'new') return html`<report-detail report_id=${first}></report-detail>`
    return html`<report-list></report-list>
      ${first === 'new' ? html`<report-form @done=${this.#done}></report-form>` : nothing}`
  }

  readonly #done = ({ made: report_id }: DoneEvent<string>): void =>
    go(href('reports', report_id === null ? [] : [report_id]), { replace: true })
}
