/**
 * What the edge asks of whatever speaks HTTP. Everything behind this file knows exchanges only, so that one adapter can
 * be put in the place of another and both pass the same tests.
 */

/** Header names are lower case. */
export type Headers = Readonly<Record<string, string>>

/**
 * One request and its answer. An answer is either one `reply`, or `open`, any number of `write`s and `end`; `sever`
 * breaks off at any point, and so does a `reply` behind `open`. Once the exchange is closed (answered to the end, severed,
 * or the client is gone) all of these do nothing, so that nobody needs to ask first.
 */
export interface Exchange {
  /** Upper case. */
  readonly method: string
  /** As sent: still percent-encoded, begins with a slash. */
  readonly path: string
  /** What stands behind the question mark, as sent. */
  readonly query: string
  /** The address at the other end of the connection, as text: whoever connected, which behind a proxy is the proxy. */
  readonly remote: string
  /**
   * A header's value, the first one where there are several, or an empty text. ASCII is all that can be relied on in it. Only
   * until the handler first awaits: the request is gone afterwards.
   */
  header(name: string): string
  /**
   * The whole body; asked for once, before the handler first awaits. Rejects with `too_large` past `limit` bytes, and
   * with `cancelled` when the client goes away before its end. `onPart` is told the size of each part before it is kept,
   * and by throwing refuses the rest: the promise rejects with what it threw.
   */
  body(limit: number, onPart?: (bytes: number) => void): Promise<Uint8Array>
  readonly closed: boolean
  /** Aborted when the exchange closes before it was answered to the end. */
  readonly gone: AbortSignal
  reply(status: number, headers: Headers, body: string | Uint8Array): void
  /** Begins a body of unknown length, together with its first part. */
  open(status: number, headers: Headers, first: string): void
  /** Adds to the body. All that is added in one tick goes out in one write; who adds much awaits `writable` before it adds more. */
  write(text: string): void
  /** Whether the client has not taken yet what was added before this tick. */
  readonly stalled: boolean
  /** Resolves when all that was added is on its way, or the exchange is closed. */
  writable(): Promise<void>
  /** Ends the body cleanly, with a last part. */
  end(last: string): void
  /** Breaks the connection, so that the client sees an answer that is not complete. */
  sever(): void
}

/** A WebSocket. Once it is closed nothing of this does anything, so that nobody needs to ask first. */
export interface Socket {
  /** Adds a text message. All that is added in one tick goes out in one write. */
  send(text: string): void
  /** Bytes that were added and that the kernel has not taken yet. (What was added in this tick counts by its length.) */
  readonly unsent: number
  /** Ends it with a status code (RFC 6455 7.4) and a few words. Whoever listens is told before this returns. */
  close(code: number, reason: string): void
}

/** What becomes of a WebSocket. What these throw is told to `onFault`, and ends the connection with 1011. */
export interface SocketListener {
  /** A whole message. Its bytes are there until this returns; a text is known to be UTF-8. */
  onMessage(data: Uint8Array, binary: boolean): void
  /** The kernel took something: `unsent` has fallen. */
  onDrain(): void
  /** It has ended, however that came about. Told once, and last. */
  onClose(): void
}

/** Where WebSockets are spoken, and how. */
export interface SocketOptions {
  readonly path: string
  /** Bytes of the largest message; a larger one ends the connection. */
  readonly max_message_bytes: number
  /** Bytes that may wait for a client that does not take them; beyond, the connection ends. */
  readonly max_unsent_bytes: number
  /** A client from which nothing was heard for so long, not even the answer to a ping, is cut off; 8 to 960 s, in whole ones. */
  readonly idle_s: number
  /**
   * Whether a request may become a WebSocket, and then what begins with it. Where it may not, this answers it, before it
   * returns, and gives back nothing.
   */
  readonly admit: (exchange: Exchange) => ((socket: Socket) => SocketListener) | undefined
}

/** Begins to answer. Whatever it throws before it first awaits is answered with 500. */
export type Handle = (exchange: Exchange) => void

export interface ServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly handle: Handle
  /** Paths whose GET is asked for so often that an adapter may look for them first; they are handled as all others. */
  readonly often?: readonly string[]
  /** Without it nobody may ask for a WebSocket. */
  readonly sockets?: SocketOptions | undefined
  /** Told of what a handler threw. */
  readonly onFault: (error: unknown) => void
  /**
   * Connections at one time, also those on which nothing was said yet, and WebSockets; one more is closed at once, without
   * an answer. No bound where absent.
   */
  readonly max_connections?: number | undefined
}

/** A listening server. A client that takes nothing for about ten seconds while something waits for it is cut off. */
export interface Server {
  readonly adapter: 'uws' | 'node'
  readonly port: number
  /** Accepts no more connections; those that are there go on. */
  stop(): void
  /** Breaks what is left. */
  close(): void
}

/** Listens, or rejects with a sentence that says why not. */
export type OpenServer = (options: ServerOptions) => Promise<Server>
