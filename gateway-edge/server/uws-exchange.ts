/**
 * One request on uWebSockets.js. Its `res` and `req` are never seen outside this folder, since breaking their rules ends the
 * process where no handler can catch it: whatever is not answered when its handler returns has an abort handler by then, `req` is
 * read before that, and `res` is not touched once it was answered, aborted or made a WebSocket.
 *
 * Each call into uWebSockets costs about as much as all that is done here for a short answer. So headers are read in one go,
 * and what goes without saying is not said: the status 200, a cork within the handler, which has one.
 *
 * What is answered later than the handler returns goes out at the end of the tick, all of a client's in one write. Promises
 * may settle while uWebSockets holds its one write buffer for some other request; what is written in that moment leaves
 * in a dozen system calls, header by header, however well it is corked.
 */

import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { ServiceError } from '../../protocol/errors.ts'
import { Gathering } from './gathering.ts'
import type { EachHeader } from './head.ts'
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
  /** The first of each name. */
  readonly #headers = new Map<string, string>()
  /** Until the handler returns; it lives on the stack of that call. */
  #req: HttpRequest | undefined
  /** Answered to the end, as far as the caller is concerned, or aborted. */
  #closed = false
  /** `res` may not be touched any more. */
  #aborted = false
  /** Its answer began with `open`. */
  #opened = false
  #remote: string | undefined
  #gone: AbortController | undefined
  #failBody: ((error: ServiceError) => void) | undefined
  /** Of a body of unknown length: what writes it, what goes out before it, what is to go out, and whether it ends behind that. */
  #flush: (() => void) | undefined
  #head: (() => void) | undefined
  #pending: string | undefined
  #last = false
  /** Whether the client has not taken all that went out. */
  #stalled = false
  /** Who waits until nothing is pending and the client has taken all. */
  #waiting: Waiting | undefined

  /** `route`: the method and the path, where the router knows them already. */
  constructor(res: HttpResponse, req: HttpRequest, tickEnd: TickEnd, route?: { readonly method: string; readonly path: string }) {
    this.#res = res
    this.#req = req
    this.#tickEnd = tickEnd
    this.method = route?.method ?? req.getCaseSensitiveMethod()
    this.path = route?.path ?? req.getUrl()
    this.query = req.getQuery() ?? ''
    // What HEAD is answered with does not count as an answer.
    if (this.method === 'HEAD') this.#watch()
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

  /** Reads the headers. To be called once, before `header`. */
  readonly eachHeader: EachHeader = (visit) =>
    this.#req?.forEach((name, value) => {
      if (!this.#headers.has(name)) this.#headers.set(name, value)
      visit(name, value)
    })

  header(name: string): string {
    if (this.#req === undefined) throw new Error(`the header ${name} was asked for after the handler had returned`)
    return this.#headers.get(name) ?? ''
  }

  handlerReturned(): void {
    this.#req = undefined
    if (this.method !== 'HEAD' && (!this.#closed || (this.#opened && !this.#aborted))) this.#watch()
  }

  /** Makes it a WebSocket, which holds `data` from then on. */
  upgrade<T>(data: T, context: us_socket_context_t): void {
    this.#closed = true
    this.#aborted = true
    this.#res.upgrade<T>(data, this.header('sec-websocket-key'), '', '', context)
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

  reply(status: number, headers: Headers, body: string | Uint8Array): void {
    if (this.#closed) return
    if (this.#opened) return this.sever()
    this.#closed = true
    if (this.#req !== undefined) this.#writeReply(status, headers, body)
    else this.#tickEnd.add(() => void (this.#aborted || this.#res.cork(() => this.#writeReply(status, headers, body))))
  }

  open(status: number, headers: Headers, first: string): void {
    if (this.#closed) return
    this.#opened = true
    this.#head = () => this.#writeHead(status, headers)
    const writePending = (): void => this.#writePending()
    this.#flush = () => void (this.#aborted || this.#res.cork(writePending))
    this.#res.onWritable(() => {
      this.#stalled = false
      if (this.#pending === undefined) this.#taken()
      return true
    })
    this.write(first)
  }

  write(text: string): void {
    if (this.#closed) return
    if (this.#pending === undefined && this.#flush !== undefined) this.#tickEnd.add(this.#flush)
    this.#pending = (this.#pending ?? '') + text
  }

  get stalled(): boolean {
    return this.#stalled
  }

  writable(): Promise<void> {
    if (this.#aborted || (this.#pending === undefined && !this.#stalled)) return Promise.resolve()
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
    // Where there is an abort handler already, this runs it.
    this.#res.close()
    if (!this.#aborted) this.#abort()
  }

  #watch(): void {
    this.#res.onAborted(() => this.#abort())
  }

  #writeReply(status: number, headers: Headers, body: string | Uint8Array): void {
    this.#writeHead(status, headers)
    // The answer to HEAD has the length of a body and no body. After one uWebSockets drops the next request of the same
    // connection, so the connection is closed in words.
    if (this.method === 'HEAD') this.#res.endWithoutBody(Buffer.byteLength(body), true)
    else if (status === 204) this.#res.endWithoutBody()
    else this.#res.end(body, this.closeAfter)
  }

  #writeHead(status: number, headers: Headers): void {
    if (status !== 200) this.#res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`)
    for (const name in headers) this.#res.writeHeader(name, headers[name] ?? '')
  }

  #writePending(): void {
    const text = this.#pending ?? ''
    this.#pending = undefined
    this.#head?.()
    this.#head = undefined
    // An empty chunk would end the body.
    this.#stalled = text === '' ? this.#stalled : !this.#res.write(text)
    if (!this.#stalled) this.#taken()
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
