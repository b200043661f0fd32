/** The single point where an unknown call becomes a known one with typed input. */
import { type Row, rowOf } from '../contract.ts'
import { ServiceError, toPublicError } from '../errors.ts'
import type { CallContext } from '../method.ts'
import { parseInput } from '../validate.ts'

/** Handlers by the verb of their row. `Handlers<S>` of the contract fits. */
export type AnyHandlers = Readonly<Record<string, (input: never, call: CallContext) => Promise<unknown>>>

/** A call that may be begun. */
export interface Admitted {
  readonly row: Row
  readonly handle: (call: CallContext) => Promise<unknown>
  /** It waits for news (an idempotent row with `wait_ms` in the input) and has nothing to finish. */
  readonly longPoll: boolean
}

/** The call by its name and raw input. Throws `unknown_method` or `invalid_input`. */
export const admit = (service: string, handlers: AnyHandlers, name: string, raw: unknown): Admitted => {
  const row = rowOf(name)
  if (row === undefined || row.service !== service || !Object.hasOwn(handlers, row.verb)) {
    throw new ServiceError('unknown_method', `${service} has no method ${name.slice(0, 100)}`)
  }
  try {
    const input = parseInput(row, raw)
    const wait = typeof input === 'object' && input !== null && 'wait_ms' in input ? Number(input.wait_ms) : 0
    return {
      row,
      handle: async (call) => await handlers[row.verb]?.(input as never, call),
      longPoll: row.idempotent === true && wait > 0,
    }
  } catch (error) {
    throw toPublicError(error, [])
  }
}
