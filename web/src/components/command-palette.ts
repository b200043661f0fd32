/** Ctrl-K: everything there is to go to and to do, by its name. A list box that the field above it steers. */
import { css, html, nothing } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { LANGUAGES, language, setLanguage } from '../i18n/language.ts'
import { Live } from '../live.ts'
import { go, href, type Route } from '../router.ts'
import { shellWords } from '../shell-words.ts'
import { base } from '../style/base.ts'
import { setTheme, type Theme, theme } from '../theme.ts'
import { VIEWS } from '../views.ts'
import { type IconName, icon } from './icon.ts'

interface Command {
  readonly group: string
  readonly icon: IconName
  readonly title: string
  readonly run: () => void
}

const CHATS_MAX = 8

@customElement('command-palette')
export class CommandPalette extends PanelElement {
  static override styles = [
    base,
    css`
      dialog {
        width: min(600px, 100vw - 24px);
        margin: 12vh auto auto;
        padding: 0;
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--raised);
        color: var(--text);
        box-shadow: var(--shadow-high);
        overflow: hidden;
      }
      dialog::backdrop {
        background: rgb(10 14 22 / 40%);
      }
      .field {
        display: flex;
        align-items: center;
        gap: 10px;
        padding: 4px 16px;
        border-bottom: 1px solid var(--line);
        color: var(--muted);
      }
      input:not([type='checkbox'], [type='radio'], [type='file']) {
        min-height: 46px;
        border: 0;
        padding: 0;
        background: none;
        font-size: 16px;
        outline: none;
      }
      .list {
        max-height: min(420px, 56vh);
        overflow-y: auto;
        padding: 6px;
      }
      .group {
        padding: 8px 10px 3px;
        font-size: 12px;
        font-weight: 600;
        color: var(--muted);
      }
      .option {
        display: flex;
        align-items: center;
        gap: 11px;
        min-height: 38px;
        padding: 0 10px;
        border-radius: 8px;
        cursor: pointer;
      }
      .option svg {
        flex: none;
        color: var(--muted);
      }
      .option[aria-selected='true'] {
        background: var(--accent-soft);
      }
      .none,
      .help {
        padding: 14px 16px;
        color: var(--muted);
      }
      .help {
        padding: 8px 16px;
        border-top: 1px solid var(--line);
        font-size: 12px;
      }
    `,
  ]

  @property({ attribute: false }) route: Route | undefined
  @state() private text = ''
  @state() private chosen = 0
  @query('dialog') private readonly dialog!: HTMLDialogElement
  readonly #chats = new Live(this, { load: (connection) => connection.call('history.list_sessions', {}) })

  protected override firstUpdated(): void {
    this.dialog.showModal()
  }

  protected override updated(): void {
    this.renderRoot.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  }

  #commands(): readonly Command[] {
    const words = shellWords()
    const { commands } = words
    const text = this.text.trim()
    const fits = (title: string): boolean =>
      text
        .toLowerCase()
        .split(/\s+/)
        .every((part) => title.toLowerCase().includes(part))
    const views = VIEWS.map(({ name, icon, title }): Command => {
      return { group: commands.views, icon, title: title(), run: () => go(href(name)) }
    })
    const themes = (['light', 'dark', 'system'] as const)
      .filter((name) => name !== theme())
      .map((name: Theme): Command => {
        return {
          group: commands.actions,
          icon: 'theme',
          title: `${words.theme.title}: ${words.theme[name]}`,
          run: () => setTheme(name),
        }
      })
    const languages = LANGUAGES.filter(({ name }) => name !== language()).map(({ name, title }): Command => {
      return { group: commands.actions, icon: 'language', title: `${words.language}: ${title}`, run: () => setLanguage(name) }
    })
    const newChat: Command = {
      group: commands.actions,
      icon: 'plus',
      title: commands.newChat,
      run: () => go(href('chats', [], { new: '1' })),
    }
    const chats = (this.#chats.value ?? []).map(({ bot_id, session_id }): Command => {
      const chat_id = session_id.replace(`gw-${bot_id}-`, '')
      return {
        group: commands.chats,
        icon: 'chats',
        title: `${bot_id} / ${chat_id}`,
        run: () => go(href('chats', [bot_id, chat_id])),
      }
    })
    const searches: Command[] =
      text === ''
        ? []
        : [
            {
              group: words.navigation,
              icon: 'search',
              title: commands.searchMessages(text),
              run: () => go(href('chats', [], { q: text })),
            },
            ...(VIEWS.some(({ name }) => name === 'memory')
              ? [
                  {
                    group: words.navigation,
                    icon: 'search' as const,
                    title: commands.searchMemories(text),
                    run: () => go(href('memory', [], { q: text })),
                  },
                ]
              : []),
          ].map((command) => ({ ...command, group: commands.actions }) as Command)
    const named = [...views, newChat, ...themes, ...languages].filter(({ title }) => fits(title))
    return [...named, ...searches, ...chats.filter(({ title }) => fits(title)).slice(0, CHATS_MAX)]
  }

  override render() {
    const { commands: words, palette } = shellWords()
    const commands = this.#commands()
    const chosen = Math.min(this.chosen, commands.length - 1)
    return html`<dialog aria-label=${palette} @close=${() => this.dispatchEvent(new Event('closed'))} @click=${this.#onBackdrop}>
      <div class="field">
        ${icon('search')}
        <input
          role="combobox"
          aria-label=${palette}
          aria-expanded="true"
          aria-controls="list"
          aria-activedescendant=${commands.length === 0 ? nothing : `option-${chosen}`}
          autocomplete="off"
          placeholder=${palette}
          .value=${this.text}
          @input=${(event: Event) => {
            this.text = (event.target as HTMLInputElement).value
            this.chosen = 0
          }}
          @keydown=${(event: KeyboardEvent) => this.#onKey(event, commands, chosen)}
        />
      </div>
      <div id="list" class="list" role="listbox" aria-label=${palette}>
        ${commands.map(
          (command, index) => html`${
            command.group === commands[index - 1]?.group
              ? nothing
              : html`<div class="group" role="presentation">${command.group}</div>`
          }
            <div
              id="option-${index}"
              class="option"
              role="option"
              aria-selected=${index === chosen}
              @mousemove=${() => (this.chosen = index)}
              @click=${() => this.#run(command)}
            >
              ${icon(command.icon)}<span class="cut">${command.title}</span>
            </div>`,
        )}
      </div>
      ${commands.length === 0 ? html`<p class="none">${words.none}</p>` : nothing}
      <p class="help">${words.help}</p>
    </dialog>`
  }

  #onKey(event: KeyboardEvent, commands: readonly Command[], chosen: number): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) {
      event.preventDefault()
      this.chosen = (chosen + step + commands.length) % Math.max(1, commands.length)
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault()
      const command = commands[chosen]
      if (command !== undefined) this.#run(command)
    }
  }

  #run(command: Command): void {
    this.dialog.close()
    command.run()
  }

  #onBackdrop = (event: MouseEvent): void => {
    if (event.target === this.dialog) this.dialog.close()
  }
}
