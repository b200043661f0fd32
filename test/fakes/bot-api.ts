/**
 * A stand-in of Telegram's Bot API on 127.0.0.1. It takes `sendMessage` and `sendDocument` by the documented rules
 * (core.telegram.org/bots/api), and keeps what every chat really received, in order. A script decides call by call how it behaves.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { HtmlError, type ParsedHtml, parseTelegramHtml } from './bot-api-html.ts'

/** A call as it came in. The fields are empty where it was reset before it was read. */
export interface BotCall {
  readonly at: number
  readonly token: string
  readonly method: string
  readonly chat_id: string
  readonly text: string
  readonly parse_mode: string | null
  readonly document: { readonly filename: string; readonly contents: string } | null
}

/**
 * How a call goes.
 * - `ok`: by the rules;
 * - `reset_before`: the connection is cut before the request is read: nothing arrives;
 * - `reset_after`, `hang_after`, `broken_json`: the message arrives, the answer does not;
 * - a status: refused, or, with `accepted`, the message arrives all the same.
 */
export type Behaviour =
  | 'ok'
  | 'reset_before'
  | 'reset_after'
  | 'hang_after'
  | 'broken_json'
  | { readonly status: number; readonly description?: string; readonly retry_after?: number; readonly accepted?: boolean }

/** A message as the person in the chat has it. */
export interface ReceivedMessage {
  readonly message_id: number
  readonly token: string
  /** What is shown; of a document its caption. */
  readonly text: string
  readonly entities: ParsedHtml['entities']
  readonly labelled: boolean
  readonly document: BotCall['document']
}

export interface BotApiFake {
  readonly url: string
  readonly calls: BotCall[]
  /** What a chat received, in order. */
  chat(chatId: string): readonly ReceivedMessage[]
  readonly chats: ReadonlyMap<string, ReceivedMessage[]>
  close(): Promise<void>
}

/** `before` is asked when the head of a request has come, `script` when all of it has. */
export interface BotApiFakeOptions {
  readonly before?: () => 'read' | 'reset_before'
  readonly script?: (call: BotCall) => Behaviour | Promise<Behaviour>
  readonly port?: number
}

/** "Text of the message to be sent, 1-4096 characters after entities parsing"; characters are UTF-16 units. */
const MESSAGE_UNITS = 4_096
/** "Document caption, 0-1024 characters after entities parsing" */
const CAPTION_UNITS = 1_024
const LABEL = '(sent again'

/** What the server strips or does not count as text: a message of nothing else is empty. */
const NOTHING = /^[\s\p{Cc}\p{Cf}\u115f\u1160\u2800\u3164\uffa0\ufffc]*$/u

class Refusal extends Error {
  readonly status: number
  constructor(status: number, description: string) {
    super(description)
    this.status = status
  }
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const readCall = async (request: IncomingMessage, token: string, method: string): Promise<BotCall> => {
  const type = request.headers['content-type'] ?? ''
  const body = await bodyOf(request)
  const base = { at: Date.now(), token, method }
  if (type.startsWith('multipart/form-data')) {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
    const file = form.get('document')
    const document = file instanceof File ? { filename: file.name, contents: await file.text() } : null
    const parse_mode = form.get('parse_mode')
    return {
      ...base,
      chat_id: String(form.get('chat_id') ?? ''),
      text: String(form.get('caption') ?? ''),
      parse_mode: parse_mode === null ? null : String(parse_mode),
      document,
    }
  }
  const fields = JSON.parse(body.toString()) as Record<string, unknown>
  const { chat_id, text, parse_mode } = fields
  return {
    ...base,
    chat_id: typeof chat_id === 'string' || typeof chat_id === 'number' ? String(chat_id) : '',
    text: typeof text === 'string' ? text : '',
    parse_mode: typeof parse_mode === 'string' ? parse_mode : null,
    document: null,
  }
}

/** The message as it would be shown, or a {@link Refusal}. */
const check = (call: BotCall): ParsedHtml => {
  const { method, chat_id, text, parse_mode, document } = call
  if (method !== 'sendMessage' && method !== 'sendDocument') throw new Refusal(404, 'Not Found')
  if (!/^(-?\d+|@\w+)$/.test(chat_id)) throw new Refusal(400, 'Bad Request: chat not found')
  if (parse_mode !== null && parse_mode !== 'HTML') throw new Refusal(400, 'Bad Request: unsupported parse_mode')
  if (!text.isWellFormed()) throw new Refusal(400, 'Bad Request: strings must be encoded in UTF-8')
  let parsed: ParsedHtml = { text, entities: [] }
  try {
    if (parse_mode === 'HTML') parsed = parseTelegramHtml(text)
  } catch (error) {
    if (!(error instanceof HtmlError)) throw error
    throw new Refusal(400, `Bad Request: can't parse entities: ${error.message}`)
  }
  if (method === 'sendDocument') {
    if (!document || document.contents === '') throw new Refusal(400, 'Bad Request: file must be non-empty')
    if (parsed.text.length > CAPTION_UNITS) throw new Refusal(400, 'Bad Request: message caption is too long')
    return parsed
  }
  if (NOTHING.test(parsed.text)) throw new Refusal(400, 'Bad Request: message text is empty')
  if (parsed.text.length > MESSAGE_UNITS) throw new Refusal(400, 'Bad Request: message is too long')
  return parsed
}

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const refuse = (response: ServerResponse, status: number, description: string, retry_after?: number): void =>
  answer(response, status, {
    ok: false,
    error_code: status,
    description,
    ...(retry_after === undefined ? {} : { parameters: { retry_after } }),
  })

/** Starts it; on a free port where none is given. */
export const startBotApi = async ({ before, script = () => 'ok', port = 0 }: BotApiFakeOptions = {}): Promise<BotApiFake> => {
  const calls: BotCall[] = []
  const chats = new Map<string, ReceivedMessage[]>()
  const sockets = new Set<Socket>()
  let lastId = 0

  const receive = (call: BotCall, { text, entities }: ParsedHtml): number => {
    const message_id = ++lastId
    const received = chats.get(call.chat_id) ?? []
    chats.set(call.chat_id, received)
    received.push({ message_id, token: call.token, text, entities, labelled: text.startsWith(LABEL), document: call.document })
    return message_id
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? []
    if (token === undefined || method === undefined) return refuse(response, 404, 'Not Found')
    if (before?.() === 'reset_before') return void request.socket.resetAndDestroy()
    const call = await readCall(request, token, method)
    calls.push(call)
    const behaviour = await script(call)
    if (behaviour === 'reset_before') return void request.socket.resetAndDestroy()
    if (typeof behaviour === 'object' && !behaviour.accepted)
      return refuse(response, behaviour.status, behaviour.description ?? 'scripted', behaviour.retry_after)
    let parsed: ParsedHtml
    try {
      parsed = check(call)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return refuse(response, error.status, error.message)
    }
    const message_id = receive(call, parsed)
    if (typeof behaviour === 'object') return refuse(response, behaviour.status, 'scripted')
    if (behaviour === 'reset_after') return void request.socket.resetAndDestroy()
    if (behaviour === 'broken_json') return void response.writeHead(200).end('{"ok":tr')
    if (behaviour === 'ok') answer(response, 200, { ok: true, result: { message_id, chat: { id: call.chat_id } } })
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: Error) => {
      // A caller that was killed cannot be answered.
      if (!response.destroyed) response.destroy(error)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    chats,
    chat: (chatId) => chats.get(chatId) ?? [],
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
