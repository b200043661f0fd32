/**
 * A WebSocket as the edge sees it, upon whatever carries it: what is sent within a tick goes out in one write, nothing
 * happens any more once it is closed, and whoever listens is told of the end once.
 */
import type { Socket, SocketListener } from './server.ts'
import type { TickEnd } from './tick-end.ts'

/** What carries the messages. */
export interface Carrier {
  /** Hands them over, in one write if it can. True where the kernel took all of it and nothing waits. */
  write(texts: readonly string[]): boolean
  /** Bytes that the kernel has not taken. */
  unsent(): number
  close(code: number, reason: string): void
}

/** Beyond it in a control frame nothing has room, RFC 6455 5.5. */
const REASON_MAX_BYTES = 123

export class QueuedSocket implements Socket {
  readonly #carrier: Carrier
  readonly #tickEnd: TickEnd
  readonly #onFault: (error: unknown) => void
  readonly #listener: SocketListener
  #queue: string[] = []
  #queued = 0
  /** Whether nothing waited behind the last write: then the carrier need not be asked. */
  #clear = true
  #closed = false
  readonly #flushQueue = (): void => this.#flush()

  constructor(carrier: Carrier, tickEnd: TickEnd, open: (socket: Socket) => SocketListener, onFault: (error: unknown) => void) {
    this.#carrier = carrier
    this.#tickEnd = tickEnd
    this.#onFault = onFault
    this.#listener = open(this)
  }

  get unsent(): number {
    if (this.#closed) return 0
    return this.#clear ? this.#queued : this.#queued + this.#carrier.unsent()
  }

  send(text: string): void {
    if (this.#closed) return
    this.#queued += text.length
    if (this.#queue.push(text) === 1) this.#tickEnd.add(this.#flushQueue)
  }

  close(code: number, reason: string): void {
    if (this.#closed) return
    this.#flush()
    if (this.#closed) return
    const words = Buffer.byteLength(reason) > REASON_MAX_BYTES ? '' : reason
    this.over()
    this.#carrier.close(code, words)
  }

  /** A message came. */
  take(data: Uint8Array, binary: boolean): void {
    if (!this.#closed) this.#tell(() => this.#listener.onMessage(data, binary))
  }

  /** The kernel took something. */
  drained(): void {
    if (!this.#closed) this.#tell(() => this.#listener.onDrain())
  }

  /** The connection has ended. */
  over(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue = []
    this.#queued = 0
    this.#tell(() => this.#listener.onClose())
  }

  #flush(): void {
    if (this.#closed || this.#queue.length === 0) return
    const texts = this.#queue
    this.#queue = []
    this.#queued = 0
    this.#clear = this.#carrier.write(texts)
    if (this.#clear) this.drained()
  }

  #tell(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#onFault(error)
      this.close(1011, 'Internal error')
    }
  }
}
