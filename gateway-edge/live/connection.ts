/**
 * One WebSocket: calls come in, run side by side, and are answered as they end; what the client follows and subscribes to is
 * told between. When it ends, all that it holds is let go of.
 */
import { randomUUID } from 'node:crypto'
import { ServiceError } from '../../protocol/errors.ts'
import { parseInput } from '../../protocol/validate.ts'
import type { WireLog } from '../../protocol/wire/log.ts'
import type { Socket, SocketListener } from '../server/server.ts'
import type { Turns } from '../turns.ts'
import { type Calls, type Params, shownRow } from './calls.ts'
import { Followings } from './followings.ts'
import { type Call, type CallId, CODES, type Message, RpcError, readMessage, toAnswer, toRpcError } from './json-rpc.ts'
import { Outbox } from './outbox.ts'
import { isOwn, type Outcome, OWN_METHODS, type OwnHandlers } from './own-methods.ts'
import type { TopicListener, Topics } from './topics.ts'

/** Calls of one connection that may run at one time. */
export const CALLS_MAX = 64

export interface ConnectionDeps {
  readonly calls: Calls
  readonly turns: Turns
  readonly topics: Topics
  readonly log: WireLog
  /** Takes so many bytes of calls that run; false when there are too many already. */
  readonly hold: (bytes: number) => boolean
  readonly release: (bytes: number) => void
  readonly onClose: (connection: Connection) => void
  readonly lag_ms?: number | undefined
}

const isNamed = (params: Call['params']): params is Params => !Array.isArray(params)

export class Connection implements SocketListener, TopicListener {
  readonly #socket: Socket
  readonly #deps: ConnectionDeps
  readonly #outbox: Outbox
  readonly #followings: Followings
  /** Calls that are not answered yet; those of notifications bear a symbol. */
  readonly #running = new Map<CallId | symbol, AbortController>()
  readonly #ending = new Set<Promise<void>>()
  readonly #topics = new Set<string>()
  /** Topics of which the client did not get all. */
  readonly #gaps = new Set<string>()
  readonly #began = performance.now()
  #closing = false
  #answered = 0

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.#socket = socket
    this.#deps = deps
    this.#outbox = new Outbox(socket)
    this.#followings = new Followings({
      turns: deps.turns,
      outbox: this.#outbox,
      lag_ms: deps.lag_ms,
      onFault: (turn_id, err) => {
        if (!this.#closing) deps.log.warn({ turn_id, err }, 'A turn could not be followed to its end')
      },
    })
  }

  onMessage(data: Uint8Array, binary: boolean): void {
    if (binary) return this.#socket.close(1003, 'Messages are texts')
    let message: Message
    try {
      message = readMessage(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8'))
    } catch (error) {
      return this.#outbox.send(toAnswer(null, toRpcError(error)))
    }
    const done = this.#answerAll(message, data.byteLength)
    this.#ending.add(done)
    void done.finally(() => this.#ending.delete(done))
  }

  onDrain(): void {
    this.#outbox.drained()
    if (this.#gaps.size > 0 && this.#outbox.hasRoom) {
      for (const topic of this.#gaps) this.#outbox.notify('topic.gap', { topic })
      this.#gaps.clear()
    }
  }

  onClose(): void {
    this.#closing = true
    this.#followings.close()
    for (const topic of this.#topics) this.#deps.topics.unsubscribe(topic, this)
    for (const controller of this.#running.values()) controller.abort()
    const ms = Math.round(performance.now() - this.#began)
    this.#deps.log.info({ answered: this.#answered, ms }, 'A connection has ended')
    this.#deps.onClose(this)
  }

  onHint(topic: string, text: string): void {
    if (this.#outbox.hasRoom) this.#outbox.send(text)
    else this.#gaps.add(topic)
  }

  onGap(topic: string): void {
    if (this.#outbox.hasRoom) this.#outbox.notify('topic.gap', { topic })
    else this.#gaps.add(topic)
  }

  /** Takes no more calls, and resolves when those that run are answered. */
  async drain(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#ending)
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  async #answerAll({ batch, items }: Message, bytes: number): Promise<void> {
    const held = this.#deps.hold(bytes)
    const answers = await Promise.all(
      items.map(async (item) => {
        if (item instanceof RpcError) return { text: toAnswer(item.id, item), afterwards: undefined }
        const outcome = await this.#answer(item, held)
        this.#answered += 1
        const text = item.id === undefined ? undefined : toAnswer(item.id, outcome)
        return { text, afterwards: outcome instanceof RpcError ? undefined : outcome.afterwards }
      }),
    )
    if (held) this.#deps.release(bytes)
    const told = answers.flatMap(({ text }) => text ?? [])
    if (told.length > 0) this.#outbox.send(batch ? `[${told.join()}]` : (told[0] ?? ''))
    for (const { afterwards } of answers) afterwards?.()
  }

  async #answer(call: Call, held: boolean): Promise<Outcome | RpcError> {
    const key = call.id ?? Symbol('without an id')
    const controller = new AbortController()
    try {
      if (this.#closing) throw new ServiceError('closing', 'The gateway is shutting down; try again')
      if (!isNamed(call.params)) throw new RpcError(CODES.params, 'Parameters are given by their names')
      if (isOwn(call.method)) return this.#answerOwn(call.method, call.params)
      if (this.#running.has(key)) throw new RpcError(CODES.request, 'Another call with this id is not answered yet')
      if (!held || this.#running.size >= CALLS_MAX)
        throw new ServiceError('busy', `Too many calls are not answered yet; at most ${CALLS_MAX} run on one connection`)
      this.#running.set(key, controller)
      return await this.#call(call.method, call.params, controller.signal)
    } catch (error) {
      return toRpcError(error)
    } finally {
      if (this.#running.get(key) === controller) this.#running.delete(key)
    }
  }

  #answerOwn(name: keyof OwnHandlers, params: Params): Outcome {
    const input = parseInput(OWN_METHODS[name], params)
    return (this.#own[name] as (input: unknown) => Outcome)(input)
  }

  async #call(name: string, params: Params, signal: AbortSignal): Promise<Outcome> {
    const row = shownRow(name)
    if (row === undefined) throw new RpcError(CODES.method, 'There is no such method')
    const { follow, ...input } = params
    const follows = row.follow !== undefined && follow === true
    if (follows) this.#followings.check()
    const about = { call_id: randomUUID(), signal }
    const began = performance.now()
    let code = 'ok'
    try {
      const result = await this.#deps.calls(row, row.follow === undefined ? params : input, about)
      if (row.follow === undefined || !follows || signal.aborted) return { result }
      const turn_id = (result as Params)[row.follow.of] as string
      const { subscription, begin } = this.#followings.add(turn_id, undefined)
      return { result: { ...(result as Params), subscription }, afterwards: begin }
    } catch (error) {
      code = error instanceof ServiceError ? error.code : 'internal'
      if (code === 'internal') this.#deps.log.error({ call_id: about.call_id, method: name, err: error }, 'A call failed')
      throw error
    } finally {
      const ms = Math.round(performance.now() - began)
      this.#deps.log.info({ call_id: about.call_id, method: name, code, ms }, 'A call was answered')
    }
  }

  readonly #own: OwnHandlers = {
    ping: () => ({ result: 'pong' }),
    'rpc.cancel': ({ id }) => {
      const running = this.#running.get(id)
      running?.abort()
      return { result: { cancelled: running !== undefined } }
    },
    'turns.follow': ({ turn_id, after }) => {
      const { subscription, begin } = this.#followings.add(turn_id, after ?? undefined)
      return { result: { subscription }, afterwards: begin }
    },
    'turns.unfollow': ({ subscription }) => ({ result: { unfollowed: this.#followings.end(subscription) } }),
    'topics.subscribe': ({ topics }) => {
      for (const topic of topics) {
        this.#topics.add(topic)
        this.#deps.topics.subscribe(topic, this)
      }
      return { result: { topics: [...this.#topics] } }
    },
    'topics.unsubscribe': ({ topics }) => {
      for (const topic of topics) {
        this.#topics.delete(topic)
        this.#gaps.delete(topic)
        this.#deps.topics.unsubscribe(topic, this)
      }
      return { result: { topics: [...this.#topics] } }
    },
  }
}
