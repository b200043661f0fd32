/**
 * `<run-output run_id=…>`: what a run has written, and goes on to write while one looks; of a prompt, the answer as it comes.
 * `ended` is told when a run that was open has come to its end.
 */
import { css, html, nothing, type PropertyValues } from 'lit'
import { customElement, property, state } from 'lit/decorators.js'
import type { Run } from '../../../../protocol/scheduler.ts'
import { icon } from '../../components/icon.ts'
import { type Failure, toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { duration } from '../../i18n/format.ts'
import { href } from '../../router.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { isOpenRun, RUN_TONE } from './run-state.ts'
import { jobWords } from './words.ts'

/** How long one look waits for news; shorter until a prompt has a turn that can be followed. */
const WAIT_MS = 20_000
const WAIT_FOR_TURN_MS = 400
/** Of each stream; more would make the page slow, and the end is what matters. */
const SHOWN_CHARACTERS = 200_000
const AGAIN_MS = 1_000

const newest = (text: string): string => (text.length > SHOWN_CHARACTERS ? text.slice(-SHOWN_CHARACTERS) : text)

@customElement('run-output')
export class RunOutput extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      section {
        display: grid;
        gap: 8px;
      }
      h3 {
        margin: 0 0 4px;
        font-size: 12.5px;
        font-weight: 600;
        color: var(--muted);
      }
      pre.err {
        border-inline-start: 3px solid var(--bad);
      }
    `,
  ]

  @property() run_id = ''
  @property() job_type = 'shell'
  /** Of a prompt: the chat in which it is answered. */
  @property() chat_id = ''
  /** What is around it tells the state already. */
  @property({ type: Boolean }) bare = false
  @state() private run: Run | undefined
  @state() private stdout = ''
  @state() private stderr = ''
  @state() private answer = ''
  @state() private ended = false
  @state() private failure: Failure | undefined
  #controller: AbortController | undefined
  #unfollow: (() => void) | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    if (this.hasUpdated) this.#begin()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('run_id') && this.run_id !== '') this.#begin()
  }

  override render() {
    const text = jobWords()
    const { run, failure } = this
    if (failure !== undefined) return html`<failed-state .failure=${failure} .retry=${() => this.#begin()}></failed-state>`
    if (run === undefined) return html`<skeleton-rows rows="2"></skeleton-rows>`
    const isOpen = isOpenRun(run.state)
    const out = this.job_type === 'claude' && this.stdout === '' ? this.answer : this.stdout
    const isSilent = out === '' && this.stderr === ''
    return html`<section>
      <div class="row wrap">
        ${this.bare ? nothing : this.#state(run)}
        <span class="grow"></span>
        ${run.turn_id === null || this.chat_id === '' ? nothing : html`<a href=${href('chats', [run.bot_id, this.chat_id])}>${text.toChat}</a>`}
        ${isOpen ? html`<button class="danger" @click=${this.#stopRun}>${icon('stop', 16)}${text.stop}</button>` : nothing}
      </div>
      ${this.bare || run.reason === null ? nothing : html`<p>${run.reason}</p>`}
      ${isSilent ? html`<p class="muted">${this.ended || !isOpen ? text.silent : text.waiting}</p>` : nothing}
      ${this.#stream(this.job_type === 'claude' ? text.answer : text.stdout, out, '')}
      ${this.#stream(text.stderr, this.stderr, 'err')}
    </section>`
  }

  #state(run: Run): unknown {
    const text = jobWords()
    return html`<status-chip tone=${RUN_TONE[run.state]}>${text.state[run.state]}</status-chip>
      ${run.duration_ms === null ? nothing : html`<span class="muted number">${duration(run.duration_ms)}</span>`}
      ${run.exit_code === null ? nothing : html`<span class="muted">${text.exit(run.exit_code)}</span>`}`
  }

  #stream(title: string, content: string, kind: string): unknown {
    if (content === '') return nothing
    return html`<div>
      <h3>${title}</h3>
      ${content.length >= SHOWN_CHARACTERS ? html`<p class="muted small">${jobWords().cut}</p>` : nothing}
      <pre class="output ${kind}" tabindex="0" aria-label=${title}>${content}</pre>
    </div>`
  }

  #stop(): void {
    this.#controller?.abort()
    this.#clear()
  }

  /** Forgets what was written and said so far. */
  #clear(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.stdout = this.stderr = this.answer = ''
  }

  #begin(): void {
    this.#stop()
    this.run = undefined
    this.failure = undefined
    this.ended = false
    this.#controller = new AbortController()
    void this.#read(this.#controller.signal)
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { run_id } = this
    const from = { stdout_from: 0, stderr_from: 0 }
    let wasOpen = false
    while (!signal.aborted) {
      const wait_ms =
        this.run === undefined ? 0 : this.job_type === 'claude' && this.run.turn_id === null ? WAIT_FOR_TURN_MS : WAIT_MS
      try {
        const input = { run_id, wait_ms, ...from }
        const { run, stdout, stderr, ended } = await this.connection.call('scheduler.get_output', input, {
          signal,
          timeout_ms: wait_ms + 10_000,
        })
        if (signal.aborted) return
        const isAnew = this.run !== undefined && this.run.attempt !== run.attempt
        this.run = run
        if (isAnew) {
          // Another attempt writes from its first byte on, and we had asked from the last one of the attempt before.
          this.#clear()
          from.stdout_from = from.stderr_from = 0
          continue
        }
        this.stdout = newest(this.stdout + stdout.text)
        this.stderr = newest(this.stderr + stderr.text)
        from.stdout_from = stdout.next
        from.stderr_from = stderr.next
        wasOpen ||= isOpenRun(run.state)
        this.#follow(run)
        this.ended = ended
        if (!ended) continue
        if (wasOpen) this.dispatchEvent(new Event('ended'))
        return
      } catch (error) {
        if (signal.aborted) return
        const failure = toFailure(error)
        // A service or a connection that comes back goes on from the same byte.
        if (['offline', 'unavailable', 'timeout', 'closing', 'cancelled'].includes(failure.code)) {
          await new Promise((resolve) => window.setTimeout(resolve, AGAIN_MS))
          continue
        }
        this.failure = failure
        return
      }
    }
  }

  /** A prompt is answered in a turn, whose words come as they are spoken. */
  #follow(run: Run): void {
    if (run.turn_id === null || this.#unfollow !== undefined || !isOpenRun(run.state)) return
    this.#unfollow = this.connection.follow(run.turn_id, null, {
      onEvent: (event) => {
        if (event.type === 'text') this.answer = newest(this.answer + event.content)
        if (event.type === 'replaced') this.answer = event.content
      },
      onEnd: () => undefined,
    })
  }

  readonly #stopRun = async (): Promise<void> => {
    const text = jobWords()
    const isSure = await this.confirm({ title: text.stopTitle, text: text.stopText, action: text.stop, danger: true })
    if (!isSure) return
    try {
      await this.connection.call('scheduler.stop_run', { run_id: this.run_id })
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }
}
