/**
 * One request on uWebSockets.js. Its `res` and `req` are never seen outside this folder, since breaking their rules ends the
 * process where no handler can catch it: an abort handler comes first on every route, `req` is read before anything is
 * awaited, and `res` is not touched once it was answered or aborted.
 *
 * What is answered later than the handler returns goes out at the end of the tick, all of a client's in one write. Promises
 * may settle while uWebSockets holds its one write buffer for some other request; what is written in that moment leaves
 * in a dozen system calls, header by header, however well it is corked.
 */

import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { ServiceError } from '../../protocol/errors.ts'
import { Gathering } from './gathering.ts'
import type { Exchange, Headers } from './server.ts'
import { createWaiting, type TickEnd, type Waiting } from './tick-end.ts'

/** A request to uWebSockets and its answer. */
export class UwsExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: string
  /** Whether the connection ends with this answer. */
  closeAfter = false
  readonly #res: HttpResponse
  readonly #tickEnd: TickEnd
  /** Until the handler returns; it lives on the stack of that call. */
  #req: HttpRequest | undefined
  /** Answered to the end, as far as the caller is concerned, or aborted. */
  #closed = false
  /** `res` may not be touched any more. */
  #aborted = false
  #remote: string | undefined
  #gone: AbortController | undefined
  #failBody: ((error: ServiceError) => void) | undefined
  /** Of a body of unknown length: what goes out before it, what is to go out, and whether it ends behind that. */
  #head: (() => void) | undefined
  #pending: string | undefined
  #last = false
  /** While something is pending or waits for the client. */
  #waiting: Waiting | undefined

  constructor(res: HttpResponse, req: HttpRequest, tickEnd: TickEnd) {
    res.onAborted(() => this.#abort())
    this.#res = res
    this.#req = req
    this.#tickEnd = tickEnd
    this.method = req.getCaseSensitiveMethod()
    this.path = req.getUrl()
    this.query = req.getQuery() ?? ''
  }

  get remote(): string {
    this.#remote ??= this.#aborted ? '' : Buffer.from(this.#res.getRemoteAddressAsText()).toString('latin1')
    return this.#remote
  }

  get closed(): boolean {
    return this.#closed
  }

  get gone(): AbortSignal {
    this.#gone ??= new AbortController()
    return this.#gone.signal
  }

  header(name: string): string {
    if (this.#req === undefined) throw new Error(`the header ${name} was asked for after the handler had returned`)
    return this.#req.getHeader(name)
  }

  handlerReturned(): void {
    this.#req = undefined
  }

  body(limit: number, onPart?: (bytes: number) => void): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let gathering: Gathering | undefined = new Gathering(limit, onPart)
      this.#failBody = (error) => {
        gathering = undefined
        reject(error)
      }
      this.#res.onData((part, isLast) => {
        if (gathering === undefined) return
        try {
          gathering.add(new Uint8Array(part))
          if (isLast) resolve(gathering.bytes())
        } catch (error) {
          gathering = undefined
          reject(error)
        }
      })
    })
  }

  reply(status: number, headers: Headers, body: string): void {
    if (this.#closed) return
    this.#closed = true
    const write = (): void => {
      this.#writeHead(status, headers)
      // The answer to HEAD has the length of a body and no body. After one uWebSockets drops the next request of the same
      // connection, so the connection is closed in words.
      if (this.method === 'HEAD') this.#res.endWithoutBody(Buffer.byteLength(body), true)
      else if (status === 204) this.#res.endWithoutBody()
      else this.#res.end(body, this.closeAfter)
    }
    if (this.#req !== undefined) this.#res.cork(write)
    else this.#tickEnd.add(() => void (this.#aborted || this.#res.cork(write)))
  }

  open(status: number, headers: Headers, first: string): void {
    if (this.#closed) return
    this.#head = () => this.#writeHead(status, headers)
    this.#res.onWritable(() => {
      if (this.#pending === undefined) this.#taken()
      return true
    })
    this.write(first)
  }

  write(text: string): void {
    if (this.#closed) return
    this.#waiting ??= createWaiting()
    if (this.#pending === undefined) this.#tickEnd.add(() => this.#flush())
    this.#pending = (this.#pending ?? '') + text
  }

  writable(): Promise<void> {
    return this.#waiting?.promise ?? Promise.resolve()
  }

  end(last: string): void {
    if (this.#closed) return
    this.write(last)
    this.#last = true
    this.#closed = true
  }

  sever(): void {
    // Runs the abort handler, which closes this exchange.
    if (!this.#closed) this.#res.close()
  }

  #writeHead(status: number, headers: Headers): void {
    this.#res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`)
    for (const name in headers) this.#res.writeHeader(name, headers[name] ?? '')
  }

  #flush(): void {
    if (this.#aborted) return
    const text = this.#pending ?? ''
    this.#pending = undefined
    this.#res.cork(() => {
      this.#head?.()
      this.#head = undefined
      // An empty chunk would end the body.
      if (text === '' || this.#res.write(text)) this.#taken()
    })
  }

  /** Nothing waits for the client any more. The end comes only now: behind it nobody is told when the client goes away. */
  #taken(): void {
    if (this.#last) this.#res.end()
    this.#flushed()
  }

  #flushed(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  #abort(): void {
    this.#aborted = true
    this.#closed = true
    this.#flushed()
    this.#gone ??= new AbortController()
    this.#gone.abort()
    this.#failBody?.(new ServiceError('cancelled', 'The client went away before the end of its body'))
  }
}
