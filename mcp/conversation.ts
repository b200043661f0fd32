/**
 * `send_gateway_message`: one message, one turn, one answer.
 *
 * **Begin**: the message is sent with a key of its own, so that sending it again gives the same turn. **Follow**: the turn's
 * events are read behind the last one that was seen, again and again while the connection breaks. **End**: its last event
 * holds the reply.
 *
 * - **A** A message runs once, however often a connection breaks.
 * - **B** While it runs the client hears of it at least every {@link SIGN_OF_LIFE_MS}.
 * - **C** A call that is taken back ends the turn. A client that goes away, and a call whose time is up, do not: the answer is in
 *   the chat's history then.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { refusalOf } from '../protocol/chain.ts'
import { Activity, type TurnNews } from './activity.ts'
import type { Backend } from './backend.ts'
import { type Chain, chainHeaders } from './chain.ts'
import { BackendFault, type Doubt } from './fault.ts'
import { toFailure, toResult } from './results.ts'
import { readEvents } from './sse.ts'
import type { ToolCall } from './tool.ts'

/** Clients give a call up that says nothing for long; ten seconds are promised. */
const SIGN_OF_LIFE_MS = 5_000

/** A stream shows every 15 s that it lives; one that does not is broken, whatever the kernel says. */
const SILENCE_MS = 50_000

const RETRY_MS = 250

/** Longer than any restart of the edge. */
const AWAY_MS = 60_000

export interface ConversationDeps {
  readonly backend: Backend
  readonly chain: Chain
  readonly timeout_ms: number
  readonly sign_of_life_ms?: number
  readonly away_ms?: number
}

export interface Message {
  readonly chat_id: string
  readonly bot_id: string
  readonly message: string
}

/** How a turn ended. */
interface End {
  readonly state: string
  readonly content: string
}

/** Where the answer will be, whatever becomes of the call. */
const placeOf = ({ bot_id, chat_id }: Message): string => `get_chat_session with session_id gw-${bot_id}-${chat_id}`

const begin = async (deps: ConversationDeps, message: Message, chain: readonly string[]): Promise<string> => {
  const response = await deps.backend.open({
    method: 'POST',
    path: '/gateway/send-stream',
    body: message,
    headers: { 'idempotency-key': randomUUID(), ...chainHeaders(chain) },
    timeout_ms: Math.min(deps.timeout_ms, AWAY_MS),
    setting: 'MCB_GATEWAY_TIMEOUT',
    repeatable: true,
    doubt: { look: placeOf(message), arrived: false },
  })
  // This stream tells of texts only; the turn's own tells of tools, too, and can be taken up again.
  await response.body?.cancel()
  const turn_id = response.headers.get('x-turn-id')
  if (turn_id === null)
    throw new BackendFault(
      'garbage',
      `What answers at ${deps.backend.api_base} is not Switchboard: it names no turn. Set MCB_API_BASE.`,
    )
  return turn_id
}

/** A message that was taken. */
interface Sent {
  readonly turn_id: string
  /** Whatever breaks from now on: the message is not to be sent again. */
  readonly doubt: Doubt
}

/** What became of a turn whose events are no longer there, or of which we have seen all. */
const endOf = async ({ backend }: ConversationDeps, { turn_id, doubt }: Sent): Promise<End | undefined> => {
  const turn = (await backend.ask({
    method: 'GET',
    path: `/gateway/turns/${turn_id}`,
    timeout_ms: AWAY_MS,
    repeatable: true,
    doubt,
  })) as { state: string; reply: string | null; ended_at: number | null }
  return turn.ended_at === null ? undefined : { state: turn.state, content: turn.reply ?? '' }
}

/** Reads the events of one connection. Resolves with the end, or undefined when the connection ended without it. */
const readOnce = async (
  deps: ConversationDeps,
  sent: Sent,
  seen: { id: string },
  signal: AbortSignal,
  onNews: (news: TurnNews) => void,
): Promise<End | undefined> => {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(), SILENCE_MS)
  try {
    const response = await deps.backend.open({
      method: 'GET',
      path: `/gateway/turns/${sent.turn_id}/events`,
      headers: seen.id === '' ? {} : { 'last-event-id': seen.id },
      timeout_ms: SILENCE_MS,
      repeatable: true,
      doubt: sent.doubt,
      signal: AbortSignal.any([signal, silence.signal]),
    })
    if (response.body === null || response.status === 204) return await endOf(deps, sent)
    for await (const { id, data } of readEvents(response.body, () => timer.refresh())) {
      const news = JSON.parse(data) as TurnNews
      if (news.type === 'done') return { state: String(news.state), content: String(news.content) }
      // What has no name cannot be gone on behind.
      if (id !== '') seen.id = id
      onNews(news)
    }
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

const follow = async (
  deps: ConversationDeps,
  sent: Sent,
  signal: AbortSignal,
  onNews: (news: TurnNews) => void,
): Promise<End> => {
  const seen = { id: '' }
  let heard = performance.now()
  for (;;) {
    try {
      const end = await readOnce(deps, sent, seen, signal, (news) => {
        heard = performance.now()
        onNews(news)
      })
      if (end !== undefined) return end
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof BackendFault && error.status === 410) {
        const end = await endOf(deps, sent)
        if (end !== undefined) return end
      } else if (error instanceof BackendFault && error.kind === 'status' && error.status < 500 && error.status !== 429)
        throw error
      if (performance.now() - heard > (deps.away_ms ?? AWAY_MS)) throw error
    }
    await sleep(RETRY_MS, undefined, { signal })
  }
}

/** Ends the turn, whether it runs or waits still. */
const interrupt = async ({ backend }: ConversationDeps, turn_id: string, { chat_id, bot_id }: Message): Promise<void> => {
  const body = { chat_id, bot_id, turn_id }
  await backend.ask({ method: 'POST', path: '/gateway/interrupt', body, timeout_ms: AWAY_MS, repeatable: true })
}

/** Sends a message and waits for its answer. An answer that is none is a tool error with the words that stand in its place. */
export const converse = async (deps: ConversationDeps, message: Message, call: ToolCall): Promise<CallToolResult> => {
  const chain = await deps.chain()
  const refusal = refusalOf(chain, `${message.bot_id}/${message.chat_id}`)
  if (refusal !== undefined) return toFailure(refusal)

  const activity = new Activity()
  const tell = (): void => call.progress(activity.line)
  const alive = setInterval(tell, deps.sign_of_life_ms ?? SIGN_OF_LIFE_MS)
  const clock = new AbortController()
  const timer = setTimeout(() => clock.abort(), deps.timeout_ms)
  try {
    tell()
    const turn_id = await begin(deps, message, chain)
    try {
      const sent = { turn_id, doubt: { look: placeOf(message), arrived: true } }
      const end = await follow(deps, sent, AbortSignal.any([call.signal, clock.signal]), (news) => {
        if (activity.note(news)) tell()
      })
      const result = toResult({ response: end.content, session_key: message.chat_id })
      return end.state === 'answered' ? result : { ...result, isError: true }
    } catch (error) {
      if (call.signal.aborted) {
        if (await call.wasTakenBack()) await interrupt(deps, turn_id, message)
        throw error
      }
      if (!clock.signal.aborted) throw error
      return toFailure(
        `No answer within ${deps.timeout_ms / 1_000} s (MCB_GATEWAY_TIMEOUT). The agent goes on; its answer will be in the chat: ${placeOf(message)}. Do not send the message again.`,
      )
    }
  } finally {
    clearInterval(alive)
    clearTimeout(timer)
  }
}
