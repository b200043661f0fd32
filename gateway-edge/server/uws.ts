/**
 * The server on uWebSockets.js. A client that takes nothing for about ten seconds is cut off by uWebSockets itself, as is
 * one that does not come to the end of its request.
 */

import type { HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js'
import { createRequire } from 'node:module'
import { ServiceError } from '../../protocol/errors.ts'
import { asksForSocket, FAULT, judgeHead } from './head.ts'
import { QueuedSocket } from './queued-socket.ts'
import type { Handle, OpenServer, ServerOptions, Socket, SocketListener } from './server.ts'
import { TickEnd } from './tick-end.ts'
import { UwsExchange } from './uws-exchange.ts'

/** What sending comes to: the kernel took it, or (behind it nothing may be touched any more) too much waits, and it was closed. */
const TAKEN = 1
const DROPPED = 2

/** LIBUS_LISTEN_EXCLUSIVE_PORT. */
const EXCLUSIVE = 1

type Uws = typeof import('uWebSockets.js')

/** What a connection that became a WebSocket holds. */
interface Held {
  readonly open: (socket: Socket) => SocketListener
  socket?: QueuedSocket
}

/** Loads uWebSockets.js. Throws on a machine for which it has no binary; the caller may choose another server. */
export const loadUws = (): Uws => createRequire(import.meta.url)('uWebSockets.js') as Uws

/**
 * Closes at once what is one connection too many. Gives back what must be told of the end of a WebSocket: from an upgrade on
 * the filter hears no more of a connection.
 */
const boundConnections = (app: TemplatedApp, most = Number.POSITIVE_INFINITY): (() => void) => {
  let connections = 0
  /** `change` is 1 for one that comes and -1 for one that goes. */
  const count = (res: HttpResponse, change: number): void => {
    connections += change
    if (change > 0 && connections > most) res.close()
  }
  app.filter((res, change) => count(res, Number(change)))
  return () => {
    connections -= 1
  }
}

/** Begins to answer a request, unless its head is refused. */
const answer = (exchange: UwsExchange, { onFault }: ServerOptions, begin: Handle): void => {
  try {
    const refusal = judgeHead(exchange.method, exchange.path + exchange.query, exchange.eachHeader)
    if (refusal === undefined) return begin(exchange)
    // Where such a request ends nobody can tell.
    exchange.closeAfter = true
    exchange.reply(refusal.status, refusal.headers, refusal.body)
  } catch (error) {
    onFault(error)
    exchange.reply(FAULT.status, FAULT.headers, FAULT.body)
  } finally {
    exchange.handlerReturned()
  }
}

/** Lets WebSockets in. */
const addSockets = (app: TemplatedApp, options: ServerOptions, tickEnd: TickEnd, onGone: () => void): void => {
  const { sockets, handle, onFault } = options
  if (sockets === undefined) return
  app.ws<Held>(sockets.path, {
    maxPayloadLength: sockets.max_message_bytes,
    idleTimeout: sockets.idle_s,
    sendPingsAutomatically: true,
    maxBackpressure: sockets.max_unsent_bytes,
    closeOnBackpressureLimit: 1,
    upgrade: (res, req, context) => {
      const exchange = new UwsExchange(res, req, tickEnd)
      answer(exchange, options, () => {
        if (!asksForSocket(exchange, sockets.path)) return handle(exchange)
        exchange.closeAfter = true
        const open = sockets.admit(exchange)
        if (open !== undefined) exchange.upgrade<Held>({ open }, context)
      })
    },
    open: (ws) => {
      const write = (texts: readonly string[]): boolean => {
        // One alone is one write without a cork.
        if (texts.length === 1) return ws.send(texts[0] ?? '') === TAKEN
        let dropped = false
        ws.cork(() => {
          dropped = texts.some((text) => ws.send(text) === DROPPED)
        })
        return !dropped && ws.getBufferedAmount() === 0
      }
      const close = (code: number, words: string): void => void ws.end(code, words)
      const held = ws.getUserData()
      held.socket = new QueuedSocket({ write, unsent: () => ws.getBufferedAmount(), close }, tickEnd, held.open, onFault)
    },
    message: (ws, data, binary) => ws.getUserData().socket?.take(new Uint8Array(data), binary),
    drain: (ws) => ws.getUserData().socket?.drained(),
    close: (ws) => {
      onGone()
      ws.getUserData().socket?.over()
    },
  })
}

/** Listens on one host and port. */
export const openUwsServer: OpenServer = async (options) => {
  const uws = loadUws()
  // Its name and version are nobody's business.
  ;(uws as unknown as { _cfg?: (key: string) => void })._cfg?.('silent')
  return await new Promise((resolve, reject) => {
    const app = uws.App()
    const tickEnd = new TickEnd()
    addSockets(app, options, tickEnd, boundConnections(app, options.max_connections))
    const { handle, often = [] } = options
    for (const path of often) {
      const route = { method: 'GET', path }
      app.get(path, (res, req) => answer(new UwsExchange(res, req, tickEnd, route), options, handle))
    }
    app.any('/*', (res, req) => answer(new UwsExchange(res, req, tickEnd), options, handle))
    const onListen = (socket: us_listen_socket | false): void => {
      if (socket === false) {
        const { host, port } = options
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
    listen(options.host, options.port, EXCLUSIVE, onListen)
  })
}
