/** Asks for the token. It goes to the edge once, and is kept nowhere here. */
import { css, html, nothing } from 'lit'
import { customElement, query, state } from 'lit/decorators.js'
import { toFailure } from '../connection/failure.ts'
import { PanelElement } from '../element.ts'
import { shellWords } from '../shell-words.ts'
import { base } from '../style/base.ts'
import { blocks } from '../style/blocks.ts'

@customElement('login-page')
export class LoginPage extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      :host {
        position: fixed;
        inset: 0;
        z-index: 30;
        display: grid;
        place-items: center;
        padding: 20px;
        background: var(--bg);
      }
      main {
        width: min(400px, 100%);
      }
      form {
        padding: 28px;
      }
      img {
        margin-bottom: 4px;
      }
      .fault {
        color: var(--bad);
      }
    `,
  ]

  @state() private fault = ''
  @state() private busy = false
  @query('input') private readonly input!: HTMLInputElement

  protected override firstUpdated(): void {
    this.input.focus()
  }

  async #enter(event: Event): Promise<void> {
    event.preventDefault()
    if (this.busy || this.input.value === '') return
    this.busy = true
    this.fault = ''
    try {
      await this.connection.login(this.input.value)
      this.input.value = ''
    } catch (error) {
      this.fault = toFailure(error).message
      this.input.select()
    } finally {
      this.busy = false
    }
  }

  override render() {
    const text = shellWords().login
    return html`<main><form class="card form" @submit=${this.#enter}>
      <img src=${new URL('../icon.svg', import.meta.url).href} alt="" width="40" height="40" />
      <h1>${text.title}</h1>
      <p class="muted">${this.connection.lives > 0 ? text.again : text.help}</p>
      <div class="field">
        <label for="token">${text.token}</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          required
          aria-invalid=${this.fault !== ''}
          aria-describedby="fault"
        />
        <p id="fault" class="fault" role="alert">${this.fault === '' ? nothing : this.fault}</p>
      </div>
      <button class="primary" ?disabled=${this.busy}>${text.enter}</button>
    </form></main>`
  }
}
