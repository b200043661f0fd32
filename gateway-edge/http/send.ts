/**
 * Beginning a turn over HTTP, and the ways of answering with one: at its end, or as it goes on.
 *
 * A client without an Idempotency-Key sends its message again when the answer breaks off, and shall then get the same turn
 * (design §5 H). So sessions is told of each response to such a client, and how it ended; a response of which nothing
 * was told is broken once another edge has taken our place.
 */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { ServiceError } from '../../protocol/errors.ts'
import type { Client } from '../../protocol/method.ts'
import type { sessions, TurnEvent } from '../../protocol/sessions.ts'
import type { WireLog } from '../../protocol/wire/log.ts'
import type { Exchange } from '../server/server.ts'
import type { Turns } from '../turns.ts'
import { comment, createRenderer, failure, type Rendered, renderAll, turnLine } from './sse.ts'

export type SendInput = z.input<typeof sessions.methods.send.input>

export interface SendDeps {
  readonly client: Pick<Client<typeof sessions>, 'send' | 'response_ended'>
  readonly turns: Turns
  /** Names this life of the edge. */
  readonly edge: string
  readonly log: WireLog
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

/** A turn that was begun, or taken up, for a response. */
export interface Begun {
  readonly turn_id: string
  /** Absent where the client named its message itself. */
  readonly response_id?: string
}

/**
 * Hands a message to sessions, again and again until it is taken: its key, or the response's id, makes all attempts one turn.
 * Ends early when the client has gone, which was promised nothing yet.
 */
export const begin = async (deps: SendDeps, exchange: Exchange, input: SendInput, call_id: string): Promise<Begun> => {
  const response_id = input.idempotency_key === undefined ? randomUUID() : undefined
  // What a client says of responses is not believed: only an edge gives them.
  const response = response_id === undefined ? undefined : { response_id, edge: deps.edge }
  const until = Date.now() + (deps.give_up_ms ?? GIVE_UP_MS)
  for (;;) {
    try {
      const { turn_id } = await deps.client.send({ ...input, response }, { call_id })
      return { turn_id, ...(response_id === undefined ? {} : { response_id }) }
    } catch (error) {
      const passing = error instanceof ServiceError && PASSING.has(error.code)
      if (!passing || exchange.closed || Date.now() >= until) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/**
 * Tells sessions how a response ended. After the last byte was handed to the kernel, never before: a response that was called
 * complete and then broke would make the client's repeat run the message twice.
 */
export const tellEnd = async (deps: SendDeps, { response_id }: Begun, completed: boolean): Promise<void> => {
  if (response_id === undefined) return
  try {
    await deps.client.response_ended({ response_id, completed })
  } catch (error) {
    deps.log.warn({ err: error, response_id }, 'How a response ended could not be told; it counts as open while this edge lives')
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

/** What a stream is made of. */
interface StreamPlan {
  readonly turn_id: string
  /** Begin behind this event. */
  readonly after?: string | undefined
  readonly render: (events: readonly TurnEvent[]) => Rendered
}

/**
 * Answers with what happens in the turn, as it happens. Never throws: what goes wrong is told in the stream, or breaks it.
 * Returns what went wrong, for the log.
 */
const stream = async (deps: SendDeps, exchange: Exchange, { turn_id, after, render }: StreamPlan): Promise<unknown> => {
  let full = false
  // The headers go out with it: a client shall know at once that its message was taken.
  exchange.open(200, { ...STREAM_HEADERS, 'x-turn-id': turn_id }, turnLine(turn_id))
  const alive = setInterval(() => {
    if (!full) exchange.write(comment('waiting'))
  }, deps.keep_alive_ms ?? KEEP_ALIVE_MS)
  try {
    for await (const events of deps.turns.follow(turn_id, { after, signal: exchange.gone })) {
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

/** The stream as the predecessor's clients read it. */
export const answerAsStream = (deps: SendDeps, exchange: Exchange, turn_id: string): Promise<unknown> =>
  stream(deps, exchange, { turn_id, render: createRenderer(turn_id) })

/** All events of a turn behind `after`, for whoever resumes or watches. */
export const answerEvents = (deps: SendDeps, exchange: Exchange, turn_id: string, after: string | undefined): Promise<unknown> =>
  stream(deps, exchange, { turn_id, after, render: renderAll })
