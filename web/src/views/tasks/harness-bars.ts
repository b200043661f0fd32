/** `<harness-bars .harness=${status}>`: how far a piece of work has come, phase by phase. */
import '../../components/progress-bar.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { HarnessStatus } from '../../../../protocol/tasks.ts'
import { PanelElement } from '../../element.ts'
import { number } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { taskWords } from './words.ts'

type Counts = HarnessStatus['phases'][string]

@customElement('harness-bars')
export class HarnessBars extends PanelElement {
  static override styles = [
    base,
    css`
      ul {
        display: grid;
        gap: 12px;
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        margin-bottom: 4px;
      }
      .line b {
        flex: 1;
        min-width: 120px;
        font-weight: 560;
        overflow-wrap: anywhere;
      }
      .whole b {
        font-weight: 650;
      }
      .blocked {
        color: var(--warn);
      }
    `,
  ]

  @property({ attribute: false }) harness: HarnessStatus | undefined

  override render() {
    const { harness } = this
    if (harness === undefined) return nothing
    const text = taskWords()
    const phases = Object.entries(harness.phases)
    return html`<ul>
      <li class="whole">${this.#bar(phases.length > 1 ? text.allPhases : harness.project_name, harness)}</li>
      ${phases.length > 1 ? phases.map(([name, counts]) => html`<li>${this.#bar(name, counts)}</li>`) : nothing}
    </ul>`
  }

  #bar(name: string, { done, total, in_progress, blocked }: Counts): unknown {
    const text = taskWords()
    const tone = blocked > 0 ? 'warn' : total > 0 && done === total ? 'ok' : 'busy'
    return html`<div class="line">
        <b>${name}</b>
        ${in_progress > 0 ? html`<span class="muted small">${text.inProgress(in_progress)}</span>` : nothing}
        ${blocked > 0 ? html`<span class="blocked small">${text.blocked(blocked)}</span>` : nothing}
        <span class="number small">${text.of(number(done), number(total))}</span>
      </div>
      <progress-bar label=${name} tone=${tone} .value=${done} .max=${total}></progress-bar>`
  }
}
