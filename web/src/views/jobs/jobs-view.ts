/** The jobs: `#/jobs` all of them, `#/jobs/new`, `#/jobs/7` one with its history, `#/jobs/7/edit`. */
import './job-detail.ts'
import './job-editor.ts'
import './job-list.ts'
import { html, nothing } from 'lit'
import { customElement, property, query } from 'lit/decorators.js'
import type { DoneEvent } from '../../components/form-saving.ts'
import { PanelElement } from '../../element.ts'
import { Live } from '../../live.ts'
import { go, href, type Route } from '../../router.ts'
import type { JobDetail } from './job-detail.ts'
import type { JobList } from './job-list.ts'

@customElement('jobs-view')
export class JobsView extends PanelElement {
  @property({ attribute: false }) route: Route | undefined
  @query('job-list') private readonly list!: JobList | null
  @query('job-detail') private readonly detail!: JobDetail | null

  /** The job that is edited; the form keeps what it was when that began. */
  readonly #edited = new Live(this, {
    args: () => {
      const { id, isEdit } = this.#place()
      return isEdit && id !== undefined ? ([id] as const) : null
    },
    load: (connection, [job_id]) => connection.call('scheduler.get', { job_id }),
  })

  override render() {
    const { id, isNew, isEdit } = this.#place()
    return html`
      ${id === undefined ? html`<job-list .search=${this.route?.query.q ?? ''}></job-list>` : html`<job-detail job_id=${id} run_id=${this.route?.query.run ?? ''}></job-detail>`}
      ${isNew ? html`<job-editor @done=${this.#done}></job-editor>` : nothing}
      ${isEdit && this.#edited.value !== undefined ? html`<job-editor .job=${this.#edited.value} @done=${this.#done}></job-editor>` : nothing}
    `
  }

  #place(): { id: number | undefined; isNew: boolean; isEdit: boolean } {
    const [first = '', second] = this.route?.path ?? []
    const id = /^\d+$/.test(first) ? Number(first) : undefined
    return { id, isNew: first === 'new', isEdit: id !== undefined && second === 'edit' }
  }

  readonly #done = ({ made: job_id }: DoneEvent<number>): void => {
    const { id } = this.#place()
    const shown = job_id ?? id
    go(shown === undefined ? href('jobs') : href('jobs', [String(shown)]), { replace: true })
    this.list?.reload()
    this.detail?.reload()
  }
}
