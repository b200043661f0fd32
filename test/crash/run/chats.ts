/** The chats of a run: each sends its turns in order, as its kind of client does, and keeps what it heard. */
import { randomUUID } from 'node:crypto'
import { type GoClient, openGoClient } from '../../fakes/go-client.ts'
import { nothingHeard, openResumingClient, type ResumingClient } from '../../fakes/resuming-client.ts'
import type { Gate } from './gate.ts'
import type { Plan, PlannedChat, PlannedTurn } from './plan.ts'

/** All that a client can say of one turn. */
export interface Outcome {
  readonly turn: PlannedTurn
  readonly client: PlannedChat['client']
  /** Milliseconds since 1970. */
  readonly sent_at: number
  readonly ended_at: number
  /** The whole answer as the client would show it; null when it got none. */
  readonly answer: string | null
  /** What was streamed to it, and whether that stream went to the end. */
  readonly text: string
  readonly isWhole: boolean
  /** Names of the turn that it was told. */
  readonly turn_ids: readonly string[]
  /** How often it came back or sent again. */
  readonly repeats: number
  /** Why it gave up. */
  readonly problem: string | null
}

export interface Chats {
  /** Chats that wait for an answer now. */
  busy(): string[]
  /** Turns that have ended, or were given up. */
  ended(): number
  readonly outcomes: Promise<Outcome[]>
}

/** Go's waits after a refused connection are 1 to 16 s; ours come back sooner, and so does it. */
const GO_RETRY_SCALE = 0.4
const RETRY_MS = 150

interface Clients {
  readonly go: GoClient
  readonly resuming: ResumingClient
}

type Answered = Omit<Outcome, 'turn' | 'client' | 'sent_at' | 'ended_at'>

/** The Go client itself waits for ever. */
const within = <T>(ms: number, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end within ${Math.round(ms)} ms`)), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })

/** Where the bot gives up (it was refused six times in a row), its user sends the message once more. */
const askAsGo = async (client: GoClient, { chat, message }: PlannedTurn, patience_ms: number): Promise<Answered> => {
  const until = performance.now() + patience_ms
  for (let repeats = 0; ; repeats += 1) {
    try {
      const { answer, via, events, requests } = await within(until - performance.now(), client.ask({ chat_id: chat, message }))
      const text = events.map((event) => (event.type === 'text' ? event.content : '')).join('')
      return { answer, text, isWhole: via === 'stream', turn_ids: [], repeats: repeats + requests - 1, problem: null }
    } catch (error) {
      const problem = (error as Error).message
      if (performance.now() > until) return { answer: null, text: '', isWhole: false, turn_ids: [], repeats, problem }
    }
  }
}

const askAndResume = async (client: ResumingClient, { chat, message }: PlannedTurn): Promise<Answered> => {
  const heard = nothingHeard()
  let problem: string | null = null
  try {
    await client.ask({ chat_id: chat, message, idempotency_key: randomUUID() }, heard)
  } catch (error) {
    problem = (error as Error).message
  }
  const { answer, text, turn_ids, resumed } = heard
  return { answer, text, isWhole: true, turn_ids, repeats: resumed, problem }
}

/** Begins all chats; each turn waits for the gate, and for the turn before it unless it is hasty. */
export const runChats = (plan: Plan, gate: Gate, url: string, patience_ms: number): Chats => {
  const clients: Clients = {
    go: openGoClient({ url, retry_scale: GO_RETRY_SCALE }),
    resuming: openResumingClient({ url, retry_ms: RETRY_MS, patience_ms }),
  }
  const open = new Map<PlannedTurn, string>()
  let ended = 0

  const ask = async (turn: PlannedTurn, client: PlannedChat['client']): Promise<Outcome> => {
    const sent_at = Date.now()
    open.set(turn, turn.chat)
    const answered = client === 'go' ? await askAsGo(clients.go, turn, patience_ms) : await askAndResume(clients.resuming, turn)
    open.delete(turn)
    ended += 1
    return { turn, client, sent_at, ended_at: Date.now(), ...answered }
  }

  const runChat = async ({ turns, client }: PlannedChat): Promise<Outcome[]> => {
    const outcomes: Promise<Outcome>[] = []
    for (const turn of turns) {
      // A Go client that re-sends must not find a later message in between: it asks one after the other.
      if (client === 'go' || !turn.isHasty) await outcomes.at(-1)
      await gate.passed(turn.n)
      outcomes.push(ask(turn, client))
    }
    return await Promise.all(outcomes)
  }

  return {
    busy: () => [...new Set(open.values())],
    ended: () => ended,
    outcomes: Promise.all(plan.chats.map(runChat)).then((all) => {
      clients.go.close()
      clients.resuming.close()
      return all.flat()
    }),
  }
}
