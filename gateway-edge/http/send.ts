/** Beginning a turn over HTTP, and the two ways of answering with it: at its end, or as it goes on. */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { ServiceError } from '../../protocol/errors.ts'
import type { Client } from '../../protocol/method.ts'
import type { sessions } from '../../protocol/sessions.ts'
import type { Exchange } from '../server/server.ts'
import type { Turns } from '../turns.ts'
import { comment, createRenderer, failure } from './sse.ts'

export type SendInput = z.input<typeof sessions.methods.send.input>

export interface SendDeps {
  readonly client: Pick<Client<typeof sessions>, 'send'>
  readonly turns: Turns
  /** How long sessions may be away before a message is refused, in milliseconds. */
  readonly give_up_ms?: number
  /** How often a silent stream shows that it is alive, in milliseconds. */
  readonly keep_alive_ms?: number
}

const GIVE_UP_MS = 60_000
const KEEP_ALIVE_MS = 15_000
const RETRY_MS = 250

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
}

const PASSING: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'closing'])

/**
 * Hands a message to sessions, again and again until it is taken: the key makes all attempts one turn (design §5 H). Ends
 * early when the client has gone, which was promised nothing yet.
 */
export const begin = async (deps: SendDeps, exchange: Exchange, input: SendInput, call_id: string): Promise<string> => {
  const keyed = { ...input, idempotency_key: input.idempotency_key ?? randomUUID() }
  const until = Date.now() + (deps.give_up_ms ?? GIVE_UP_MS)
  for (;;) {
    try {
      return (await deps.client.send(keyed, { call_id })).turn_id
    } catch (error) {
      const passing = error instanceof ServiceError && PASSING.has(error.code)
      if (!passing || exchange.closed || Date.now() >= until) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** Answers with what the turn ended with. */
export const answerAtEnd = async ({ turns }: SendDeps, exchange: Exchange, turn_id: string): Promise<string> => {
  for await (const events of turns.follow(turn_id, { signal: exchange.gone })) {
    const last = events.at(-1)
    if (last?.type === 'end') return last.content
  }
  throw new ServiceError('internal', `The turn ${turn_id} ended without an end`)
}

/**
 * Answers with what happens in the turn, as it happens. Never throws: what goes wrong is told in the stream, or breaks it.
 * Returns what went wrong, for the log.
 */
export const answerAsStream = async (deps: SendDeps, exchange: Exchange, turn_id: string): Promise<unknown> => {
  const render = createRenderer(turn_id)
  let full = false
  // The headers go out with it: a client shall know at once that its message was taken.
  exchange.open(200, STREAM_HEADERS, comment(`turn ${turn_id}`))
  const alive = setInterval(() => {
    if (!full) exchange.write(comment('waiting'))
  }, deps.keep_alive_ms ?? KEEP_ALIVE_MS)
  try {
    for await (const events of deps.turns.follow(turn_id, { signal: exchange.gone })) {
      const { text, ended } = render(events)
      if (ended) {
        exchange.end(text)
        return undefined
      }
      exchange.write(text)
      // The next events are asked for when this client has taken these: a slow one slows only itself.
      full = true
      await exchange.writable()
      full = false
      alive.refresh()
    }
    throw new ServiceError('internal', `The turn ${turn_id} ended without an end`)
  } catch (error) {
    exchange.end(failure(error instanceof ServiceError ? error.message : 'Internal Server Error'))
    return error
  } finally {
    clearInterval(alive)
  }
}
