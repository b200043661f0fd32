/**
 * The edge: HTTP in, calls of the contract out. A request is guarded, routed, decoded and passed to the service that owns
 * the method; the answer is written in the shape that clients of the predecessor know.
 *
 * - **A** A client that goes away does not stop a turn: nothing is called back for it.
 * - **B** Whoever waits for a turn when the edge closes sees a broken connection, never an end that is not the answer.
 * - **C** What is logged of a request is its route and how it ended; no text of it.
 */
import { randomUUID } from 'node:crypto'
import type { Clients, ServiceName } from '../protocol/contract.ts'
import { ServiceError } from '../protocol/errors.ts'
import type { WireLog } from '../protocol/wire/log.ts'
import { begin } from './http/begin.ts'
import { createBodyReader } from './http/body.ts'
import { createDocuments, versionOfUs } from './http/documents.ts'
import { HttpError, toHttpError } from './http/errors.ts'
import { type FileOutput, fileHeaders } from './http/file.ts'
import { createGuard, type Guard, type GuardOptions } from './http/guard.ts'
import { createHealth } from './http/health.ts'
import { decodeInput, HEADER_FIELDS, type Input } from './http/input.ts'
import { createLogin } from './http/login.ts'
import type { Panel } from './http/panel.ts'
import { createPrometheus } from './http/prometheus.ts'
import { createRefusals } from './http/refusals.ts'
import { ResponseEnds } from './http/response-ends.ts'
import { type ContractRoute, createRoutes, type Route } from './http/routes.ts'
import { type Answered, answerAsStream, answerEvents, answerWhole, replyOf, type SendDeps, type SendInput } from './http/send.ts'
import { schemeOf } from './http/source.ts'
import { createAuthorise, type SpeakersOptions } from './http/speakers.ts'
import { LIVE_PATH, type Live, type LiveDeps, openLive } from './live/live.ts'
import { createMcpMount, MCP_PATH } from './mcp/mount.ts'
import type { Exchange, Headers, OpenServer, Server, SocketOptions } from './server/server.ts'
import { openTurns } from './turns.ts'

const JSON_TYPE: Headers = { 'content-type': 'application/json' }

const ALIVE_PATHS: ReadonlySet<string> = new Set(['/api/health', '/healthz'])

const CLOSING = 'The gateway is shutting down; try again'

/** Who is let in, who may speak, and how much at one time. */
export interface AccessOptions extends Omit<GuardOptions, 'port' | 'host' | 'isOpen'>, SpeakersOptions {
  /** Requests being answered at one time, streams included; twice as many connections. No bound where absent. */
  readonly max_connections?: number | undefined
  readonly max_body_bytes?: number | undefined
}

export interface EdgeOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly openServer: OpenServer
  readonly clients: Clients
  /** Whether a service answers within so many milliseconds. */
  readonly isUp: (service: ServiceName, patience_ms: number) => Promise<boolean>
  readonly log: WireLog
  /** Names this life of the edge. */
  readonly instance: string
  readonly access?: AccessOptions
  /** The panel's files; without them there is no panel. */
  readonly panel?: Panel | undefined
  /** Listens to the bus of a service. */
  readonly listen: LiveDeps['listen']
  readonly live?: Pick<LiveDeps, 'lag_ms' | 'idle_s' | 'max_sockets'>
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
  readonly live: Live['stats']
  /**
   * Takes no more connections, breaks whatever waits for a turn (B), and resolves when all other requests are answered.
   * Clients come again; a turn goes on without them.
   */
  drain(): Promise<void>
  /** Breaks what is left. */
  close(): void
}

const headerFields = (exchange: Exchange): Headers =>
  Object.fromEntries(
    Object.entries(HEADER_FIELDS)
      .map(([field, header]) => [field, exchange.header(header)] as const)
      .filter(([, value]) => value !== ''),
  )

/** How long telling sessions of broken responses may hold up the end. */
const TELL_MS = 1_000

type Call = (input: unknown, options: { readonly call_id: string }) => Promise<unknown>

/** What the log is told of one request. */
interface Trace {
  readonly call_id: string
  readonly began: number
  route: string
  status: number
  /** Past the guard. */
  admitted?: boolean
}

/** Opens the edge on its port. */
export const openEdge = async (options: EdgeOptions): Promise<Edge> => {
  const { clients, log, panel, access = {} } = options
  const { max_connections = Number.POSITIVE_INFINITY } = access
  const given = <K extends 'give_up_ms' | 'keep_alive_ms' | 'wait_ms'>(name: K) =>
    options[name] === undefined ? {} : { [name]: options[name] }
  const turns = openTurns({ source: clients.sessions, ...given('give_up_ms'), ...given('wait_ms') })
  const ends = new ResponseEnds(clients.sessions, log)
  const sending: SendDeps = {
    client: clients.sessions,
    ends,
    turns,
    edge: options.instance,
    ...given('give_up_ms'),
    ...given('keep_alive_ms'),
  }
  const readBody = createBodyReader(access.max_body_bytes)
  const authorise = createAuthorise(access)
  const refusals = createRefusals(log)
  const mcp = createMcpMount({ host: options.host, port: () => server.port, readBody, version: versionOfUs(), log })
  const live = openLive({ clients, sending, authorise, turns, listen: options.listen, log, ...options.live })
  const routes = createRoutes({
    ...createHealth({ sessions: clients.sessions, metrics: clients.metrics, isUp: options.isUp, adapter: () => server.adapter }),
    ...createDocuments(),
    ...createPrometheus(clients.metrics),
    ...createLogin({ guard: () => guard, readBody: (exchange) => breakable(exchange, () => readBody(exchange)) }),
  })
  /** Requests being answered, and those among them that closing breaks: they wait for a turn, or for the rest of their body. */
  const requests = new Map<Exchange, Promise<void>>()
  const waiting = new Set<Exchange>()
  let closing = false

  const findRoute = (exchange: Exchange): { readonly route: Route; readonly params: Readonly<Record<string, string>> } => {
    const match = routes.find(exchange.method, exchange.path)
    if (match.kind === 'found') return { route: match.target, params: match.params }
    if (exchange.path === LIVE_PATH && exchange.method === 'GET')
      throw new HttpError(426, 'WebSocket is spoken here, see docs/websocket.md', { upgrade: 'websocket' })
    if (match.kind === 'method') throw new HttpError(405, 'Method Not Allowed', { allow: match.allow })
    if (match.kind === 'none') throw new HttpError(404, 'Not Found')
    const query = exchange.query === '' ? '' : `?${exchange.query}`
    throw new HttpError(307, '', { location: `${schemeOf(exchange)}://${exchange.header('host')}${match.path}${query}` })
  }

  const reply = (exchange: Exchange, trace: Trace, status: number, body: string, headers: Headers = {}): void => {
    trace.status = exchange.closed ? 499 : status
    exchange.reply(status, { ...JSON_TYPE, ...headers }, body)
  }

  const replyFile = (exchange: Exchange, trace: Trace, file: FileOutput): void => {
    trace.status = exchange.closed ? 499 : 200
    exchange.reply(200, fileHeaders(file), file.bytes)
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

  const note = (exchange: Exchange, trace: Trace, turn_id: string, { completed, fault }: Answered): void => {
    trace.status = completed || !exchange.gone.aborted ? 200 : 499
    if (fault !== undefined && !exchange.gone.aborted)
      log.error({ call_id: trace.call_id, turn_id, err: fault }, 'A turn could not be followed to its end')
  }

  const send = async (exchange: Exchange, trace: Trace, shape: 'await' | 'sse', input: SendInput): Promise<void> => {
    const begun = await begin(sending, exchange, input, (whole) => clients.sessions.send(whole, { call_id: trace.call_id }))
    const { turn_id } = begun.output
    const whole = async (): Promise<Answered> => {
      const response = await replyOf(sending, exchange, turn_id)
      const headers = { ...JSON_TYPE, 'x-turn-id': turn_id }
      return await answerWhole(exchange, headers, JSON.stringify({ response, session_key: input.chat_id }))
    }
    let answered: Answered = { completed: false }
    try {
      answered = await (shape === 'sse' ? answerAsStream(sending, exchange, turn_id) : whole())
      note(exchange, trace, turn_id, answered)
    } finally {
      if (begun.response_id !== undefined) await ends.tell(begun.response_id, answered.completed)
    }
  }

  /** Begins what the contract answers at once, so that a client that sends again after a broken answer begins nothing anew. */
  const order = async (exchange: Exchange, trace: Trace, status: number, input: object, call: Call): Promise<void> => {
    const begun = await begin(sending, exchange, input, (whole) => call(whole, { call_id: trace.call_id }))
    let answered: Answered = { completed: false }
    try {
      answered = await answerWhole(exchange, JSON_TYPE, JSON.stringify(begun.output), status)
      trace.status = answered.completed ? status : 499
    } finally {
      if (begun.response_id !== undefined) await ends.tell(begun.response_id, answered.completed)
    }
  }

  /** Asks again until what was begun has ended. A client that has gone is not waited for; what it began goes on. */
  const settle = async (exchange: Exchange, trace: Trace, { row, binding }: ContractRoute, input: Input): Promise<void> => {
    const methods = clients[row.service] as unknown as Readonly<Record<string, Call>>
    const ask = async () => (await methods[row.verb]?.(input.value, { call_id: trace.call_id })) as { readonly pending: boolean }
    let output = await ask()
    while (output.pending && !exchange.closed) output = await ask()
    reply(exchange, trace, binding.status ?? 200, JSON.stringify(output))
  }

  /** The events of a turn; 204 to a client that has seen the last one, which keeps a browser from coming again. */
  const events = async (exchange: Exchange, trace: Trace, turn_id: string, after: string | undefined): Promise<void> => {
    const first = await clients.sessions.events({ turn_id, after, max_bytes: 1_000 }, { call_id: trace.call_id })
    if (first.ended && first.events.length === 0) {
      trace.status = 204
      return exchange.reply(204, {}, '')
    }
    note(exchange, trace, turn_id, await answerEvents(sending, exchange, turn_id, after))
  }

  const call = async (exchange: Exchange, trace: Trace, route: ContractRoute, input: Input): Promise<void> => {
    const { row, binding, fields } = route
    authorise(row, input.value)
    const { shape = 'reply', status = 200 } = binding
    if (shape === 'settle') return await breakable(exchange, () => settle(exchange, trace, route, input))
    if (shape === 'events') {
      const { turn_id, after } = input.value as { turn_id: string; after?: string }
      return await breakable(exchange, () => events(exchange, trace, turn_id, after))
    }
    if (shape !== 'reply' && shape !== 'file')
      return await breakable(exchange, () => send(exchange, trace, shape, input.value as unknown as SendInput))
    const methods = clients[row.service] as unknown as Readonly<Record<string, Call>>
    const method = methods[row.verb] as Call
    if (fields.has('response'))
      return await breakable(exchange, () => order(exchange, trace, status, input.value as object, method))
    const output = await method(input.value, { call_id: trace.call_id })
    if (shape === 'file') replyFile(exchange, trace, output as FileOutput)
    else reply(exchange, trace, status, JSON.stringify(output))
  }

  /** What clients that look at the body alone read of a failure; undefined where the status tells them. */
  const rejection = (route: Route | undefined, error: unknown, input: Input | undefined): string | undefined => {
    if (route?.kind !== 'contract' || route.binding.failure !== 'rejected' || input === undefined) return undefined
    const { status, detail, cause } = toHttpError(error, input)
    if (status >= 500) log.error({ route: route.name, err: cause ?? error }, 'A request failed')
    return status === 422 || typeof detail !== 'string' ? undefined : JSON.stringify({ status: 'rejected', reason: detail })
  }

  const answer = async (exchange: Exchange, trace: Trace): Promise<void> => {
    let input: Input | undefined
    let route: Route | undefined
    try {
      if (requests.size >= max_connections) throw new ServiceError('busy', 'Too many requests are being answered; try again')
      guard(exchange)
      trace.admitted = true
      if (panel?.has(exchange)) {
        trace.route = 'the panel'
        trace.status = 200
        return panel.answer(exchange)
      }
      if (exchange.path === MCP_PATH) {
        trace.route = MCP_PATH
        trace.status = await breakable(exchange, () => mcp.answer(exchange))
        return
      }
      const found = findRoute(exchange)
      const { params } = found
      route = found.route
      trace.route = route.name
      if (route.kind === 'own') {
        const own = await route.answer(exchange)
        return reply(exchange, trace, own.status ?? 200, own.body, own.headers)
      }
      // Everything of the request is read before the first await.
      const headers = headerFields(exchange)
      const body = exchange.method === 'GET' ? undefined : await breakable(exchange, () => readBody(exchange))
      input = decodeInput(route.fields, { params, query: exchange.query, body, headers })
      await call(exchange, trace, route, input)
    } catch (error) {
      const rejected = rejection(route, error, input)
      if (rejected === undefined) refuse(exchange, trace, error, input)
      else reply(exchange, trace, 200, rejected)
    }
  }

  const handle = (exchange: Exchange): void => {
    if (ALIVE_PATHS.has(exchange.path) && exchange.method === 'GET' && guard.admits(exchange)) {
      // Asked often, by whoever watches; it costs no line of the log.
      exchange.reply(200, JSON_TYPE, '{"status":"ok"}')
      return
    }
    const trace: Trace = { call_id: randomUUID(), began: performance.now(), route: 'none', status: 0 }
    const done = answer(exchange, trace).finally(() => {
      requests.delete(exchange)
      const ms = Math.round(performance.now() - trace.began)
      if (trace.admitted !== true && !refusals.isWorthALine()) return
      log.info(
        { call_id: trace.call_id, method: exchange.method, route: trace.route, status: trace.status, ms },
        'A request was answered',
      )
    })
    requests.set(exchange, done)
  }

  const admit: SocketOptions['admit'] = (exchange) => {
    const trace: Trace = { call_id: randomUUID(), began: performance.now(), route: `GET ${LIVE_PATH}`, status: 101 }
    try {
      guard(exchange)
      return live.admit()
    } catch (error) {
      refuse(exchange, trace, error, undefined)
      const { call_id, route, status } = trace
      if (refusals.isWorthALine()) log.info({ call_id, method: 'GET', route, status }, 'A WebSocket was refused')
      return undefined
    }
  }

  const server = await options.openServer({
    host: options.host,
    port: options.port,
    handle,
    often: [...ALIVE_PATHS],
    sockets: { ...live.limits, admit },
    onFault: (error) => log.error({ err: error }, 'A request was not understood'),
    max_connections: access.max_connections && 2 * access.max_connections,
  })
  const guard: Guard = createGuard({
    ...access,
    port: server.port,
    host: options.host,
    isOpen: (visitor) => panel?.has(visitor) ?? false,
  })

  return {
    port: server.port,
    adapter: server.adapter,
    get followed() {
      return turns.size
    },
    get live() {
      return live.stats
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
      await Promise.all([...answered, told, live.drain()])
    },
    close: () => {
      turns.close()
      live.close()
      server.close()
    },
  }
}
