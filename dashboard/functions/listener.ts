/** A handler of web requests as a listener of Node.js, which is what Vercel's Node.js runtime calls. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { answer } from './answer.ts'

export type Handler = (request: Request) => Promise<Response>

const toRequest = (incoming: IncomingMessage): Request => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD'
  return new Request(new URL(incoming.url ?? '/', 'http://function'), {
    method: incoming.method ?? 'GET',
    headers,
    ...(hasBody ? { body: Readable.toWeb(incoming), duplex: 'half' } : {}),
  } as RequestInit)
}

/** Whatever is thrown becomes a plain 500: its text could hold an address or a token. */
export const toListener =
  (handler: Handler) =>
  async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const response = await Promise.resolve()
      .then(() => handler(toRequest(incoming)))
      .catch(() => answer(500, { ok: false, error: 'metrics function failed' }))
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  }
