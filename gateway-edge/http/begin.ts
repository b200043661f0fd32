/**
 * Beginning work that must not begin twice. A client without an Idempotency-Key sends its message again when the answer breaks
 * off, and shall then get the same turn (design §5 H). So sessions is told of each response to such a client, and how it ended; a
 * response of which nothing was told is broken once another edge has taken our place.
 */
import { randomUUID } from 'node:crypto'
import { ServiceError } from '../../protocol/errors.ts'
import type { Exchange } from '../server/server.ts'
import type { ResponseEnds } from './response-ends.ts'

export interface BeginDeps {
  readonly ends: Pick<ResponseEnds, 'settle' | 'tell'>
  /** Names this life of the edge. */
  readonly edge: string
  /** How long sessions may be away before a message is refused, in milliseconds. */
  readonly give_up_ms?: number
}

/** The response that an edge is about to give. */
export interface ResponseName {
  readonly response_id: string
  readonly edge: string
}

const GIVE_UP_MS = 60_000
const RETRY_MS = 250

const PASSING: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'closing'])

/** What came of it. */
export interface Begun<O> {
  readonly output: O
  /** Absent where the client named its message itself. */
  readonly response_id?: string
}

/**
 * Hands a message to sessions, again and again until it is taken: its key, or the response's id, makes all attempts one.
 * Ends early when the client has gone, which was promised nothing yet.
 */
export const begin = async <I extends { readonly idempotency_key?: string | undefined }, O>(
  deps: BeginDeps,
  exchange: Pick<Exchange, 'closed'>,
  input: I,
  call: (input: I & { readonly response: ResponseName | undefined }) => Promise<O>,
): Promise<Begun<O>> => {
  const response_id = input.idempotency_key === undefined ? randomUUID() : undefined
  // What a client says of responses is not believed: only an edge gives them.
  const response = response_id === undefined ? undefined : { response_id, edge: deps.edge }
  const until = Date.now() + (deps.give_up_ms ?? GIVE_UP_MS)
  for (;;) {
    try {
      await deps.ends.settle()
      return { output: await call({ ...input, response }), ...(response_id === undefined ? {} : { response_id }) }
    } catch (error) {
      const passing = error instanceof ServiceError && PASSING.has(error.code)
      if (!passing || exchange.closed || Date.now() >= until) {
        // It may be committed all the same: then the client's repeat must find that its response broke.
        if (passing && response_id !== undefined) void deps.ends.tell(response_id, false)
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}
