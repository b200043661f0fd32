/**
 * Behaves as the gateway client of the Go bot (wire contract 2.4 and 10.2), with all its edges: lines of at most 65,535 bytes,
 * only `data: ` lines, the socket closed at `done`, a clean end without `done` taken as success, and the same message sent
 * again to `/send` after any failure of the stream.
 */
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** One message of a chat, as the bot sends it. */
export type GoMessage = { chat_id: string; message: string; bot_id?: string; user_id?: string; username?: string }

/** One event of the stream as the bot decoded it. */
export type GoEvent = { type: string; content: string }

/** What the bot would show, and how it came to it. */
export type GoAnswer = {
  answer: string
  via: 'stream' | 'send'
  events: GoEvent[]
  /** Whether the stream failed, and why. */
  fell_back: boolean
  reason: string | null
  /** How many HTTP requests were made, retries included. */
  requests: number
}

export type GoClient = {
  /** Sends by stream, and by `/send` when that fails. Rejects when both fail. */
  ask(message: GoMessage): Promise<GoAnswer>
  close(): void
}

/** Go's scanner takes a line of this many bytes, its newline not counted, and not one more. */
const LONGEST_LINE = 65_535

/** What the bot waits after a refused or reset connection, in seconds. */
const RETRY_SECONDS = [1, 2, 4, 8, 16]

/** `retry_scale` shortens the waits (0.01: 10 ms instead of one second). */
export function openGoClient(options: { url: string; retry_scale?: number }): GoClient {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 5 })
  const scale = options.retry_scale ?? 1
  const call = async (path: string, message: GoMessage, count: () => void): Promise<IncomingMessage> => {
    const body = JSON.stringify(message)
    for (const seconds of [...RETRY_SECONDS, null]) {
      try {
        count()
        return await post(new URL(`${options.url}${path}`), body, agent)
      } catch (error) {
        if (seconds === null || !isWorthARetry(error)) throw error
        await sleep(seconds * 1_000 * scale)
      }
    }
    throw new Error('unreachable: the last try returns or throws')
  }
  return {
    ask: async (message) => {
      const events: GoEvent[] = []
      let requests = 0
      const count = () => {
        requests += 1
      }
      try {
        const response = await call('/api/gateway/send-stream', message, count)
        const answer = await readStream(response, events)
        return { answer, via: 'stream', events, fell_back: false, reason: null, requests }
      } catch (error) {
        const response = await call('/api/gateway/send', message, count)
        const answer = await readSend(response)
        return { answer, via: 'send', events, fell_back: true, reason: (error as Error).message, requests }
      }
    },
    close: () => agent.destroy(),
  }
}

function post(url: URL, body: string, agent: Agent): Promise<IncomingMessage> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'Go-http-client/1.1',
  }
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', agent, headers }, resolve).on('error', reject).end(body)
  })
}

function isWorthARetry(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE'
}

async function readStream(response: IncomingMessage, events: GoEvent[]): Promise<string> {
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}: ${await readAll(response)}`)
  let buffer = ''
  try {
    for await (const line of linesOf(response)) {
      const event = decode(line)
      if (!event) continue
      events.push(event)
      if (event.type === 'text') buffer += event.content
      if (event.type === 'error') throw new Error(event.content)
      if (event.type === 'done') return event.content
    }
  } finally {
    response.destroy()
  }
  if (buffer === '') throw new Error('stream ended without an answer')
  return buffer
}

/** The lines of a body. Throws on one that is too long, and on a body that breaks off. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of response) {
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      if (at > LONGEST_LINE) throw new Error('bufio.Scanner: token too long')
      yield toLine(rest.subarray(0, at))
      rest = rest.subarray(at + 1)
    }
    if (rest.length > LONGEST_LINE) throw new Error('bufio.Scanner: token too long')
  }
  if (rest.length > 0) yield toLine(rest)
}

function toLine(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/\r$/, '')
}

/** Null for a line that the bot passes over: a comment, another field, JSON that is none or has other types. */
function decode(line: string): GoEvent | null {
  if (!line.startsWith('data: ')) return null
  try {
    const { type, content } = JSON.parse(line.slice(6)) as { type?: unknown; content?: unknown }
    if (typeof type !== 'string' || (content != null && typeof content !== 'string')) return null
    return { type, content: content ?? '' }
  } catch {
    return null
  }
}

async function readSend(response: IncomingMessage): Promise<string> {
  const text = await readAll(response)
  if (response.statusCode !== 200) throw new Error(`send: status ${response.statusCode}: ${text}`)
  const { response: answer } = JSON.parse(text) as { response?: string | null }
  return answer ?? ''
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
