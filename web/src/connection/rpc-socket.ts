/** JSON-RPC over one WebSocket: calls with answers, and notifications. It lives once; `Connection` makes the next one. */
import { Failure, fromRpc } from './failure.ts'

/** A call that nobody answers for so long has failed, unless it says otherwise. */
const DEADLINE_MS = 20_000
/** A connection may be dead without a word (a laptop that slept): it is asked, and given so long to answer. */
const PING_EVERY_MS = 15_000
const PING_PATIENCE_MS = 5_000
/** Somebody has just come back and looks. */
const CHECK_PATIENCE_MS = 2_000

export interface CallOptions {
  readonly timeout_ms?: number
  readonly signal?: AbortSignal
}

export interface SocketListener {
  onOpen(): void
  /** Told once, whether it had opened or not. */
  onClose(opened: boolean): void
  onNotification(method: string, params: Readonly<Record<string, unknown>>): void
}

interface Pending {
  readonly settle: (message: Readonly<Record<string, unknown>>) => void
  readonly fail: (failure: Failure) => void
}

const offline = (): Failure => new Failure('offline', 'The connection to Switchboard was lost')

export class RpcSocket {
  readonly #socket: WebSocket
  readonly #listener: SocketListener
  readonly #pending = new Map<number, Pending>()
  #ids = 0
  #opened = false
  #closed = false
  #pinging: number | undefined

  constructor(url: string, listener: SocketListener) {
    this.#listener = listener
    this.#socket = new WebSocket(url)
    this.#socket.addEventListener('open', () => {
      if (this.#closed) return
      this.#opened = true
      this.#pinging = window.setInterval(() => this.#ping(), PING_EVERY_MS)
      listener.onOpen()
    })
    this.#socket.addEventListener('message', (event) => this.#receive(JSON.parse(event.data as string)))
    this.#socket.addEventListener('close', () => this.close())
  }

  call(method: string, params: object, { timeout_ms = DEADLINE_MS, signal }: CallOptions = {}): Promise<unknown> {
    if (this.#closed || !this.#opened) return Promise.reject(offline())
    if (signal?.aborted) return Promise.reject(new Failure('cancelled', 'Taken back'))
    this.#ids += 1
    const id = this.#ids
    return new Promise((resolve, reject) => {
      const done = (act: () => void): void => {
        this.#pending.delete(id)
        window.clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        act()
      }
      const takeBack = (failure: Failure): void => {
        done(() => reject(failure))
        this.#send({ method: 'rpc.cancel', params: { id } })
      }
      const onAbort = (): void => takeBack(new Failure('cancelled', 'Taken back'))
      const timer = window.setTimeout(
        () => takeBack(new Failure('timeout', `Switchboard did not answer within ${Math.round(timeout_ms / 1_000)} s`)),
        timeout_ms,
      )
      signal?.addEventListener('abort', onAbort)
      this.#pending.set(id, {
        settle: (message) =>
          done(() => {
            if ('error' in message) reject(fromRpc(message.error as Parameters<typeof fromRpc>[0]))
            else resolve(message.result)
          }),
        fail: (failure) => done(() => reject(failure)),
      })
      this.#send({ id, method, params })
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    window.clearInterval(this.#pinging)
    this.#socket.close()
    for (const { fail } of [...this.#pending.values()]) fail(offline())
    this.#listener.onClose(this.#opened)
  }

  /** Asks now whether the other side is still there. */
  check(): void {
    if (this.#opened) this.#ping(CHECK_PATIENCE_MS)
  }

  #send(message: object): void {
    if (!this.#closed) this.#socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }))
  }

  #ping(timeout_ms = PING_PATIENCE_MS): void {
    void this.call('ping', {}, { timeout_ms }).catch(() => this.close())
  }

  #receive(message: Readonly<Record<string, unknown>>): void {
    if (typeof message.method === 'string')
      this.#listener.onNotification(message.method, (message.params ?? {}) as Readonly<Record<string, unknown>>)
    else this.#pending.get(message.id as number)?.settle(message)
  }
}
