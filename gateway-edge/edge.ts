/**
 * The edge: HTTP in, calls of the contract out. A request is guarded, routed, decoded and passed to the service that owns
 * the method; the answer is written in the shape that clients of the predecessor know.
 *
 * - **A** A client that goes away does not stop a turn: nothing is called back for it.
 * - **B** Whoever waits for a turn when the edge closes sees a broken connection, never an end that is not the answer.
 * - **C** What is logged of a request is its route and how it ended; no text of it.
 */
import { randomUUID } from 'node:crypto'
import { ServiceError } from '../protocol/errors.ts'
import type { history } from '../protocol/history.ts'
import type { Client } from '../protocol/method.ts'
import type { sessions } from '../protocol/sessions.ts'
import type { WireLog } from '../protocol/wire/log.ts'
import { createBodyReader } from './http/body.ts'
import { HttpError, toHttpError } from './http/errors.ts'
import { createGuard } from './http/guard.ts'
import { createHealth } from './http/health.ts'
import { decodeInput, type Input } from './http/input.ts'
import { type ContractRoute, createRoutes, type Route } from './http/routes.ts'
import { answerAsStream, answerAtEnd, answerEvents, begin, type SendDeps, type SendInput, tellEnd } from './http/send.ts'
import type { Exchange, Headers, OpenServer, Server } from './server/server.ts'
import { openTurns } from './turns.ts'

const JSON_TYPE: Headers = { 'content-type': 'application/json' }

const ALIVE_PATH = '/api/health'

const CLOSING = 'The gateway is shutting down; try again'

export interface EdgeOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly openServer: OpenServer
  readonly clients: { readonly sessions: Client<typeof sessions>; readonly history: Client<typeof history> }
  /** Whether history answers within so many milliseconds. */
  readonly isHistoryUp: (patience_ms: number) => Promise<boolean>
  readonly log: WireLog
  /** Names this life of the edge. */
  readonly instance: string
  /** How long sessions may be away before clients are told. */
  readonly give_up_ms?: number
  /** How often a silent stream shows that it is alive. */
  readonly keep_alive_ms?: number
  /** How long one question for news waits at sessions. */
  readonly wait_ms?: number
}

export interface Edge {
  readonly port: number
  readonly adapter: Server['adapter']
  /** How many turns are followed at this moment. */
  readonly followed: number
  /**
   * Takes no more connections, breaks whatever waits for a turn (B), and resolves when all other requests are answered.
   * Clients come again; a turn goes on without them.
   */
  drain(): Promise<void>
  /** Breaks what is left. */
  close(): void
}

/** Fields of the contract that a header may give. */
const HEADER_FIELDS = { idempotency_key: 'idempotency-key', after: 'last-event-id' }

const headerFields = (exchange: Exchange): Headers =>
  Object.fromEntries(
    Object.entries(HEADER_FIELDS)
      .map(([field, header]) => [field, exchange.header(header)] as const)
      .filter(([, value]) => value !== ''),
  )

/** How long telling sessions of broken responses may hold up the end. */
const TELL_MS = 1_000

/** What the log is told of one request. */
interface Trace {
  readonly call_id: string
  readonly began: number
  route: string
  status: number
}

/** Opens the edge on its port. */
export const openEdge = async (options: EdgeOptions): Promise<Edge> => {
  const { clients, log } = options
  const given = <K extends 'give_up_ms' | 'keep_alive_ms' | 'wait_ms'>(name: K) =>
    options[name] === undefined ? {} : { [name]: options[name] }
  const turns = openTurns({ source: clients.sessions, ...given('give_up_ms'), ...given('wait_ms') })
  const sending: SendDeps = {
    client: clients.sessions,
    turns,
    edge: options.instance,
    log,
    ...given('give_up_ms'),
    ...given('keep_alive_ms'),
  }
  const readBody = createBodyReader()
  const routes = createRoutes({
    [`GET ${ALIVE_PATH}`]: async () => '{"status":"ok"}',
    'GET /health': createHealth({ sessions: clients.sessions, isHistoryUp: options.isHistoryUp, adapter: () => server.adapter }),
  })
  /** Requests being answered, and those among them that closing breaks: they wait for a turn, or for the rest of their body. */
  const requests = new Map<Exchange, Promise<void>>()
  const waiting = new Set<Exchange>()
  let closing = false

  const findRoute = (exchange: Exchange): { readonly route: Route; readonly params: Readonly<Record<string, string>> } => {
    const match = routes.find(exchange.method, exchange.path)
    if (match.kind === 'found') return { route: match.target, params: match.params }
    if (match.kind === 'method') throw new HttpError(405, 'Method Not Allowed', { allow: match.allow })
    if (match.kind === 'none') throw new HttpError(404, 'Not Found')
    const query = exchange.query === '' ? '' : `?${exchange.query}`
    throw new HttpError(307, '', { location: `http://${exchange.header('host')}${match.path}${query}` })
  }

  const reply = (exchange: Exchange, trace: Trace, status: number, body: string, headers: Headers = {}): void => {
    trace.status = exchange.closed ? 499 : status
    exchange.reply(status, { ...JSON_TYPE, ...headers }, body)
  }

  const refuse = (exchange: Exchange, trace: Trace, error: unknown, input: Input | undefined): void => {
    const { status, detail, headers, cause } = toHttpError(error, input)
    trace.status = exchange.closed ? 499 : status
    if (status >= 500 && !exchange.closed)
      log.error({ call_id: trace.call_id, route: trace.route, err: cause ?? error }, 'A request failed')
    if (status === 307) exchange.reply(status, headers, '')
    else exchange.reply(status, { ...JSON_TYPE, 'x-call-id': trace.call_id, ...headers }, JSON.stringify({ detail }))
  }

  /** Does what may take long and loses nothing when closing breaks it. */
  const breakable = async <T>(exchange: Exchange, task: () => Promise<T>): Promise<T> => {
    if (closing) throw new ServiceError('closing', CLOSING)
    waiting.add(exchange)
    try {
      return await task()
    } finally {
      waiting.delete(exchange)
    }
  }

  const noteFault = (exchange: Exchange, trace: Trace, turn_id: string, fault: unknown): void => {
    trace.status = exchange.gone.aborted ? 499 : 200
    if (fault !== undefined && !exchange.gone.aborted)
      log.error({ call_id: trace.call_id, turn_id, err: fault }, 'A turn could not be followed to its end')
  }

  const send = async (exchange: Exchange, trace: Trace, shape: 'await' | 'sse', input: SendInput): Promise<void> => {
    const begun = await begin(sending, exchange, input, trace.call_id)
    const { turn_id } = begun
    try {
      if (shape === 'sse') return noteFault(exchange, trace, turn_id, await answerAsStream(sending, exchange, turn_id))
      const response = await answerAtEnd(sending, exchange, turn_id)
      reply(exchange, trace, 200, JSON.stringify({ response, session_key: input.chat_id }), { 'x-turn-id': turn_id })
    } finally {
      await tellEnd(sending, begun, !exchange.gone.aborted)
    }
  }

  /** The events of a turn; 204 to a client that has seen the last one, which keeps a browser from coming again. */
  const events = async (exchange: Exchange, trace: Trace, turn_id: string, after: string | undefined): Promise<void> => {
    const first = await clients.sessions.events({ turn_id, after, max_bytes: 1_000 }, { call_id: trace.call_id })
    if (first.ended && first.events.length === 0) {
      trace.status = 204
      return exchange.reply(204, {}, '')
    }
    noteFault(exchange, trace, turn_id, await answerEvents(sending, exchange, turn_id, after))
  }

  const call = async (exchange: Exchange, trace: Trace, { row, binding }: ContractRoute, input: Input): Promise<void> => {
    const { shape = 'reply', status = 200 } = binding
    if (shape === 'events') {
      const { turn_id, after } = input.value as { turn_id: string; after?: string }
      return await breakable(exchange, () => events(exchange, trace, turn_id, after))
    }
    if (shape !== 'reply')
      return await breakable(exchange, () => send(exchange, trace, shape, input.value as unknown as SendInput))
    const methods = clients[row.service] as unknown as Record<
      string,
      (input: unknown, options: { call_id: string }) => Promise<unknown>
    >
    reply(exchange, trace, status, JSON.stringify(await methods[row.verb]?.(input.value, { call_id: trace.call_id })))
  }

  const answer = async (exchange: Exchange, trace: Trace): Promise<void> => {
    let input: Input | undefined
    try {
      guard(exchange)
      const { route, params } = findRoute(exchange)
      trace.route = route.name
      if (route.kind === 'own') return reply(exchange, trace, 200, await route.answer())
      // Everything of the request is read before the first await.
      const headers = headerFields(exchange)
      const body = exchange.method === 'GET' ? undefined : await breakable(exchange, () => readBody(exchange))
      input = decodeInput(route.fields, { params, query: exchange.query, body, headers })
      await call(exchange, trace, route, input)
    } catch (error) {
      refuse(exchange, trace, error, input)
    }
  }

  const handle = (exchange: Exchange): void => {
    if (exchange.path === ALIVE_PATH && exchange.method === 'GET' && guard.admits(exchange)) {
      // Asked often, by whoever watches; it costs no line of the log.
      exchange.reply(200, JSON_TYPE, '{"status":"ok"}')
      return
    }
    const trace: Trace = { call_id: randomUUID(), began: performance.now(), route: 'none', status: 0 }
    const done = answer(exchange, trace).finally(() => {
      requests.delete(exchange)
      const ms = Math.round(performance.now() - trace.began)
      log.info(
        { call_id: trace.call_id, method: exchange.method, route: trace.route, status: trace.status, ms },
        'A request was answered',
      )
    })
    requests.set(exchange, done)
  }

  const server = await options.openServer({
    host: options.host,
    port: options.port,
    handle,
    onFault: (error) => log.error({ err: error }, 'A request was not understood'),
  })
  const guard = createGuard(server.port)

  return {
    port: server.port,
    adapter: server.adapter,
    get followed() {
      return turns.size
    },
    drain: async () => {
      closing = true
      server.stop()
      for (const exchange of waiting) exchange.sever()
      const broken = [...requests].filter(([exchange]) => waiting.has(exchange)).map(([, done]) => done)
      const answered = [...requests].filter(([exchange]) => !waiting.has(exchange)).map(([, done]) => done)
      turns.close()
      // Untold, they are broken all the same once the next edge lives: no reason to wait for sessions.
      const told = Promise.race([Promise.allSettled(broken), new Promise((resolve) => setTimeout(resolve, TELL_MS).unref())])
      await Promise.all([...answered, told])
    },
    close: () => {
      turns.close()
      server.close()
    },
  }
}
