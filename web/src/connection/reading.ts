/**
 * Reading: a call that changes nothing. When nobody is there to answer it the edge waits for the whole of the method's deadline, since the
 * service may be restarting; whoever looks at a screen should be told sooner. So a reading that takes its time has the edge asked who is up,
 * and fails as soon as its service was found down twice; a service that only takes its time is waited for.
 */
import type { Connection } from './connection.ts'
import { Failure } from './failure.ts'
import { type Health, readHealth } from './health.ts'
import type { Input, MethodName, Output } from './methods.ts'
import type { CallOptions } from './rpc-socket.ts'

/** What can be asked over a connection. */
export type Caller = Pick<Connection, 'call'>

/** Most readings are answered by then. Each look takes up to a second where somebody is down. */
const LOOK_AFTER_MS = 400
const LOOKS = 2

export class Reading {
  readonly #connection: Caller
  /** One look serves all who wonder. */
  #looking: Promise<Health> | undefined

  constructor(connection: Caller) {
    this.#connection = connection
  }

  /** As `Connection.call`; fails with `unavailable` when the service is known to be down. */
  async call<M extends MethodName>(method: M, input: Input<M>, { signal, ...options }: CallOptions = {}): Promise<Output<M>> {
    const taken = new AbortController()
    const takeBack = (): void => taken.abort()
    signal?.addEventListener('abort', takeBack)
    if (signal?.aborted) takeBack()
    let timer: number | undefined
    const down = new Promise<never>((_, reject) => {
      timer = window.setTimeout(() => void this.#findDown(method, taken.signal).then(reject), LOOK_AFTER_MS)
    })
    try {
      return await Promise.race([this.#connection.call(method, input, { ...options, signal: taken.signal }), down])
    } finally {
      window.clearTimeout(timer)
      signal?.removeEventListener('abort', takeBack)
      takeBack()
    }
  }

  /** Resolves when the service was found down, and never where it was not. */
  async #findDown(method: MethodName, signal: AbortSignal): Promise<Failure> {
    const service = method.slice(0, method.indexOf('.'))
    for (let look = 0; look < LOOKS; look += 1) {
      const health = signal.aborted ? undefined : await this.#look()
      if (health?.services[service] !== 'down') return await new Promise<never>(() => undefined)
    }
    return new Failure('unavailable', `${service} is not running`)
  }

  #look(): Promise<Health | undefined> {
    this.#looking ??= readHealth(AbortSignal.timeout(5_000)).finally(() => {
      this.#looking = undefined
    })
    // An edge that does not answer is noticed elsewhere: the connection is lost.
    return this.#looking.catch(() => undefined)
  }
}
