/**
 * A client that comes back by `Last-Event-ID`: it sends its message with an `Idempotency-Key` until it knows its turn, and from
 * then on only follows that turn, from behind the last whole event that it has, as a browser's `EventSource` would.
 */
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ResumingMessage {
  readonly chat_id: string
  readonly message: string
  readonly idempotency_key: string
}

/** All that it has of a turn. */
export interface Heard {
  /** What was streamed as text, in order. */
  text: string
  /** The whole answer, from the end of the turn; null while it has not ended. */
  answer: string | null
  /** How the turn was called; more than one name is one too many. */
  readonly turn_ids: string[]
  /** How often it came back. */
  resumed: number
}

/** The turn that was promised is not there, or what was said in it is not. */
export class TurnGone extends Error {
  override readonly name = 'TurnGone'
}

export interface ResumingClient {
  /** Fills `heard` until the turn has ended. Rejects with {@link TurnGone}, or when `patience_ms` have passed. */
  ask(message: ResumingMessage, heard: Heard): Promise<void>
  close(): void
}

export const nothingHeard = (): Heard => ({ text: '', answer: null, turn_ids: [], resumed: 0 })

interface SentEvent {
  readonly id: string | null
  readonly data: Readonly<Record<string, unknown>>
}

/** The last whole event that it has. */
interface Cursor {
  id: string | null
}

/** The whole events of a stream; half of one at the end of a broken stream is none. */
async function* eventsOf(response: IncomingMessage): AsyncGenerator<SentEvent> {
  let rest = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const lines = block.split('\n')
      const value = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null
      const data = value('data')
      if (data !== null) yield { id: value('id'), data: JSON.parse(data) as SentEvent['data'] }
    }
  }
}

export const openResumingClient = (options: { url: string; retry_ms: number; patience_ms: number }): ResumingClient => {
  const agent = new Agent({ keepAlive: true })

  const call = (path: string, signal: AbortSignal, headers: Record<string, string>, body?: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST'
      request(new URL(`${options.url}${path}`), { method, agent, headers, signal }, resolve)
        .on('error', reject)
        .end(body)
    })

  const send = ({ idempotency_key, ...body }: ResumingMessage, signal: AbortSignal): Promise<IncomingMessage> => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotency_key }
    return call('/api/gateway/send-stream', signal, headers, JSON.stringify(body))
  }

  const follow = (turn: string, after: string | null, signal: AbortSignal): Promise<IncomingMessage> =>
    call(`/api/gateway/turns/${turn}/events`, signal, after === null ? {} : { 'last-event-id': after })

  /** One request: the first with the message, all others with the name of the turn. Leaves what it heard in `heard`. */
  const listen = async (message: ResumingMessage, heard: Heard, cursor: Cursor, signal: AbortSignal): Promise<void> => {
    const turn = heard.turn_ids[0]
    const response = turn === undefined ? await send(message, signal) : await follow(turn, cursor.id, signal)
    const status = response.statusCode ?? 0
    if (status !== 200) {
      response.resume()
      if (turn !== undefined && (status === 404 || status === 410)) throw new TurnGone(`turn ${turn}: status ${status}`)
      throw new Error(`status ${status}`)
    }
    try {
      for await (const { id, data } of eventsOf(response)) {
        if (data.type === 'turn' && !heard.turn_ids.includes(String(data.turn_id))) heard.turn_ids.push(String(data.turn_id))
        if (data.type === 'text') heard.text += String(data.content)
        if (id !== null) cursor.id = id
        if (data.type !== 'done') continue
        heard.answer = String(data.content)
        return
      }
    } finally {
      response.destroy()
    }
  }

  return {
    ask: async (message, heard) => {
      const cursor: Cursor = { id: null }
      const patience = AbortSignal.timeout(options.patience_ms)
      for (;;) {
        try {
          await listen(message, heard, cursor, patience)
          if (heard.answer !== null) return
        } catch (error) {
          if (error instanceof TurnGone) throw error
          if (patience.aborted) throw new Error(`no end within ${options.patience_ms} ms`, { cause: error })
        }
        await sleep(options.retry_ms)
        heard.resumed += 1
      }
    },
    close: () => agent.destroy(),
  }
}
