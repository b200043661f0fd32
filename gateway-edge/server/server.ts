/**
 * What the edge asks of whatever speaks HTTP. Everything behind this file knows exchanges only, so that one adapter can
 * be put in the place of another and both pass the same tests.
 */

/** Header names are lower case. */
export type Headers = Readonly<Record<string, string>>

/**
 * One request and its answer. An answer is either one `reply`, or `open`, any number of `write`s and `end`; `sever`
 * breaks off at any point. Once the exchange is closed (answered to the end, severed, or the client is gone) all of these
 * do nothing, so that nobody needs to ask first.
 */
export interface Exchange {
  /** Upper case. */
  readonly method: string
  /** As sent: still percent-encoded, begins with a slash. */
  readonly path: string
  /** What stands behind the question mark, as sent. */
  readonly query: string
  /** A header's value, or an empty text. Only until the handler first awaits: the request is gone afterwards. */
  header(name: string): string
  /**
   * The whole body; asked for once, before the handler first awaits. Rejects with `too_large` past `limit` bytes, and
   * with `cancelled` when the client goes away before its end.
   */
  body(limit: number): Promise<Uint8Array>
  readonly closed: boolean
  /** Aborted when the exchange closes before it was answered to the end. */
  readonly gone: AbortSignal
  reply(status: number, headers: Headers, body: string): void
  /** Begins a body of unknown length, together with its first part. */
  open(status: number, headers: Headers, first: string): void
  /** Adds to the body. All that is added in one tick goes out in one write; await `writable` before adding more than that. */
  write(text: string): void
  /** Resolves when all that was added is on its way, or the exchange is closed. */
  writable(): Promise<void>
  /** Ends the body cleanly, with a last part. */
  end(last: string): void
  /** Breaks the connection, so that the client sees an answer that is not complete. */
  sever(): void
}

/** Begins to answer. Whatever it throws before it first awaits is answered with 500. */
export type Handle = (exchange: Exchange) => void

export interface ServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly handle: Handle
  /** Told of what a handler threw. */
  readonly onFault: (error: unknown) => void
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
