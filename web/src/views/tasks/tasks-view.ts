/** The background tasks: `#/tasks` all of them, `#/tasks/new`, `#/tasks/<id>` one of them. */
import './task-detail.ts'
import './task-list.ts'
import './task-starter.ts'
import { html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { DoneEvent } from '../../components/form-saving.ts'
import { PanelElement } from '../../element.ts'
import { go, href, type Route } from '../../router.ts'

@customElement('tasks-view')
export class TasksView extends PanelElement {
  @property({ attribute: false }) route: Route | undefined

  override render() {
    const [first] = this.route?.path ?? []
    if (first !== undefined && first !== 'new') return html`<task-detail task_id=${first}></task-detail>`
    return html`<task-list></task-list>
      ${first === 'new' ? html`<task-starter @done=${this.#done}></task-starter>` : nothing}`
  }

  readonly #done = ({ made: task_id }: DoneEvent<string>): void =>
    go(href('tasks', task_id === null ? [] : [task_id]), { replace: true })
}
