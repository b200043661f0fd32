/**
 * The server on uWebSockets.js. Its `res` and `req` are never seen outside this file, since breaking their rules ends the
 * process where no handler can catch it: an abort handler comes first on every route, `req` is read before anything is
 * awaited, and `res` is not touched once it was answered or aborted. A client that takes nothing for about ten seconds is
 * cut off by uWebSockets itself.
 *
 * What is answered later than the handler returns goes out at the end of the tick, all of a client's in one write. Promises
 * may settle while uWebSockets holds its one write buffer for some other request; what is written in that moment leaves
 * in a dozen system calls, header by header, however well it is corked.
 */

import type { HttpRequest, HttpResponse, us_listen_socket } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { createRequire } from 'node:module'
import { ServiceError } from '../../protocol/errors.ts'
import type { Exchange, Headers, OpenServer } from './server.ts'

/** LIBUS_LISTEN_EXCLUSIVE_PORT. */
const EXCLUSIVE = 1

/** What is to be done at the end of the tick, in order. */
class TickEnd {
  #tasks: (() => void)[] = []

  add(task: () => void): void {
    if (this.#tasks.push(task) === 1) setImmediate(() => this.run())
  }

  run(): void {
    const tasks = this.#tasks
    this.#tasks = []
    for (const task of tasks) task()
  }
}

interface Waiting {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

const createWaiting = (): Waiting => {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

class UwsExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly #res: HttpResponse
  readonly #tickEnd: TickEnd
  /** Until the handler returns; it lives on the stack of that call. */
  #req: HttpRequest | undefined
  /** Answered to the end, as far as the caller is concerned, or aborted. */
  #closed = false
  /** `res` may not be touched any more. */
  #aborted = false
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
    this.method = req.getCaseSensitiveMethod().toUpperCase()
    this.path = req.getUrl()
    this.query = req.getQuery() ?? ''
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

  body(limit: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let parts: Uint8Array[] = []
      let size = 0
      this.#failBody = reject
      this.#res.onData((part, isLast) => {
        size += part.byteLength
        if (size > limit) {
          parts = []
          reject(new ServiceError('too_large', `The body is larger than ${limit} bytes`))
        } else {
          // uWebSockets takes its buffer back when this returns.
          parts.push(new Uint8Array(part.slice(0)))
        }
        if (isLast) resolve(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts))
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
      else this.#res.end(body)
    }
    if (this.#req !== undefined) this.#res.cork(write)
    else this.#tickEnd.add(() => void (this.#aborted || this.#res.cork(write)))
  }

  open(status: number, headers: Headers, first: string): void {
    if (this.#closed) return
    this.#head = () => this.#writeHead(status, headers)
    this.#res.onWritable(() => {
      if (this.#pending === undefined) this.#flushed()
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
      const taken = text === '' || this.#res.write(text)
      if (this.#last) this.#res.end()
      if (taken || this.#last) this.#flushed()
    })
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

/** Listens on one host and port. */
export const openUwsServer: OpenServer = async ({ host, port, handle, onFault }) => {
  // Loaded here and not by an import: on a machine for which it has no binary this throws, and the caller may choose another server.
  const uws = createRequire(import.meta.url)('uWebSockets.js') as typeof import('uWebSockets.js')
  return await new Promise((resolve, reject) => {
    const app = uws.App()
    const tickEnd = new TickEnd()
    app.any('/*', (res, req) => {
      const exchange = new UwsExchange(res, req, tickEnd)
      try {
        handle(exchange)
      } catch (error) {
        onFault(error)
        exchange.reply(500, { 'content-type': 'application/json' }, '{"detail":"Internal Server Error"}')
      } finally {
        exchange.handlerReturned()
      }
    })
    const onListen = (socket: us_listen_socket | false): void => {
      if (socket === false) {
        reject(new ServiceError('conflict', `Cannot listen on ${host}:${port}: the port is taken, or not ours to take`))
        return
      }
      let listening = true
      const stop = (): void => {
        if (listening) uws.us_listen_socket_close(socket)
        listening = false
      }
      resolve({
        adapter: 'uws',
        port: uws.us_socket_local_port(socket),
        stop,
        close: () => {
          stop()
          tickEnd.run()
          app.close()
        },
      })
    }
    // Without EXCLUSIVE a second edge could listen on the same port, and the kernel would deal the connections out between
    // the two. The binary takes all four arguments; its types know only three.
    const listen = app.listen.bind(app) as unknown as (host: string, port: number, options: number, done: typeof onListen) => void
    listen(host, port, EXCLUSIVE, onListen)
  })
}
