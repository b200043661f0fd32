/** Sends a message and follows its answer as server-sent events, on a socket of its own. */
import { connect, type Socket } from 'node:net'
import { BodyReader } from './body.ts'

/** An event's data, parsed. */
export interface StreamEvent {
  readonly type: string
  readonly content?: string
  readonly turn_id?: string
}

export interface Stream {
  readonly socket: Socket
  /** Resolves at the clean end of the body; rejects when it breaks before. */
  readonly ended: Promise<void>
}

/** `on` hears each event with the moment it came (`performance.now()`). Without a message it is a GET. */
export const openStream = (
  port: number,
  path: string,
  message: object | null,
  on: (event: StreamEvent, at: number) => void,
): Stream => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const body = message === null ? '' : JSON.stringify(message)
  const head = [`${message === null ? 'GET' : 'POST'} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`]
  if (message !== null) head.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  const ended = new Promise<void>((resolve, reject) => {
    let at = 0
    const reader = new BodyReader((line) => {
      if (line.startsWith('data: ')) on(JSON.parse(line.slice(6)) as StreamEvent, at)
    })
    socket.on('data', (bytes) => {
      at = performance.now()
      try {
        reader.push(bytes)
      } catch (error) {
        reject(error)
        socket.destroy()
      }
      if (!reader.isEnded) return
      resolve()
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`the stream of ${path} broke: ${reader.head}`)))
  })
  return { socket, ended }
}

export interface Answer {
  /** From before the connection was made to the first words, and to the end; in milliseconds. */
  readonly first_ms: number
  readonly end_ms: number
  /** What was appended, in order, and when. */
  readonly words: readonly { readonly text: string; readonly at: number }[]
}

/** One turn of a chat, to its end. `onWord` hears each word as it comes. */
export const ask = async (
  port: number,
  chat_id: string,
  message: string,
  onWord: (count: number) => void = () => undefined,
): Promise<Answer> => {
  const words: { text: string; at: number }[] = []
  let last = ''
  const began = performance.now()
  const stream = openStream(port, '/api/gateway/send-stream', { chat_id, message }, ({ type, content = '' }, at) => {
    if (type === 'text') onWord(words.push({ text: content, at }))
    if (type === 'done') last = content
  })
  await stream.ended
  const end_ms = performance.now() - began
  const first = words[0]
  if (!first) throw new Error(`no words came, only: ${last}`)
  return { first_ms: first.at - began, end_ms, words }
}

/** Asks for anything that answers with JSON. */
export const post = async (port: number, path: string, body: object): Promise<unknown> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
  return await response.json()
}
