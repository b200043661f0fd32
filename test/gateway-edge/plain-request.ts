/** One HTTP request with headers that `fetch` would not send, on a connection of its own. */
import { type IncomingHttpHeaders, request } from 'node:http'

export interface PlainRequest {
  readonly port: number
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array
  /** The address to connect to. */
  readonly address?: string
}

export interface PlainAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Sends it and reads the whole answer. Rejects where the connection breaks before the answer's end. */
export const askPlainly = ({
  port,
  method = 'GET',
  path,
  headers = {},
  body,
  address = '127.0.0.1',
}: PlainRequest): Promise<PlainAnswer> =>
  new Promise((resolve, reject) => {
    const all = { host: `127.0.0.1:${port}`, connection: 'close', ...headers }
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const asked = request(
      { host: address, port, method, path, headers: { ...length, ...all } as never, agent: false },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(parts).toString('utf8') }),
        )
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })

/** What a proxy on this machine says of its client. */
export const forwardedFor = (address: string): Record<string, string> => ({ 'x-forwarded-for': address })

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** As Go sends what stands in a URL in front of the `@`. */
export const basic = (password: string, user = 'x'): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
