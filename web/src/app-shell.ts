/** The frame: navigation, the view one is at, and all that stands above a view (login, palette, questions, notices). */
import './components/confirm-dialog.ts'
import './components/connection-banner.ts'
import './components/login-page.ts'
import './components/modal-dialog.ts'
import './components/nav-bar.ts'
import './components/notice-stack.ts'
import './components/preferences-menu.ts'
import './components/states.ts'
import './components/status-chip.ts'
import './components/time-ago.ts'
import { ContextProvider } from '@lit/context'
import { css, html, nothing } from 'lit'
import { customElement, query, state } from 'lit/decorators.js'
import type { ConfirmDialog } from './components/confirm-dialog.ts'
import { PaletteEvent } from './components/nav-bar.ts'
import type { NoticeStack } from './components/notice-stack.ts'
import { Connection } from './connection/connection.ts'
import { connectionContext } from './connection/context.ts'
import { toFailure } from './connection/failure.ts'
import { PanelElement } from './element.ts'
import { ConfirmEvent, NoticeEvent } from './notices.ts'
import { parseRoute, type Route } from './router.ts'
import { shellWords } from './shell-words.ts'
import { base } from './style/base.ts'
import { type View, viewOf } from './views.ts'

@customElement('app-shell')
export class AppShell extends PanelElement {
  static override styles = [
    base,
    css`
      .frame {
        display: grid;
        grid-template: minmax(0, 1fr) / auto minmax(0, 1fr);
        height: 100dvh;
      }
      .side {
        min-height: 0;
      }
      .content {
        display: flex;
        flex-direction: column;
        min-height: 0;
      }
      main {
        flex: 1;
        min-height: 0;
        overflow-y: auto;
      }
      main:focus {
        outline: none;
      }
      header {
        position: absolute;
      }
      .skip {
        position: absolute;
        inset: -60px auto auto 8px;
        z-index: 40;
        width: max-content;
        padding: 8px 14px;
        border-radius: 8px;
        background: var(--accent-fill);
        color: var(--on-accent);
      }
      .skip:focus {
        top: 8px;
      }
      @media (max-width: 1020px) {
        .wide {
          display: none;
        }
      }
      @media (max-width: 640px) {
        .frame {
          --bottom-bar: 60px;
          grid-template: minmax(0, 1fr) auto / minmax(0, 1fr);
        }
        .side {
          grid-row: 2;
        }
      }
    `,
  ]

  @state() private route: Route = parseRoute(location.hash)
  /** The view whose element is there; the one before stays until it is. */
  @state() private view: View | undefined
  @state() private failure: unknown
  @state() private paletteOpen = false
  @query('notice-stack') private readonly notices!: NoticeStack
  @query('confirm-dialog') private readonly questions!: ConfirmDialog
  @query('main') private readonly main!: HTMLElement
  readonly #connection = new Connection()
  #stop: (() => void) | undefined
  #loggedIn = false

  constructor() {
    super()
    new ContextProvider(this, { context: connectionContext, initialValue: this.#connection })
    this.addEventListener(NoticeEvent.NAME, (event) => this.notices.say((event as NoticeEvent).notice))
    this.addEventListener(ConfirmEvent.NAME, (event) => {
      const { confirmation, answer } = event as ConfirmEvent
      this.questions.ask(confirmation, answer)
    })
    this.addEventListener(PaletteEvent.NAME, () => void this.#openPalette())
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stop = this.#connection.onState(() => {
      if (this.#connection.state === 'login') this.#loggedIn = true
      this.requestUpdate()
    })
    window.addEventListener('hashchange', this.#onRoute)
    window.addEventListener('keydown', this.#onKey)
    this.#connection.open()
    void this.#loadView()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop?.()
    window.removeEventListener('hashchange', this.#onRoute)
    window.removeEventListener('keydown', this.#onKey)
    this.#connection.close()
  }

  #onRoute = (): void => {
    this.route = parseRoute(location.hash)
    void this.#loadView()
  }

  #onKey = (event: KeyboardEvent): void => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return
    event.preventDefault()
    void this.#openPalette()
  }

  async #openPalette(): Promise<void> {
    if (this.#connection.state === 'login') return
    await import('./components/command-palette.ts')
    this.paletteOpen = true
  }

  #loadView = async (): Promise<void> => {
    const wanted = viewOf(this.route)
    const isAnother = this.view?.name !== wanted?.name
    document.title = wanted === undefined ? 'Switchboard' : `${wanted.title()} · Switchboard`
    this.failure = undefined
    try {
      await wanted?.load()
    } catch (error) {
      // A file of this version that is no longer there, after an update; or no network.
      this.failure = error
    }
    if (viewOf(this.route)?.name !== wanted?.name) return
    this.view = wanted
    if (isAnother) this.main?.scrollTo(0, 0)
  }

  override render() {
    const text = shellWords()
    const isLogin = this.#connection.state === 'login'
    return html`<div class="frame" ?inert=${isLogin}>
        <header><a class="skip" href="#main" @click=${this.#skip}>${text.skip}</a></header>
        <div class="side">
          <nav-bar current=${viewOf(this.route)?.name ?? ''}>
            <preferences-menu class="wide" ?logged-in=${this.#loggedIn}></preferences-menu>
            <preferences-menu slot="more" ?logged-in=${this.#loggedIn}></preferences-menu>
          </nav-bar>
        </div>
        <div class="content">
          <connection-banner></connection-banner>
          <main id="main" tabindex="-1">${this.#content()}</main>
        </div>
      </div>
      ${isLogin ? html`<login-page></login-page>` : nothing}
      ${
        this.paletteOpen
          ? html`<command-palette .route=${this.route} @closed=${() => (this.paletteOpen = false)}></command-palette>`
          : nothing
      }
      <confirm-dialog></confirm-dialog>
      <notice-stack></notice-stack>`
  }

  #content(): unknown {
    if (this.failure !== undefined)
      return html`<failed-state .failure=${toFailure(this.failure)} .retry=${() => location.reload()}></failed-state>`
    if (viewOf(this.route) === undefined)
      return html`<empty-state icon="info" heading=${shellWords().nowhere}>${shellWords().nowhereHelp}</empty-state>`
    return this.view?.name === viewOf(this.route)?.name ? this.view?.render(this.route) : html`<skeleton-rows></skeleton-rows>`
  }

  #skip = (event: Event): void => {
    event.preventDefault()
    this.main.focus()
  }
}
