/** The calls of a link that have not settled. */
import { type ErrorCode, ServiceError } from '../errors.ts'
import type { Frame } from './frames.ts'
import type { Parcel } from './send-line.ts'

export interface OpenCall {
  /** Never given twice. */
  readonly id: number
  readonly name: string
  /** Asking twice is the same as asking once. */
  readonly repeatable: boolean
  /** On the machine's clock. */
  readonly expires_at: number
  readonly toFrame: (epoch: number) => Frame
  readonly resolve: (output: unknown) => void
  readonly reject: (error: ServiceError) => void
  timer: NodeJS.Timeout | undefined
  /** Set once it was put into the line of the present connection. */
  parcel: Parcel | undefined
  /** Stops listening to the caller's signal. */
  forget: (() => void) | undefined
  /** Why the present instance did not take it, where it said so. */
  refusal: ServiceError | undefined
}

type NewCall = Pick<OpenCall, 'name' | 'repeatable' | 'expires_at' | 'resolve' | 'reject'> & {
  readonly toFrame: (id: number, epoch: number) => Frame
}

export class OpenCalls {
  readonly #calls = new Map<number, OpenCall>()
  #lastId = 0

  get size(): number {
    return this.#calls.size
  }

  /** In the order in which they were made. One that settles meanwhile, or is added, does no harm. */
  [Symbol.iterator](): Iterator<OpenCall> {
    return this.#calls.values()
  }

  get(id: number): OpenCall | undefined {
    return this.#calls.get(id)
  }

  add({ name, repeatable, expires_at, resolve, reject, toFrame }: NewCall): OpenCall {
    this.#lastId += 1
    const id = this.#lastId
    const call: OpenCall = {
      id,
      name,
      repeatable,
      expires_at,
      resolve,
      reject,
      toFrame: (epoch) => toFrame(id, epoch),
      timer: undefined,
      parcel: undefined,
      forget: undefined,
      refusal: undefined,
    }
    this.#calls.set(id, call)
    return call
  }

  answer(call: OpenCall, output: unknown): void {
    this.#settle(call)
    call.resolve(output)
  }

  fail(call: OpenCall, error: ServiceError): void {
    this.#settle(call)
    call.reject(error)
  }

  failWith(call: OpenCall, code: ErrorCode, message: string): void {
    this.fail(call, new ServiceError(code, message))
  }

  #settle(call: OpenCall): void {
    this.#calls.delete(call.id)
    clearTimeout(call.timer)
    call.forget?.()
  }
}
