/** The server on node:http and ws, for machines on which uWebSockets.js has no binary. It does what the other one does. */
import { createServer, type Server as HttpServer, type IncomingMessage, ServerResponse } from 'node:http'
import net from 'node:net'
import { ServiceError } from '../../protocol/errors.ts'
import { asksForSocket, FAULT, HEAD_MAX_BYTES, judgeHead, type Refusal } from './head.ts'
import { NodeExchange } from './node-exchange.ts'
import { openNodeSockets } from './node-sockets.ts'
import type { OpenServer, ServerOptions } from './server.ts'
import { TickEnd } from './tick-end.ts'

/** For the whole head, for the whole body, and between two requests of a connection. */
const HEAD_MS = 10_000
const REQUEST_MS = 300_000
const KEEP_ALIVE_MS = 10_000

/** A client that is waited for and does nothing for so long is cut off. */
const STALLED_MS = 10_000

/** How often the times of heads and bodies are looked at. */
const LOOK_MS = 1_000

const WRONG_VERSION: Refusal = {
  status: 505,
  headers: { 'content-type': 'application/json' },
  body: '{"detail":"Only HTTP/1.1 with a path is spoken here"}',
}

const judge = (exchange: NodeExchange, req: IncomingMessage): Refusal | undefined => {
  if (req.httpVersion !== '1.1' || !exchange.path.startsWith('/')) return WRONG_VERSION
  return judgeHead(exchange.method, exchange.path + exchange.query, (visit) => {
    for (let index = 0; index < req.rawHeaders.length; index += 2)
      visit((req.rawHeaders[index] ?? '').toLowerCase(), req.rawHeaders[index + 1] ?? '')
  })
}

/** Begins to answer a request, unless its head is refused. */
const answer = (exchange: NodeExchange, req: IncomingMessage, { onFault }: ServerOptions, begin: () => void): void => {
  try {
    const refusal = judge(exchange, req)
    if (refusal === undefined) return begin()
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

/** Takes a request that asks for a protocol which is not spoken for an ordinary one: as if it had not asked. */
const takeAsOrdinary = (server: HttpServer, req: IncomingMessage, socket: net.Socket, rest: Buffer): void => {
  const lines = [`${req.method} ${req.url} HTTP/${req.httpVersion}`]
  for (let index = 0; index < req.rawHeaders.length; index += 2) {
    const name = req.rawHeaders[index] ?? ''
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${req.rawHeaders[index + 1]}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), rest]))
  server.emit('connection', socket)
}

/** Lets WebSockets in. Gives back what closes them. */
const addSockets = (server: HttpServer, options: ServerOptions, tickEnd: TickEnd): (() => void) => {
  const { sockets, onFault } = options
  if (sockets === undefined) return () => undefined
  const carriers = openNodeSockets(sockets, tickEnd, onFault)
  server.on('upgrade', (req: IncomingMessage, socket: net.Socket, rest: Buffer) => {
    const res = new ServerResponse(req)
    const exchange = new NodeExchange(req, res, tickEnd)
    exchange.closeAfter = true
    if (!asksForSocket(exchange, sockets.path)) return takeAsOrdinary(server, req, socket, rest)
    const refused = (): void => socket.destroySoon()
    socket.on('error', refused)
    res.on('finish', refused)
    res.assignSocket(socket)
    answer(exchange, req, options, () => {
      const open = sockets.admit(exchange)
      if (open === undefined) return
      res.detachSocket(socket)
      socket.off('error', refused)
      carriers.upgrade(req, socket, rest, open)
    })
  })
  return carriers.close
}

const listen = (server: HttpServer, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new ServiceError('conflict', `Cannot listen on ${host}:${port}: the port is taken, or not ours to take`, { cause })),
    )
    server.listen(port, host, resolve)
  })

/** Listens on one host and port. */
export const openNodeServer: OpenServer = async (options) => {
  const { host, port, handle, onFault, max_connections } = options
  const tickEnd = new TickEnd()
  const server = createServer({
    maxHeaderSize: HEAD_MAX_BYTES,
    headersTimeout: HEAD_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: LOOK_MS,
    insecureHTTPParser: false,
    requireHostHeader: true,
  })
  /** What is being answered on a connection. */
  const current = new WeakMap<net.Socket, IncomingMessage>()
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    const { socket } = req
    current.set(socket, req)
    res.on('close', () => {
      if (current.get(socket) === req) current.delete(socket)
    })
    const exchange = new NodeExchange(req, res, tickEnd)
    answer(exchange, req, options, () => handle(exchange))
  }
  server.on('request', onRequest)
  server.on('checkExpectation', onRequest)
  server.timeout = STALLED_MS
  server.on('timeout', (socket: net.Socket) => {
    const req = current.get(socket)
    // Whom we keep waiting may be silent.
    if (req === undefined || !req.complete || socket.writableLength > 0) socket.destroy()
  })
  // Many headers are no fault that is worth cutting the list for without a word.
  server.maxHeadersCount = 0
  if (max_connections !== undefined) server.maxConnections = max_connections
  const closeSockets = addSockets(server, options, tickEnd)
  await listen(server, host, port)
  server.on('error', onFault)
  let listening = true
  const stop = (): void => {
    // Not the method of http.Server, which breaks idle connections.
    if (listening) net.Server.prototype.close.call(server)
    listening = false
  }
  return {
    adapter: 'node',
    port: (server.address() as net.AddressInfo).port,
    stop,
    close: () => {
      stop()
      tickEnd.run()
      closeSockets()
      server.closeAllConnections()
      server.close()
    },
  }
}
