/** The memory: `#/memory?bot=&q=&category=`, `#/memory/new`, `#/memory/12` one of them, `#/memory/audit`, `#/memory/model`. */
import './memory-audit.ts'
import './memory-editor.ts'
import './memory-import.ts'
import './memory-list.ts'
import './memory-model.ts'
import '../../components/segment-control.ts'
import { css, html, nothing } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import { icon } from '../../components/icon.ts'
import type { SegmentEvent } from '../../components/segment-control.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { number } from '../../i18n/format.ts'
import { Live } from '../../live.ts'
import { go, href, type Route } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { exportMemories } from './export.ts'
import type { MemoryList } from './memory-list.ts'
import { memoryWords } from './words.ts'

@customElement('memory-view')
export class MemoryView extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      .page > header select {
        width: auto;
      }
      segment-control {
        justify-self: start;
      }
    `,
  ]

  @property({ attribute: false }) route: Route | undefined
  @state() private importing = false
  @state() private exporting = false
  @query('memory-list') private readonly list!: MemoryList | null

  readonly #bots = new Live(this, {
    load: async (connection) => (await connection.call('memory.status', {})).bots,
    topics: ['memory.memory_changed'],
  })

  override render() {
    const text = memoryWords()
    const { bot, tab, memory_id, isNew } = this.#place()
    const categories = (this.#bots.value?.find(({ bot_id }) => bot_id === bot)?.categories ?? []).map(({ category }) => category)
    return html`<div class="page">
      <header>
        <h1>${text.title}</h1>
        ${this.#botChoice(bot)}
        <button class="plain" ?disabled=${this.exporting} @click=${() => this.#export(bot)}>
          ${icon('download', 16)}${this.exporting ? text.exporting : text.export}
        </button>
        <button class="plain" @click=${() => this.#showImport(true)}>${icon('upload', 16)}${text.import}</button>
        <button class="primary" @click=${() => go(href('memory', ['new'], { bot }))}>${icon('plus', 16)}${text.create}</button>
      </header>
      <segment-control
        .label=${text.tabs.title}
        .options=${(['list', 'audit', 'model'] as const).map((value) => ({ value, title: text.tabs[value] }))}
        .value=${tab}
        @change=${(event: SegmentEvent) => go(href('memory', event.value === 'list' ? [] : [event.value], { bot }))}
      ></segment-control>
      ${
        tab === 'audit'
          ? html`<memory-audit bot_id=${bot}></memory-audit>`
          : tab === 'model'
            ? html`<memory-model bot_id=${bot}></memory-model>`
            : html`<memory-list
                bot_id=${bot}
                .search=${this.route?.query.q ?? ''}
                .category=${this.route?.query.category ?? ''}
                .categories=${categories}
              ></memory-list>`
      }
      ${
        isNew || memory_id !== undefined
          ? html`<memory-editor
              bot_id=${bot}
              .memory_id=${memory_id}
              .categories=${categories}
              @done=${() => {
                go(href('memory', [], { bot }), { replace: true })
                this.list?.reload()
              }}
            ></memory-editor>`
          : nothing
      }
      ${this.importing ? html`<memory-import bot_id=${bot} @done=${() => this.#showImport(false)}></memory-import>` : nothing}
    </div>`
  }

  #botChoice(bot: string): unknown {
    const bots = this.#bots.value ?? []
    const names = [...new Set(['default', bot, ...bots.map(({ bot_id }) => bot_id)])]
    return html`<select
      aria-label=${memoryWords().bot}
      @change=${(event: Event) => go(href('memory', [], { bot: (event.currentTarget as HTMLSelectElement).value }))}
    >
      ${names.map((name) => {
        const count = bots.find(({ bot_id }) => bot_id === name)?.memories ?? 0
        return html`<option value=${name} ?selected=${name === bot}>${name} (${number(count)})</option>`
      })}
    </select>`
  }

  #place() {
    const [first = ''] = this.route?.path ?? []
    return {
      bot: this.route?.query.bot || 'default',
      tab: first === 'audit' || first === 'model' ? first : 'list',
      isNew: first === 'new',
      memory_id: /^\d+$/.test(first) ? Number(first) : undefined,
    }
  }

  #showImport(isShown: boolean): void {
    this.importing = isShown
    if (!isShown) this.list?.reload()
  }

  async #export(bot: string): Promise<void> {
    this.exporting = true
    try {
      const count = await exportMemories(this.connection, bot)
      this.notify({ text: memoryWords().exported(number(count)), tone: 'ok' })
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    } finally {
      this.exporting = false
    }
  }
}
