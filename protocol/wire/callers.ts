/** Who is connected to a service, and what runs for each. */
import type { Row } from '../contract.ts'
import { ServiceError } from '../errors.ts'
import type { createCounts } from './counts.ts'

/** A call whose handler was started. */
export interface RunningCall {
  readonly id: number
  readonly row: Row
  readonly call_id: string
  readonly controller: AbortController
  /** Abandons it at its deadline. */
  readonly timer: NodeJS.Timeout
  /** It waits for news and has nothing to finish. */
  readonly longPoll: boolean
}

/** A connection. One that is made anew is another caller. */
export interface Caller {
  readonly address: Buffer
  readonly epoch: number
  /** Calls that somebody waits for. One leaves when it is answered or abandoned, though its handler may go on a little. */
  readonly running: Map<number, RunningCall>
  lastId: number
}

const keyOf = (address: Buffer): string => address.toString('latin1')

export class Callers {
  readonly #byAddress = new Map<string, Caller>()
  readonly #counts: ReturnType<typeof createCounts>
  /** Called when the last caller has gone. */
  onEmpty: (() => void) | undefined

  constructor(counts: ReturnType<typeof createCounts>) {
    this.#counts = counts
  }

  get all(): Iterable<Caller> {
    return this.#byAddress.values()
  }

  get size(): number {
    return this.#byAddress.size
  }

  at(address: Buffer): Caller | undefined {
    return this.#byAddress.get(keyOf(address))
  }

  /** It said hello. Whoever was at that address before has gone. */
  welcome(address: Buffer, epoch: number): void {
    this.forget(address)
    this.#byAddress.set(keyOf(address), { address, epoch, running: new Map(), lastId: 0 })
  }

  /** It has gone: nobody waits for its calls. */
  forget(address: Buffer): void {
    const caller = this.at(address)
    if (caller === undefined) return
    this.#byAddress.delete(keyOf(address))
    for (const running of caller.running.values()) {
      this.abandon(caller, running, new ServiceError('cancelled', 'The caller went away'))
    }
    if (this.size === 0) this.onEmpty?.()
  }

  /** Marks a call as answered. False when it was abandoned before: then no answer may be sent. */
  settle({ running }: Caller, { id, timer }: RunningCall): boolean {
    clearTimeout(timer)
    return running.delete(id)
  }

  /** Nobody waits for a call any more; its handler is told why. */
  abandon(caller: Caller, running: RunningCall, reason: ServiceError): void {
    if (!this.settle(caller, running)) return
    this.#counts.failed(running.row.name)
    running.controller.abort(reason)
  }
}
