/**
 * The MCP server over Streamable HTTP, at `POST /mcp`. Each request has a server of its own and there are no sessions: nothing
 * is kept between requests, so a restart loses nothing and nobody can use up what is kept for others.
 *
 * A call of a tool is answered as a stream, in which progress can be told; anything else in one piece. The tools ask the same
 * HTTP API as everybody, with what the client showed to be let in, so no rule holds here that does not hold there.
 *
 * - **A** A client that goes away does not stop a turn: without sessions, taking a call back cannot be told from it.
 * - **B** At most {@link CALLS_MAX} calls are open at one time.
 */
import { createBackend } from '../../mcp/backend.ts'
import type { McpSettings } from '../../mcp/settings.ts'
import { CHAIN_HEADER, parseChain } from '../../protocol/chain.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { WireLog } from '../../protocol/wire/log.ts'
import { parseJson } from '../json.ts'
import type { Exchange, Headers } from '../server/server.ts'

export const MCP_PATH = '/mcp'

/** Each may wait a quarter of an hour for an answer, and holds two connections meanwhile. */
const CALLS_MAX = 200

export interface McpMountDeps {
  /** Where this edge listens. */
  readonly host: string
  readonly port: () => number
  readonly readBody: (exchange: Exchange) => Promise<Uint8Array>
  readonly version: string
  readonly log: WireLog
  readonly settings?: Partial<Pick<McpSettings, 'timeout_ms' | 'gateway_timeout_ms' | 'bot_id'>>
  /** How many calls may be open at one time. */
  readonly calls_max?: number
}

export interface McpMount {
  /** Calls that are open at this moment. */
  readonly open: number
  /** Answers a request that the guard has let in; resolves with its status. Throws what is to be answered otherwise. */
  answer(exchange: Exchange): Promise<number>
}

/** The predecessor's limits, as for a server that a client starts itself. */
const SETTINGS = { timeout_ms: 30_000, gateway_timeout_ms: 960_000, bot_id: 'default', meta_loop_base: undefined }

/** Headers that say who asks and what it may; they go on to the API. */
const SHOWN = ['authorization', 'cookie'] as const
/** Headers that the transport looks at. */
const ASKED = ['accept', 'content-type', 'mcp-protocol-version', 'mcp-session-id'] as const

const pick = (exchange: Exchange, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, exchange.header(name)]).filter(([, value]) => value !== ''))

/** An address that connects to where we listen. */
const toOwnHost = (host: string): string =>
  host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host

/** Whether a body holds a call of a tool; anything that is not understood does not. */
const callsTool = (body: unknown): boolean =>
  (Array.isArray(body) ? body : [body]).some((message) => (message as { method?: unknown } | null)?.method === 'tools/call')

const fail = (exchange: Exchange, status: number, code: number, message: string, headers: Headers = {}): number => {
  const error = { jsonrpc: '2.0', error: { code, message }, id: null }
  exchange.reply(status, { 'content-type': 'application/json', ...headers }, JSON.stringify(error))
  return status
}

/** Writes what the transport answers; a stream as it comes. */
const pass = async (exchange: Exchange, response: Response): Promise<void> => {
  const type = response.headers.get('content-type') ?? 'application/json'
  if (!type.startsWith('text/event-stream') || response.body === null)
    return exchange.reply(response.status, { 'content-type': type }, await response.text())
  exchange.open(response.status, { 'content-type': type, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' }, '')
  const decoder = new TextDecoder()
  try {
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      exchange.write(decoder.decode(part, { stream: true }))
      await exchange.writable()
      if (exchange.closed) return
    }
  } catch (error) {
    // Its head is out: broken off is all that can still be told.
    exchange.sever()
    throw error
  }
  exchange.end('')
}

/** Loaded when it is first asked for: most installations never do, and it takes as much memory as all the rest of the edge. */
const loadServer = async () => {
  const [{ createMcpServer }, { WebStandardStreamableHTTPServerTransport }] = await Promise.all([
    import('../../mcp/server.ts'),
    import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'),
  ])
  return { createMcpServer, Transport: WebStandardStreamableHTTPServerTransport }
}

/** Builds what answers at `/mcp`. */
export const createMcpMount = (deps: McpMountDeps): McpMount => {
  const { calls_max = CALLS_MAX } = deps
  const settings = { ...SETTINGS, ...deps.settings }
  const warn = (line: string): void => deps.log.warn({}, line)
  let open = 0

  const serve = async (exchange: Exchange): Promise<number> => {
    const shown = pick(exchange, SHOWN)
    const headers = pick(exchange, ASKED)
    const ancestors = parseChain(exchange.header(CHAIN_HEADER))
    const text = Buffer.from(await deps.readBody(exchange)).toString('utf8')
    let body: unknown
    try {
      body = parseJson(text)
    } catch {
      return fail(exchange, 400, -32_700, 'Parse error: the body is not JSON')
    }
    const { createMcpServer, Transport } = await loadServer()
    const server = createMcpServer({
      backend: createBackend({ api_base: `http://${toOwnHost(deps.host)}:${deps.port()}/api`, headers: shown }),
      chain: async () => ancestors,
      settings,
      version: deps.version,
      warn,
    })
    const transport = new Transport({ enableJsonResponse: !callsTool(body) })
    const leave = (): void => void server.close().catch((error: Error) => warn(`A connection did not close: ${error.message}`))
    try {
      await server.connect(transport)
      exchange.gone.addEventListener('abort', leave, { once: true })
      if (exchange.closed) return 499
      const request = new Request(`http://localhost${MCP_PATH}`, { method: 'POST', headers })
      const response = await transport.handleRequest(request, { parsedBody: body })
      await pass(exchange, response)
      return exchange.gone.aborted ? 499 : response.status
    } finally {
      exchange.gone.removeEventListener('abort', leave)
      await server.close()
    }
  }

  return {
    get open() {
      return open
    },
    answer: async (exchange) => {
      // Nothing is ever told without being asked, so there is no stream to open and no session to end.
      if (exchange.method !== 'POST') return fail(exchange, 405, -32_000, 'Only POST is answered here', { allow: 'POST' })
      if (open >= calls_max) throw new ServiceError('busy', 'Too many MCP calls are open at this moment; try again')
      open += 1
      try {
        return await serve(exchange)
      } finally {
        open -= 1
      }
    },
  }
}
