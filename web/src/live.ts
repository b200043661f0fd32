/**
 * Something that is read over the connection and kept fresh while its host is on the page.
 *
 * States: *loading* (nothing is known yet), *failed* (nothing is known, and why), *ready*; a value that could not be refreshed stays,
 * with the failure beside it. It is read again when a topic tells of a change, after hints were missed, at each new connection, at a
 * beat where there is one, and soon after a failure that passes. While one reading is under way any number of reasons lead to one more.
 *
 * - **A** What is shown belongs to the present `args`; an answer to older ones is dropped.
 */
import { html, nothing, type ReactiveController, type TemplateResult } from 'lit'
import { type Failure, toFailure } from './connection/failure.ts'
import type { Payload, TopicName } from './connection/methods.ts'
import type { Caller } from './connection/reading.ts'
import type { PanelElement } from './element.ts'

export interface LiveOptions<T, A extends readonly unknown[]> {
  readonly load: (connection: Caller, args: A, signal: AbortSignal) => Promise<T>
  /** What `load` depends on, asked for at each update of the host. Other ones: what was shown goes, and is loaded anew. Null: nothing is loaded. */
  readonly args?: () => A | null
  /** Topics that tell of a change. */
  readonly topics?: readonly TopicName[]
  /** Whether a hint is about what is shown; every hint is where absent. */
  readonly concerns?: (topic: TopicName, payload: Payload<TopicName>) => boolean
  /** How often it is read without any reason, in milliseconds; not while the page is hidden. */
  readonly every_ms?: number
}

export interface LiveViews<T> {
  readonly ready: (value: T) => unknown
  /** What is shown where there is nothing, or undefined where there is something. */
  readonly empty?: (value: T) => unknown
  /** Grey lines where absent. */
  readonly loading?: () => unknown
}

/** Hints come in bursts; one reading answers them all. */
const BURST_MS = 120

/** A service is back within seconds of its end. */
const RETRY_MS = 3_000
const PASSES: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'closing'])

export class Live<T, A extends readonly unknown[] = readonly []> implements ReactiveController {
  readonly #host: PanelElement
  readonly #options: LiveOptions<T, A>
  #value: T | undefined
  #failure: Failure | undefined
  #read_at = 0
  #key: string | undefined
  #running: AbortController | undefined
  #again = false
  #timer: number | undefined
  #beat: number | undefined
  #lives = 0
  #stops: (() => void)[] = []

  constructor(host: PanelElement, options: LiveOptions<T, A>) {
    this.#host = host
    this.#options = options
    host.addController(this)
  }

  /** Undefined until it was read. */
  get value(): T | undefined {
    return this.#value
  }

  /** Why the last reading failed. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** Nothing is known yet, and nothing has failed. */
  get loading(): boolean {
    return this.#value === undefined && this.#failure === undefined
  }

  hostConnected(): void {
    const { connection } = this.#host
    const { topics = [], concerns, every_ms } = this.#options
    this.#stops = topics.map((topic) =>
      connection.onTopic(topic, {
        onHint: (payload) => {
          if (concerns?.(topic, payload) ?? true) this.#soon()
        },
        onMissed: () => this.#soon(),
      }),
    )
    this.#stops.push(connection.onState(() => this.#onState()))
    if (every_ms !== undefined)
      this.#beat = window.setInterval(() => document.visibilityState === 'hidden' || this.#read(), every_ms)
    this.#lives = connection.lives
    if (this.#key !== undefined) this.#read()
  }

  hostDisconnected(): void {
    for (const stop of this.#stops) stop()
    window.clearTimeout(this.#timer)
    window.clearInterval(this.#beat)
    this.#running?.abort()
    this.#running = undefined
  }

  hostUpdate(): void {
    const args = this.#args()
    const key = args === null ? '' : JSON.stringify(args)
    if (key === this.#key) return
    this.#key = key
    this.#value = undefined
    this.#failure = undefined
    this.#running?.abort()
    this.#running = undefined
    if (args !== null) this.#read()
  }

  /** Reads it again, now. */
  reload = (): void => {
    if (this.#value === undefined) this.#failure = undefined
    this.#host.requestUpdate()
    this.#read()
  }

  /** Shows this until it is read the next time: what a person has just done need not wait for the answer. */
  set(value: T): void {
    this.#value = value
    this.#host.requestUpdate()
  }

  /** Whatever there is to show of it. */
  render({ ready, empty, loading }: LiveViews<T>): TemplateResult {
    const [value, failure] = [this.#value, this.#failure]
    if (value === undefined) {
      if (failure !== undefined) return html`<failed-state .failure=${failure} .retry=${this.reload}></failed-state>`
      return html`${loading === undefined ? html`<skeleton-rows></skeleton-rows>` : loading()}`
    }
    const stale =
      failure === undefined
        ? nothing
        : html`<stale-note .failure=${failure} .at=${this.#read_at} .retry=${this.reload}></stale-note>`
    return html`${stale}${empty?.(value) ?? ready(value)}`
  }

  #args(): A | null {
    return this.#options.args === undefined ? ([] as unknown as A) : this.#options.args()
  }

  #onState(): void {
    const { connection } = this.#host
    if (connection.state !== 'live' || connection.lives === this.#lives) return
    this.#lives = connection.lives
    this.#read()
  }

  #soon(wait_ms = BURST_MS): void {
    window.clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => this.#read(), wait_ms)
  }

  #read(): void {
    const { connection } = this.#host
    const args = this.#args()
    // Without a connection nothing can be read; the next one is a reason by itself.
    if (args === null || connection.state !== 'live') return
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    const controller = new AbortController()
    this.#running = controller
    void this.#options
      .load(connection.reading, args, controller.signal)
      .then(
        (value) => () => {
          this.#value = value
          this.#failure = undefined
          this.#read_at = Date.now()
        },
        (error: unknown) => () => {
          const failure = toFailure(error)
          // The next connection reads it again, and the banner says what is the matter.
          if (failure.code === 'offline') return
          this.#failure = failure
          if (PASSES.has(failure.code)) this.#soon(RETRY_MS)
        },
      )
      .then((settle) => {
        // A
        if (this.#running !== controller) return
        this.#running = undefined
        settle()
        this.#host.requestUpdate()
        if (this.#again) {
          this.#again = false
          this.#read()
        }
      })
  }
}
