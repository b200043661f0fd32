/** `<memory-audit bot_id=…>`: what is worth tidying up, looked for piece by piece, with both sides of what says the same. */
import './memory-item.ts'
import { css, html, nothing, type PropertyValues } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { icon } from '../../components/icon.ts'
import { type Failure, toFailure } from '../../connection/failure.ts'
import type { Output } from '../../connection/methods.ts'
import { PanelElement } from '../../element.ts'
import { number, percent } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import './memory-group.ts'
import { alikeness } from './memory-item.ts'
import { memoryWords } from './words.ts'

type Page = Output<'memory.audit'>
/** What was found so far. */
type Findings = Omit<Page, 'next_after_id'>

const PIECE = 500
const PIECE_TIMEOUT_MS = 30_000
/** Of each kind; whoever has tidied these up looks again. */
const SHOWN = 200

const NOTHING: Findings = { checked: 0, exact: [], near: [], never_used: [], oversized: [], without_vector: 0 }

const joined = (a: Findings, b: Findings): Findings => {
  // The same pair is found from both of its ends, and the same group from each piece that touches it.
  const groups = new Map(
    [...a.exact, ...b.exact].map((group) => [
      group
        .map(({ id }) => id)
        .sort((x, y) => x - y)
        .join(),
      group,
    ]),
  )
  const pairs = new Map([...a.near, ...b.near].map((pair) => [[pair.a.id, pair.b.id].sort((x, y) => x - y).join(), pair]))
  return {
    checked: a.checked + b.checked,
    exact: [...groups.values()],
    near: [...pairs.values()].sort((x, y) => x.b.distance - y.b.distance),
    never_used: [...a.never_used, ...b.never_used],
    oversized: [...a.oversized, ...b.oversized],
    without_vector: a.without_vector + b.without_vector,
  }
}

@customElement('memory-audit')
export class MemoryAudit extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      summary {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
        padding: 9px 16px;
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary > svg {
        color: var(--muted);
        transition: rotate 120ms;
      }
      details[open] > summary > svg {
        rotate: 90deg;
      }
      summary:hover {
        background: var(--hover);
      }
      summary b {
        font-weight: 560;
        overflow-wrap: anywhere;
      }
    `,
  ]

  @property() bot_id = 'default'
  @state() private found: Findings | undefined
  @state() private running = false
  @state() private failure: Failure | undefined
  @state() private opened: ReadonlySet<string> = new Set()
  #controller: AbortController | undefined

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#controller?.abort()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('bot_id')) return
    this.#controller?.abort()
    this.found = undefined
    this.running = false
  }

  override render() {
    const text = memoryWords().audit
    const { found } = this
    return html`<div class="stack">
      <section class="card">
        <div class="body row wrap">
          <p class="grow muted">${text.help}</p>
          <span class="muted small number" role="status">
            ${found === undefined ? nothing : this.running ? text.running(number(found.checked)) : text.checked(number(found.checked))}
          </span>
          <button class="primary" ?disabled=${this.running} @click=${this.#look}>
            ${icon('search', 16)}${found === undefined ? text.start : text.again}
          </button>
        </div>
      </section>
      ${this.failure === undefined ? nothing : html`<section class="card"><failed-state .failure=${this.failure} .retry=${this.#look}></failed-state></section>`}
      ${found === undefined || this.failure !== undefined ? nothing : this.#findings(found)}
    </div>`
  }

  #findings(found: Findings): unknown {
    const text = memoryWords().audit
    const isFine = [found.exact, found.near, found.never_used, found.oversized].every((list) => list.length === 0)
    return html`${isFine && !this.running ? html`<section class="card"><empty-state icon="ok" heading=${text.fine}>${text.fineHelp}</empty-state></section>` : nothing}
      ${this.#kind(
        text.exact,
        found.exact.map((group) => ({ members: group, note: '' })),
      )}
      ${this.#kind(
        text.near,
        found.near.map(({ a, b }) => ({ members: [a, b], note: text.alike(percent(alikeness(b.distance))) })),
      )}
      ${this.#kind(
        text.oversized,
        found.oversized.map((one) => ({ members: [one], note: text.chars(number(one.chars)) })),
      )}
      ${this.#kind(
        text.unused,
        found.never_used.map((one) => ({
          members: [one],
          note: html`${text.since} <time-ago .at=${Date.parse(one.created_at)}></time-ago>`,
        })),
      )}
      ${found.without_vector === 0 ? nothing : html`<p class="muted small">${text.noVector(number(found.without_vector))}</p>`}`
  }

  #kind(
    title: string,
    groups: readonly { readonly members: readonly { id: number; key: string }[]; readonly note: unknown }[],
  ): unknown {
    if (groups.length === 0) return nothing
    return html`<section class="card" aria-label=${title}>
      <header>
        <h2>${title}</h2>
        <status-chip>${number(groups.length)}</status-chip>
      </header>
      <ul class="rows">
        ${groups.slice(0, SHOWN).map(({ members, note }) => {
          const name = `${title} ${members.map(({ id }) => id).join()}`
          const isOpen = this.opened.has(name)
          return html`<li>
            <details .open=${isOpen} @toggle=${(event: Event) => this.#toggle(name, event)}>
              <summary>
                ${icon('chevron', 16)}<b>${members.map(({ key }) => key).join(' · ')}</b>
                <span class="muted small">${note}</span>
              </summary>
              ${isOpen ? html`<memory-group .ids=${members.map(({ id }) => id)}></memory-group>` : nothing}
            </details>
          </li>`
        })}
      </ul>
    </section>`
  }

  #toggle(name: string, event: Event): void {
    const { open } = event.currentTarget as HTMLDetailsElement
    if (open === this.opened.has(name)) return
    const opened = new Set(this.opened)
    if (open) opened.add(name)
    else opened.delete(name)
    this.opened = opened
  }

  readonly #look = async (): Promise<void> => {
    this.#controller?.abort()
    const controller = new AbortController()
    this.#controller = controller
    this.running = true
    this.failure = undefined
    this.found = NOTHING
    this.opened = new Set()
    try {
      let after_id: number | null = 0
      while (after_id !== null && !controller.signal.aborted) {
        const input = { bot_id: this.bot_id, after_id, limit: PIECE }
        const page: Page = await this.connection.call('memory.audit', input, {
          signal: controller.signal,
          timeout_ms: PIECE_TIMEOUT_MS,
        })
        this.found = joined(this.found ?? NOTHING, page)
        after_id = page.next_after_id
      }
    } catch (error) {
      if (!controller.signal.aborted) this.failure = toFailure(error)
    } finally {
      if (this.#controller === controller) this.running = false
    }
  }
}
