/** The ways of answering with a turn: at its end, or as it goes on. */
import type { z } from 'zod'
import { ServiceError } from '../../protocol/errors.ts'
import type { Client } from '../../protocol/method.ts'
import type { sessions, TurnEvent } from '../../protocol/sessions.ts'
import type { Exchange, Headers } from '../server/server.ts'
import type { Take, Turns } from '../turns.ts'
import type { BeginDeps } from './begin.ts'
import type { ResponseEnds } from './response-ends.ts'
import { comment, createRenderer, failure, type Rendered, renderAll, turnLine } from './sse.ts'

export type SendInput = z.input<typeof sessions.methods.send.input>

export interface SendDeps extends BeginDeps {
  readonly client: Pick<Client<typeof sessions>, 'send'>
  readonly ends: ResponseEnds
  readonly turns: Turns
  /** How often a silent stream shows that it is alive, in milliseconds. */
  readonly keep_alive_ms?: number
}

const KEEP_ALIVE_MS = 15_000

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
}

/** How an answer went. */
export interface Answered {
  /**
   * The kernel has taken all of it, and the answer was in it. Never called so before: a response that was complete and then
   * breaks, or asks to be sent again, would make the client's repeat run twice.
   */
  readonly completed: boolean
  /** What went wrong, for the log. */
  readonly fault?: unknown
}

/** Ends a body with its last part, once the kernel has taken that. True when it did. */
const finish = async (exchange: Exchange, last: string): Promise<boolean> => {
  exchange.write(last)
  await exchange.writable()
  // Looked at before anything else can happen: a client may leave as soon as it has what it wanted.
  const completed = !exchange.gone.aborted
  exchange.end('')
  return completed
}

/** Answers in one piece. */
export const answerWhole = async (exchange: Exchange, headers: Headers, body: string, status = 200): Promise<Answered> => {
  exchange.open(status, headers, '')
  return { completed: await finish(exchange, body) }
}

/** What the turn ended with. */
export const replyOf = async ({ turns }: SendDeps, exchange: Exchange, turn_id: string): Promise<string> => {
  let reply: string | undefined
  const take: Take = (events) => {
    const last = events.at(-1)
    if (last?.type === 'end') reply = last.content
    return undefined
  }
  await turns.follow(turn_id, { signal: exchange.gone, take })
  if (reply !== undefined) return reply
  throw new ServiceError('internal', `The turn ${turn_id} ended without an end`)
}

/** What a stream is made of. */
interface StreamPlan {
  readonly turn_id: string
  /** Begin behind this event. */
  readonly after?: string | undefined
  readonly render: (events: readonly TurnEvent[]) => Rendered
}

/** Answers with what happens in the turn, as it happens. Never throws: what goes wrong is told in the stream, or breaks it. */
const stream = async (deps: SendDeps, exchange: Exchange, { turn_id, after, render }: StreamPlan): Promise<Answered> => {
  let last: string | undefined
  let full = false
  // The headers go out with it: a client shall know at once that its message was taken.
  exchange.open(200, { ...STREAM_HEADERS, 'x-turn-id': turn_id }, turnLine(turn_id))
  const alive = setInterval(() => {
    if (!full) exchange.write(comment('waiting'))
  }, deps.keep_alive_ms ?? KEEP_ALIVE_MS)
  const room = async (): Promise<void> => {
    await exchange.writable()
    full = false
  }
  const take: Take = (events) => {
    const { text, ended } = render(events)
    alive.refresh()
    if (ended) {
      last = text
      return undefined
    }
    full = exchange.stalled
    exchange.write(text)
    // The next events are asked for when this client has taken these: a slow one slows only itself.
    return full ? room() : undefined
  }
  try {
    await deps.turns.follow(turn_id, { after, signal: exchange.gone, take })
    if (last === undefined) throw new ServiceError('internal', `The turn ${turn_id} ended without an end`)
    return { completed: await finish(exchange, last) }
  } catch (error) {
    exchange.end(failure(error instanceof ServiceError ? error.message : 'Internal Server Error'))
    return { completed: false, fault: error }
  } finally {
    clearInterval(alive)
  }
}

/** The stream as the predecessor's clients read it. */
export const answerAsStream = (deps: SendDeps, exchange: Exchange, turn_id: string): Promise<Answered> =>
  stream(deps, exchange, { turn_id, render: createRenderer(turn_id) })

/** All events of a turn behind `after`, for whoever resumes or watches. */
export const answerEvents = (deps: SendDeps, exchange: Exchange, turn_id: string, after: string | undefined): Promise<Answered> =>
  stream(deps, exchange, { turn_id, after, render: renderAll })
