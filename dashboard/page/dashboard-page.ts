/** The page: asks for the numbers, says how old they are, and draws a card for each part of them. */
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit'
import type { Payload } from '../../protocol/dashboard.ts'
import { activityCard } from './cards/activity.ts'
import { chatCard } from './cards/chat.ts'
import { claudeCard } from './cards/claude.ts'
import { jobsCard } from './cards/jobs.ts'
import { memoryCard } from './cards/memory.ts'
import { systemCard } from './cards/system.ts'
import { workCard } from './cards/work.ts'
import { Feed } from './feed.ts'
import { notice } from './notice.ts'
import { formatCount, formatMoment, plural } from './text/format.ts'
import { freshnessOf } from './text/freshness.ts'
import { chooseTheme, readTheme, THEMES, type Theme } from './theme.ts'

/** How often spans such as “5 min ago” are counted anew. */
const TICK_MS = 15_000

const THEME_NAMES: Readonly<Record<Theme, string>> = { system: 'Auto', light: 'Light', dark: 'Dark' }

export class DashboardPage extends LitElement {
  readonly #feed = new Feed('/api/metrics', () => this.requestUpdate())
  #ticking: ReturnType<typeof setInterval> | undefined
  #theme = readTheme()

  /** No shadow: there is one style sheet for the one page. */
  override createRenderRoot(): HTMLElement {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    document.addEventListener('visibilitychange', this.#onVisibility)
    this.#onVisibility()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    document.removeEventListener('visibilitychange', this.#onVisibility)
    this.#rest()
  }

  override updated(_changed: PropertyValues): void {
    const { payload } = this.#feed.state
    if (payload !== null) document.title = payload.title
  }

  override render(): TemplateResult {
    const { payload, isLoading, problem } = this.#feed.state
    const now = Date.now()
    return html`
      <header class="top">
        <div>
          <h1>${payload?.title ?? 'Switchboard'}</h1>
          ${this.#badge(payload, now)}
        </div>
        ${this.#themes()}
      </header>
      <main aria-busy=${isLoading}>
        ${payload !== null && problem !== null ? html`<p class="banner" role="status">${problem} These numbers were loaded before.</p>` : nothing}
        ${payload === null ? notice({ isLoading, problem, retry: this.#retry }) : this.#cards(payload, now)}
      </main>
      ${payload === null ? nothing : this.#footer(payload, now)}
    `
  }

  #badge(payload: Payload | null, now: number): TemplateResult | typeof nothing {
    if (payload === null) return nothing
    const { isStale, label } = freshnessOf(payload, now)
    const { health } = payload
    const tone = health === null || health.services_up < health.services ? 'bad' : health.alerts > 0 ? 'warn' : 'good'
    const running = (of: NonNullable<Payload['health']>): string =>
      `${of.services_up === of.services ? 'All' : `${of.services_up} of`} ${plural(of.services, 'service')} running`
    const words =
      // What was well when the numbers were taken may not be so now.
      health === null || isStale
        ? nothing
        : html`<span class="health ${tone}">${running(health)}${health.alerts > 0 ? ` · ${plural(health.alerts, 'alert')}` : ''}</span>`
    return html`<p class="state"><span class="badge ${isStale ? 'stale' : 'live'}">${label}</span> ${words}</p>`
  }

  #cards(payload: Payload, now: number): TemplateResult {
    const { isStale, detail } = freshnessOf(payload, now)
    return html`
      ${isStale ? html`<p class="banner" role="status">${detail}</p>` : nothing}
      <div class="cards ${isStale ? 'stale' : ''}">
        ${systemCard(payload)} ${claudeCard(payload)} ${jobsCard(payload, now)} ${activityCard(payload)} ${memoryCard(payload)} ${chatCard(payload)} ${workCard(payload)}
      </div>
    `
  }

  #footer({ sampled_at, next_push_by, writes }: Payload, now: number): TemplateResult {
    return html`
      <footer>
        <p>Measured at ${formatMoment(sampled_at, now)}; the next numbers ${now > next_push_by ? 'were due' : 'come'} by ${formatMoment(next_push_by, now)}.</p>
        <p>${formatCount(writes.used)} of ${formatCount(writes.budget)} updates used this month.</p>
        <p>Numbers are rounded. Messages, memories and commands never come here.</p>
      </footer>
    `
  }

  #themes(): TemplateResult {
    return html`
      <fieldset class="themes">
        <legend class="hidden">Colours</legend>
        ${THEMES.map(
          (theme) => html`<label
            ><input type="radio" name="theme" value=${theme} .checked=${theme === this.#theme} @change=${() => this.#choose(theme)} /><span
              >${THEME_NAMES[theme]}</span
            ></label
          >`,
        )}
      </fieldset>
    `
  }

  #choose(theme: Theme): void {
    this.#theme = theme
    chooseTheme(theme)
    this.requestUpdate()
  }

  readonly #retry = (): void => void this.#feed.ask()

  /** Nobody looks at a page in the background: nothing is asked then. */
  readonly #onVisibility = (): void => {
    this.#rest()
    if (document.visibilityState === 'hidden') return
    this.#ticking = setInterval(() => this.requestUpdate(), TICK_MS)
    void this.#feed.ask()
    this.requestUpdate()
  }

  #rest(): void {
    clearInterval(this.#ticking)
    this.#feed.stop()
  }
}
