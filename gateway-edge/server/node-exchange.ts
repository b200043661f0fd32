/** One request on node:http. What is written within a tick goes out in one write at its end, as on the other server. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ServiceError } from '../../protocol/errors.ts'
import { Gathering } from './gathering.ts'
import type { Exchange, Headers } from './server.ts'
import { createWaiting, type TickEnd, type Waiting } from './tick-end.ts'

const NOT_ASCII = /[\u0080-\u00ff]/

export class NodeExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: string
  /** Whether the connection ends with this answer. */
  closeAfter = false
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #tickEnd: TickEnd
  #readable = true
  /** Answered to the end, as far as the caller is concerned, or gone. */
  #closed = false
  /** Answered to the end, and all of it is on its way. */
  #complete = false
  #gone: AbortController | undefined
  #failBody: ((error: ServiceError) => void) | undefined
  /** Of a body of unknown length: what is to go out, and whether it ends behind that. */
  #pending: string | undefined
  #last = false
  /** How many writes are not on their way yet. */
  #untaken = 0
  /** Who waits until nothing is pending and the client has taken all. */
  #waiting: Waiting | undefined

  constructor(req: IncomingMessage, res: ServerResponse, tickEnd: TickEnd) {
    this.#req = req
    this.#res = res
    this.#tickEnd = tickEnd
    const target = req.url ?? '/'
    const mark = target.indexOf('?')
    this.method = req.method ?? 'GET'
    this.path = mark < 0 ? target : target.slice(0, mark)
    this.query = mark < 0 ? '' : target.slice(mark + 1)
    res.on('close', () => {
      if (!this.#complete) this.#abort()
    })
  }

  get remote(): string {
    return this.#req.socket.remoteAddress ?? ''
  }

  get closed(): boolean {
    return this.#closed
  }

  get gone(): AbortSignal {
    this.#gone ??= new AbortController()
    return this.#gone.signal
  }

  header(name: string): string {
    if (!this.#readable) throw new Error(`the header ${name} was asked for after the handler had returned`)
    // Of several the first, where node:http would join them, and at its ends bytes beyond ASCII are white space: as on the
    // other server, so that one key of a client is one key on both.
    const value = this.#req.headersDistinct[name]?.[0] ?? ''
    return NOT_ASCII.test(value) ? value.replace(/^[^\x21-\x7f]+|[^\x21-\x7f]+$/g, '') : value
  }

  handlerReturned(): void {
    this.#readable = false
  }

  body(limit: number, onPart?: (bytes: number) => void): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let gathering: Gathering | undefined = new Gathering(limit, onPart)
      this.#failBody = (error) => {
        gathering = undefined
        reject(error)
      }
      this.#req.on('data', (part: Uint8Array) => {
        try {
          gathering?.add(part)
        } catch (error) {
          gathering = undefined
          reject(error)
        }
      })
      this.#req.on('end', () => {
        if (gathering !== undefined) resolve(gathering.bytes())
      })
    })
  }

  reply(status: number, headers: Headers, body: string | Uint8Array): void {
    if (this.#closed) return
    if (this.#res.headersSent) return this.sever()
    this.#closed = true
    this.#complete = true
    this.#writeHead(status, status === 204 ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) })
    this.#res.end(body)
  }

  open(status: number, headers: Headers, first: string): void {
    if (this.#closed) return
    this.#writeHead(status, headers)
    this.write(first)
  }

  write(text: string): void {
    if (this.#closed) return
    if (this.#pending === undefined) this.#tickEnd.add(() => this.#flush())
    this.#pending = (this.#pending ?? '') + text
  }

  get stalled(): boolean {
    return this.#untaken > 0
  }

  writable(): Promise<void> {
    if (this.#gone?.signal.aborted || (this.#pending === undefined && this.#untaken === 0)) return Promise.resolve()
    this.#waiting ??= createWaiting()
    return this.#waiting.promise
  }

  end(last: string): void {
    if (this.#closed) return
    this.write(last)
    this.#last = true
    this.#closed = true
  }

  sever(): void {
    if (this.#closed) return
    this.#abort()
    this.#req.socket.destroy()
  }

  #writeHead(status: number, headers: Headers): void {
    // Without it node:http would tell of keep-alive, which is understood.
    this.#res.removeHeader('connection')
    const last = this.closeAfter || this.method === 'HEAD'
    this.#res.writeHead(status, last ? { ...headers, connection: 'close' } : headers)
  }

  #flush(): void {
    if (this.#res.destroyed) return
    const text = this.#pending ?? ''
    this.#pending = undefined
    this.#untaken += 1
    if (this.#last) {
      // Not in one call, which would give the whole body a length.
      if (text !== '') this.#res.write(text)
      this.#res.end(() => this.#taken())
    } else if (text !== '') {
      this.#res.write(text, () => this.#taken())
    } else {
      this.#res.flushHeaders()
      this.#taken()
    }
  }

  /** What was written is on its way; or it never will be, which node:http tells in the same way. */
  #taken(): void {
    if (this.#req.socket.destroyed) return this.#abort()
    this.#untaken -= 1
    if (this.#pending !== undefined || this.#untaken > 0) return
    this.#complete = this.#last
    this.#flushed()
  }

  #flushed(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  #abort(): void {
    this.#closed = true
    this.#flushed()
    this.#gone ??= new AbortController()
    this.#gone.abort()
    this.#failBody?.(new ServiceError('cancelled', 'The client went away before the end of its body'))
  }
}
