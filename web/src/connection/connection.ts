/**
 * The panel's one connection to the edge. It is made again for as long as the panel is open.
 *
 * States: `connecting` at first; `live`; `reconnecting` after a loss; `login` when a token is asked for; `refused` when the
 * edge does not let this page in, with its reason. From each of the last three the way back is `live`, without a reload.
 *
 * - **A** A call is answered, or fails: when its deadline passes, or as soon as the connection is lost.
 * - **B** An event of a followed turn is told once and in order, over any number of connections.
 * - **C** Whoever listens to a topic is told `onMissed` when hints may have been lost: at every new connection, and at a gap.
 */
import type { TurnEvent } from '../../../protocol/sessions.ts'
import { Failure } from './failure.ts'
import { FollowedTurn, type TurnListener } from './followed-turn.ts'
import type { Input, MethodName, Output, Payload, TopicName } from './methods.ts'
import { Reading } from './reading.ts'
import { type CallOptions, RpcSocket, type SocketListener } from './rpc-socket.ts'

export type ConnectionState = 'connecting' | 'live' | 'reconnecting' | 'login' | 'refused'

export interface TopicListener<T extends TopicName> {
  onHint?(payload: Payload<T>): void
  onMissed?(): void
}

const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 5_000

const socketUrl = (): string => `${location.origin.replace(/^http/, 'ws')}/ws`

export class Connection implements SocketListener {
  #state: ConnectionState = 'connecting'
  #reason = ''
  #socket: RpcSocket | undefined
  #retry: number | undefined
  #wait_ms = RETRY_MIN_MS
  #open = false
  /** How often it has been live. */
  #lives = 0
  readonly #stateListeners = new Set<() => void>()
  readonly #topics = new Map<TopicName, Set<TopicListener<TopicName>>>()
  readonly #turns = new Set<FollowedTurn>()
  /** For calls that change nothing: they do not wait for a service that is down. */
  readonly reading = new Reading(this)

  get state(): ConnectionState {
    return this.#state
  }

  /** Why it is `refused`. */
  get reason(): string {
    return this.#reason
  }

  get lives(): number {
    return this.#lives
  }

  open(): void {
    if (this.#open) return
    this.#open = true
    window.addEventListener('online', this.#hurry)
    document.addEventListener('visibilitychange', this.#hurry)
    this.#connect()
  }

  close(): void {
    this.#open = false
    window.removeEventListener('online', this.#hurry)
    document.removeEventListener('visibilitychange', this.#hurry)
    window.clearTimeout(this.#retry)
    this.#socket?.close()
  }

  /** `call('sessions.list', {})`. Rejects with a `Failure`. */
  call<M extends MethodName>(method: M, input: Input<M>, options?: CallOptions): Promise<Output<M>> {
    return this.#ask(method, input as object, options) as Promise<Output<M>>
  }

  /** Is told of changes of `state`; gives back how to stop. */
  onState(listener: () => void): () => void {
    this.#stateListeners.add(listener)
    return () => void this.#stateListeners.delete(listener)
  }

  /** Listens to a topic; gives back how to stop. */
  onTopic<T extends TopicName>(topic: T, listener: TopicListener<T>): () => void {
    const known = this.#topics.get(topic)
    const listeners = known ?? new Set()
    listeners.add(listener as TopicListener<TopicName>)
    this.#topics.set(topic, listeners)
    if (known === undefined) this.#tell('topics.subscribe', { topics: [topic] })
    return () => {
      if (!listeners.delete(listener as TopicListener<TopicName>) || listeners.size > 0) return
      this.#topics.delete(topic)
      this.#tell('topics.unsubscribe', { topics: [topic] })
    }
  }

  /** Is told what happens in a turn, behind an event or from its beginning; gives back how to stop. */
  follow(turn_id: string, after: string | null, listener: TurnListener): () => void {
    const turn: FollowedTurn = new FollowedTurn(turn_id, after, {
      onEvent: (event) => listener.onEvent(event),
      onEnd: (failure) => {
        this.#turns.delete(turn)
        listener.onEnd(failure)
      },
    })
    this.#turns.add(turn)
    if (this.#state === 'live') void turn.begin(this.#ask)
    return () => {
      this.#turns.delete(turn)
      turn.stop(this.#ask)
    }
  }

  /** Shows the token once; the edge keeps the login in a cookie. Rejects with a `Failure`. */
  async login(token: string): Promise<void> {
    const response = await fetch('/api/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    }).catch(() => {
      throw new Failure('offline', 'Switchboard cannot be reached')
    })
    // Where no token is set any more there is nothing to log in to.
    if (!response.ok && response.status !== 404) {
      const { detail } = (await response.json().catch(() => ({}))) as { detail?: unknown }
      throw new Failure('unauthorized', typeof detail === 'string' ? detail : `The edge answered ${response.status}`)
    }
    this.#connect()
  }

  /** Takes the cookie away and asks for the token again. */
  async logout(): Promise<void> {
    await fetch('/api/logout', { method: 'POST' })
    this.#socket?.close()
  }

  onOpen(): void {
    this.#wait_ms = RETRY_MIN_MS
    this.#lives += 1
    const topics = [...this.#topics.keys()]
    if (topics.length > 0) this.#tell('topics.subscribe', { topics })
    for (const turn of this.#turns) void turn.begin(this.#ask)
    this.#become('live')
    // C: only those who have read before may have missed something.
    if (this.#lives > 1) for (const topic of topics) this.#missed(topic)
  }

  onClose(opened: boolean): void {
    this.#socket = undefined
    for (const turn of this.#turns) turn.lost()
    if (!this.#open) return
    if (this.#state === 'live') this.#become('reconnecting')
    if (opened) this.#connectLater()
    else void this.#askWhy()
  }

  onNotification(method: string, params: Readonly<Record<string, unknown>>): void {
    if (method === 'topic') {
      const listeners = this.#topics.get(params.topic as TopicName) ?? []
      for (const listener of [...listeners]) listener.onHint?.(params.payload as Payload<TopicName>)
    } else if (method === 'topic.gap') this.#missed(params.topic as TopicName)
    else this.#toTurn(method, params)
  }

  #toTurn(method: string, params: Readonly<Record<string, unknown>>): void {
    const { turn_id, subscription } = params
    for (const turn of [...this.#turns]) {
      // The answer that names the subscription always comes before what is told under it.
      if (turn.turn_id !== turn_id || turn.subscription !== subscription) continue
      if (method === 'turn.event') turn.hear(params.event as TurnEvent)
      else if (method === 'lagging') void turn.begin(this.#ask)
      else if (method === 'turn.ended') turn.ended(params.error)
    }
  }

  readonly #ask = (method: string, params: object, options?: CallOptions): Promise<unknown> =>
    this.#socket?.call(method, params, options) ??
    Promise.reject(new Failure('offline', 'There is no connection to Switchboard at this moment'))

  /** What the next connection says again, should this one be lost. */
  #tell(method: string, params: object): void {
    void this.#ask(method, params).catch(() => undefined)
  }

  #missed(topic: TopicName): void {
    for (const listener of [...(this.#topics.get(topic) ?? [])]) listener.onMissed?.()
  }

  #become(state: ConnectionState, reason = ''): void {
    if (this.#state === state && this.#reason === reason) return
    this.#state = state
    this.#reason = reason
    for (const listener of [...this.#stateListeners]) listener()
  }

  #connect(): void {
    window.clearTimeout(this.#retry)
    if (!this.#open || this.#socket !== undefined) return
    this.#socket = new RpcSocket(socketUrl(), this)
  }

  #connectLater(): void {
    window.clearTimeout(this.#retry)
    // Not all panels at the same moment.
    this.#retry = window.setTimeout(() => this.#connect(), this.#wait_ms * (0.75 + Math.random() / 2))
    this.#wait_ms = Math.min(2 * this.#wait_ms, RETRY_MAX_MS)
  }

  /** A browser does not tell why a WebSocket was refused; a plain request does. */
  async #askWhy(): Promise<void> {
    const response = await fetch('/health').catch(() => undefined)
    if (!this.#open || this.#state === 'live') return
    if (response?.status === 401) return this.#become('login')
    if (response?.status === 403 || response?.status === 429) {
      const { detail } = (await response.json().catch(() => ({}))) as { detail?: string }
      this.#become('refused', detail ?? `The edge answered ${response.status}`)
    } else this.#become(this.#lives === 0 && this.#state === 'connecting' && response?.ok ? 'connecting' : 'reconnecting')
    this.#connectLater()
  }

  /** Somebody looks again, or the network is back. */
  readonly #hurry = (): void => {
    if (document.visibilityState === 'hidden' || this.#state === 'login') return
    this.#wait_ms = RETRY_MIN_MS
    if (this.#socket === undefined) this.#connect()
    else this.#socket.check()
  }
}
