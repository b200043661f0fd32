/**
 * A stand-in of the Anthropic Messages API, for tests with the real CLI. It listens on 127.0.0.1, streams, and keeps a
 * journal of what reached it, so that tests can count how often a prompt came to the model.
 *
 * The newest user text decides the answer (grammar: `services/sessions/demo/directives.ts`); without directives it is `echo: <text>`.
 *
 * | directive | answer |
 * |---|---|
 * | `tokens=N delay_ms=D label=L` | `L t0 t1 … t<N-1>`, one delta a token, D ms apart |
 * | `size=N` | one text of N bytes (`x…`), in deltas of 4,000 |
 * | `say="…"` | this text |
 * | `thinking="…"` | a thinking block in front |
 * | `empty` | no content block |
 * | `tool=Bash command="…" background` | a tool call (once a prompt), then, with its result, the text as above |
 * | `cuts=N` | the first N parts of the answer end at the output limit; asked to go on, the model says ` part2`, ` part3` … |
 * | `first_ms=D` | waits before the headers |
 * | `hang` | no headers, ever |
 * | `stall_after=N`, `cut_after=N`, `fault_after=N` | silence, a reset, an `error` event after N deltas |
 * | `status=429 message="…" error=rate_limit_error retry_after=S unified` | an HTTP error |
 * | `times=N` | hang, stall, cut, fault and status hold for the first N requests with this text only |
 * | `own_tokens=N own_delay_ms=D own_label=L` | the answer in the turn that the end of a background tool starts |
 *
 * Where the CLI was given `--json-schema`, and a test says how to fill it in (`structured`), the answer is a call of its tool.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Directives, parseDirectives } from '../../services/sessions/demo/directives.ts'
import { composePieces, filledPieces, type Piece, USAGE, wholeMessage } from './messages-answer.ts'

/** One request to the model. */
export type ApiRequest = {
  at: number
  /** `x-claude-code-session-id` */
  session_id: string | null
  /**
   * `prompt`: a user's text is the newest thing; `tool_result`: a tool's answer is; `own`: a background task's end is; `go_on`: the
   * CLI asks for the rest of an answer that was cut; `side`: the CLI's own errand.
   */
  kind: 'prompt' | 'tool_result' | 'own' | 'go_on' | 'side'
  /** The newest user text, without what the CLI adds of its own. Of a `tool_result` or `go_on` request: the text that led there. */
  prompt: string
  /** All user texts of the newest user message, oldest first: several when messages were merged or an earlier one failed. */
  texts: string[]
  stream: boolean
  model: string
  /** HTTP status of the answer; null while it hangs. */
  status: number | null
  body: MessagesBody
}

type Block = { type: string; text?: string; content?: unknown }
type MessagesBody = {
  model: string
  stream?: boolean
  tools?: unknown[]
  messages: { role: string; content: string | Block[] }[]
}

/** A running stand-in. */
export type MessagesApi = {
  url: string
  /** Everything that came, in order of arrival. */
  requests: ApiRequest[]
  /** The newest user text of every `prompt` request that was accepted (200), in order. */
  prompts(): string[]
  /** How many accepted `prompt` requests had this text as their newest. */
  count(part: string): number
  close(): Promise<void>
}

/** How a structure that is asked for is filled in, and what is answered to everything else that has no directives. */
export type Filling = {
  structured?: (request: ApiRequest) => unknown
  text?: (request: ApiRequest) => string | undefined
}

/** Starts it on 127.0.0.1, on a free port where none is given. */
export async function startMessagesApi(filling: Filling = {}, port = 0): Promise<MessagesApi> {
  const requests: ApiRequest[] = []
  const closing = new AbortController()
  const server = createServer((request, response) => {
    void serve(request, response, requests, closing.signal, filling).catch((error: Error) => {
      if (!closing.signal.aborted && !response.destroyed) response.destroy(error)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const accepted = () => requests.filter((request) => request.kind === 'prompt' && request.status === 200)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    prompts: () => accepted().map((request) => request.prompt),
    count: (part) => accepted().filter((request) => request.prompt.includes(part)).length,
    close: async () => {
      closing.abort()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  journal: ApiRequest[],
  closing: AbortSignal,
  filling: Filling,
): Promise<void> {
  const body = await readAll(request)
  const path = new URL(request.url ?? '/', 'http://x').pathname
  if (request.method === 'HEAD') return void response.writeHead(200).end()
  if (path === '/v1/messages/count_tokens') return sendJson(response, 200, { input_tokens: 1_000 })
  if (request.method !== 'POST' || path !== '/v1/messages') {
    return sendJson(response, 404, errorBody('not_found_error', `no ${request.method} ${path}`))
  }
  const entry = describe(JSON.parse(body) as MessagesBody, request)
  const earlier = journal.filter((before) => before.prompt === entry.prompt && before.kind === entry.kind).length
  journal.push(entry)
  await answer(entry, response, earlier, closing, filling)
}

/** What a request is about. The CLI sends the whole conversation each time: only its newest user message is new. */
function describe(body: MessagesBody, request: IncomingMessage): ApiRequest {
  const users = body.messages.filter((message) => message.role === 'user')
  const newest = users.at(-1)
  const texts = userTexts(newest?.content ?? '')
  const blocks = typeof newest?.content === 'string' ? [] : (newest?.content ?? [])
  const raw = blocks.at(-1)?.text ?? (typeof newest?.content === 'string' ? newest.content : '')
  const side = !body.tools?.length || raw.startsWith('CRITICAL: Respond with TEXT ONLY')
  const afterTool =
    blocks.at(-1)?.type === 'tool_result' || (blocks.some((block) => block.type === 'tool_result') && texts.length === 0)
  const own = raw.includes('<task-notification>')
  const goOn = isGoOn(texts.at(-1) ?? '')
  const led = () =>
    users
      .flatMap((message) => userTexts(message.content))
      .filter((text) => !isGoOn(text))
      .at(-1)
  const session = request.headers['x-claude-code-session-id']
  return {
    at: Date.now(),
    session_id: typeof session === 'string' ? session : null,
    kind: side ? 'side' : afterTool ? 'tool_result' : own ? 'own' : goOn ? 'go_on' : 'prompt',
    prompt: (afterTool || own || goOn ? led() : texts.at(-1)) ?? '',
    texts,
    stream: body.stream === true,
    model: body.model,
    status: null,
    body,
  }
}

/** What the CLI says to a model whose answer was cut at the output limit (2.1.330). */
const isGoOn = (text: string): boolean => text.startsWith('Output token limit hit.')

/** The texts of a message that a user wrote. What the CLI adds is wrapped in `<system-reminder>`. */
function userTexts(content: string | Block[]): string[] {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  return blocks
    .filter((block) => block.type === 'text')
    .map((block) => (block.text ?? '').replace(/<system-reminder>[\s\S]*?<\/system-reminder>\s*/g, ''))
    .filter((text) => text.trim() !== '')
}

async function answer(
  entry: ApiRequest,
  response: ServerResponse,
  earlier: number,
  closing: AbortSignal,
  filling: Filling,
): Promise<void> {
  const wish = parseDirectives(entry.prompt)
  const faulty =
    (entry.kind === 'prompt' || entry.kind === 'tool_result') && earlier < wish.number('times', Number.POSITIVE_INFINITY)
  if (wish.has('first_ms')) await sleep(wish.number('first_ms', 0), undefined, { signal: closing })
  if (faulty && wish.has('hang')) return await never(closing)
  if (faulty && wish.has('status')) return sendError(entry, response, wish)
  entry.status = 200
  const pieces = filledPieces(entry, filling) ?? composePieces(entry, wish, earlier)
  const tool = pieces.some((piece) => JSON.stringify(piece.start).includes('tool_use'))
  const part = entry.kind === 'go_on' ? earlier + 2 : 1
  const stopReason = tool ? 'tool_use' : part <= wish.number('cuts', 0) ? 'max_tokens' : 'end_turn'
  if (!entry.stream) return sendJson(response, 200, wholeMessage(entry.model, pieces, stopReason))
  await stream(entry, response, pieces, stopReason, { wish, faulty, closing })
}

type Streaming = { wish: Directives; faulty: boolean; closing: AbortSignal }

async function stream(
  entry: ApiRequest,
  response: ServerResponse,
  pieces: Piece[],
  stopReason: string,
  how: Streaming,
): Promise<void> {
  const { wish, faulty, closing } = how
  const delay = entry.kind === 'own' ? wish.number('own_delay_ms', 0) : wish.number('delay_ms', 0)
  const limit = (name: string) => (faulty && wish.has(name) ? wish.number(name, 0) : Number.POSITIVE_INFINITY)
  const send = (type: string, rest: object = {}) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${randomUUID()}` })
  const message = { ...wholeMessage(entry.model, [], null), usage: { ...USAGE, output_tokens: 1 } }
  send('message_start', { message })
  let sent = 0
  for (const [index, piece] of pieces.entries()) {
    send('content_block_start', { index, content_block: piece.start })
    for (const delta of piece.deltas) {
      if (sent >= limit('stall_after')) return await never(closing)
      if (sent >= limit('cut_after')) return void response.destroy()
      if (sent >= limit('fault_after')) {
        send('error', errorBody('api_error', 'asked for by a test'))
        return void response.end()
      }
      if (delay > 0) await sleep(delay, undefined, { signal: closing })
      if (response.destroyed) return
      send('content_block_delta', { index, delta })
      sent += 1
    }
    send('content_block_stop', { index })
  }
  const usage = { ...USAGE, output_tokens: Math.max(1, sent) }
  send('message_delta', { delta: { stop_reason: stopReason, stop_sequence: null }, usage })
  send('message_stop')
  response.end()
}

const ERROR_TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

function sendError(entry: ApiRequest, response: ServerResponse, wish: Directives): void {
  entry.status = wish.number('status', 500)
  const type = wish.text('error', ERROR_TYPES[entry.status] ?? 'api_error')
  const resets = String(Math.floor(Date.now() / 1_000) + 3_600)
  const headers = {
    ...(wish.has('retry_after') && { 'retry-after': wish.text('retry_after') }),
    ...(wish.has('unified') && {
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': resets,
      'anthropic-ratelimit-unified-representative-claim': 'five_hour',
    }),
  }
  sendJson(response, entry.status, errorBody(type, wish.text('message', 'asked for by a test')), headers)
}

function errorBody(type: string, message: string) {
  return { type: 'error', error: { type, message } }
}

function sendJson(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'request-id': `req_${randomUUID()}`, ...headers })
    .end(JSON.stringify(body))
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

async function never(closing: AbortSignal): Promise<void> {
  if (!closing.aborted) await new Promise<void>((resolve) => closing.addEventListener('abort', () => resolve(), { once: true }))
}
