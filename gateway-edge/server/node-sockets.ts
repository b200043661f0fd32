/** WebSockets on node:http, by ws. */
import type { IncomingMessage } from 'node:http'
import type { Socket as Connection } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { QueuedSocket } from './queued-socket.ts'
import type { Socket, SocketListener, SocketOptions } from './server.ts'
import type { TickEnd } from './tick-end.ts'

export interface NodeSockets {
  /** Makes a connection whose head was judged a WebSocket. */
  upgrade(req: IncomingMessage, connection: Connection, rest: Buffer, open: (socket: Socket) => SocketListener): void
  /** Breaks all of them. */
  close(): void
}

/** How long a client may take to answer that the connection ends. */
const FAREWELL_MS = 10_000

/** How often, within the time after which a silent client is cut off, each is looked at; halfway it is sent a ping. */
const LOOKS = 4

/** What a look at a connection found. */
interface Look {
  readonly read: number
  readonly unsent: number
  /** How many looks in a row found nothing new. */
  readonly quiet: number
}

const toBytes = (data: Buffer | ArrayBuffer | Buffer[]): Uint8Array =>
  Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data

/** Cuts off clients of which nothing is heard and that take nothing. */
const watch = (clients: ReadonlySet<WebSocket>, connections: WeakMap<WebSocket, Connection>, idle_s: number): NodeJS.Timeout => {
  const looks = new WeakMap<WebSocket, Look>()
  const look = (client: WebSocket): void => {
    const read = connections.get(client)?.bytesRead ?? 0
    const unsent = client.bufferedAmount
    const last = looks.get(client)
    const quiet = last === undefined || read !== last.read || unsent < last.unsent ? 0 : last.quiet + 1
    looks.set(client, { read, unsent, quiet })
    if (quiet >= LOOKS) client.terminate()
    else if (quiet === LOOKS / 2 && client.readyState === client.OPEN) client.ping()
  }
  return setInterval(() => clients.forEach(look), (idle_s * 1_000) / LOOKS)
}

/** Speaks WebSocket on connections that the caller hands over. */
export const openNodeSockets = (options: SocketOptions, tickEnd: TickEnd, onFault: (error: unknown) => void): NodeSockets => {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: options.max_message_bytes,
    perMessageDeflate: false,
    handleProtocols: () => false,
    // Its types do not know it yet.
    ...{ closeTimeout: FAREWELL_MS },
  })
  const connections = new WeakMap<WebSocket, Connection>()
  const watching = watch(server.clients, connections, options.idle_s)

  const begin = (client: WebSocket, connection: Connection, open: (socket: Socket) => SocketListener): void => {
    connections.set(client, connection)
    const write = (texts: readonly string[]): boolean => {
      if (client.bufferedAmount > options.max_unsent_bytes) {
        client.terminate()
        return false
      }
      connection.cork()
      for (const [index, text] of texts.entries())
        client.send(text, index === texts.length - 1 ? () => socket.drained() : undefined)
      connection.uncork()
      return client.bufferedAmount === 0
    }
    const close = (code: number, words: string): void => client.close(code, words)
    const socket = new QueuedSocket({ write, unsent: () => client.bufferedAmount, close }, tickEnd, open, onFault)
    client.on('message', (data, binary) => socket.take(toBytes(data), binary))
    client.on('close', () => socket.over())
    // Broken frames and broken connections; `close` follows.
    client.on('error', () => socket.over())
  }

  return {
    upgrade: (req, connection, rest, open) =>
      server.handleUpgrade(req, connection, rest, (client) => begin(client, connection, open)),
    close: () => {
      clearInterval(watching)
      for (const client of server.clients) client.terminate()
    },
  }
}
