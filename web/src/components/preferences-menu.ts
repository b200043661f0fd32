/** Theme, language, the way out, and where machines read: at the foot of the navigation. */
import { css, html, nothing } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import { PanelElement } from '../element.ts'
import { LANGUAGES, language, setLanguage } from '../i18n/language.ts'
import { shellWords } from '../shell-words.ts'
import { base } from '../style/base.ts'
import { onTheme, setTheme, type Theme, theme } from '../theme.ts'
import { icon } from './icon.ts'

const THEMES: readonly Theme[] = ['system', 'light', 'dark']

@customElement('preferences-menu')
export class PreferencesMenu extends PanelElement {
  static override styles = [
    base,
    css`
      div {
        display: grid;
        gap: 8px;
        padding: 10px 8px 2px;
        border-top: 1px solid var(--line);
      }
      label {
        display: flex;
        align-items: center;
        gap: 9px;
        color: var(--muted);
      }
      select:not([type='checkbox']) {
        min-height: 30px;
        padding: 2px 6px;
        border-color: var(--line);
        background: var(--surface);
        font-size: 13px;
      }
      a,
      button.quiet {
        display: flex;
        justify-content: flex-start;
        align-items: center;
        gap: 9px;
        min-height: 30px;
        padding: 0;
        color: var(--muted);
        font-size: 13px;
      }
    `,
  ]

  /** Whether a login was needed here. */
  @property({ type: Boolean, attribute: 'logged-in' }) loggedIn = false
  @state() private theme: Theme = theme()
  #stop: (() => void) | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stop = onTheme(() => (this.theme = theme()))
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop?.()
  }

  override render() {
    const text = shellWords()
    return html`<div>
      <label title=${text.theme.title}
        >${icon('theme')}<span class="visually-hidden">${text.theme.title}</span
        ><select @change=${(event: Event) => setTheme((event.target as HTMLSelectElement).value as Theme)}>
          ${THEMES.map((name) => html`<option value=${name} ?selected=${name === this.theme}>${text.theme[name]}</option>`)}
        </select></label
      >
      <label title=${text.language}
        >${icon('language')}<span class="visually-hidden">${text.language}</span
        ><select @change=${(event: Event) => setLanguage((event.target as HTMLSelectElement).value === 'zh' ? 'zh' : 'en')}>
          ${LANGUAGES.map(({ name, title }) => html`<option value=${name} ?selected=${name === language()}>${title}</option>`)}
        </select></label
      >
      <a href="/docs" target="_blank" rel="noopener">${icon('external')}${text.api}</a>
      ${
        this.loggedIn
          ? html`<button class="quiet" @click=${() => this.connection.logout()}>${icon('leave')}${text.logout}</button>`
          : nothing
      }
    </div>`
  }
}
