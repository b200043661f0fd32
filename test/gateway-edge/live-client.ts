/** A WebSocket client as a program would write it: calls with answers, and what is told between. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { eventually, type Scope } from '../harness.ts'

export interface RpcFailure {
  readonly code: number
  readonly message: string
  readonly data?: { readonly code?: string; readonly retry?: string; readonly issues?: readonly { readonly path: unknown }[] }
}

export interface Answer {
  readonly id: unknown
  readonly result?: unknown
  readonly error?: RpcFailure
}

export interface Told {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface LiveClient {
  readonly socket: WebSocket
  /** All that came, parsed, in order. */
  readonly came: readonly unknown[]
  /** Notifications so far. */
  told(method?: string): readonly Told[]
  /** The answer to a call that is sent now. */
  ask(method: string, params?: unknown): Promise<Answer>
  /** Its result; an error answer is thrown. */
  call(method: string, params?: unknown): Promise<Readonly<Record<string, unknown>>>
  /** Sends a text as it is and gives back the next `count` messages that are no notifications. */
  say(text: string, count?: number): Promise<readonly unknown[]>
  /** How it ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

/** The contents of the texts among events that were told. */
export const textsOf = (told: readonly Told[]): string[] =>
  told
    .map(({ params }) => params.event as { type: string; content: string } | undefined)
    .flatMap((event) => (event?.type === 'text' ? event.content : []))

export const connect = async (t: Scope, port: number, headers: Record<string, string> = {}): Promise<LiveClient> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers, maxPayload: 0 })
  const came: unknown[] = []
  const answers: unknown[] = []
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as object
    came.push(message)
    if (!('method' in message)) answers.push(message)
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  t.after(() => socket.terminate())
  await once(socket, 'open')
  // What breaks afterwards shows in `closed`.
  socket.on('error', () => undefined)

  let ids = 0
  const ask = async (method: string, params?: unknown): Promise<Answer> => {
    ids += 1
    const id = `call ${ids}`
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return await eventually(() => answers.find((answer) => (answer as Answer).id === id) as Answer | undefined, {
      every_ms: 2,
      timeout_ms: 30_000,
    })
  }
  return {
    socket,
    came,
    closed,
    told: (method) =>
      (came as Told[]).filter((message) => 'method' in message && (method === undefined || message.method === method)),
    ask,
    call: async (method, params) => {
      const { result, error } = await ask(method, params)
      if (error !== undefined) throw Object.assign(new Error(error.message), error)
      return result as Readonly<Record<string, unknown>>
    },
    say: async (text, count = 1) => {
      const before = answers.length
      socket.send(text)
      await eventually(() => answers.length >= before + count)
      return answers.slice(before)
    },
  }
}
