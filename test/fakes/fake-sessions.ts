/**
 * Sessions in memory: the contract without an agent. A test says what happens in a turn, event by event. The state is
 * apart from the server that shows it, so that a test may end that server and open another on the same state, as a
 * restart of the real service would.
 */
import { randomUUID } from 'node:crypto'
import type { Approval } from '../../protocol/approvals.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { Handlers } from '../../protocol/method.ts'
import type { Session, sessions, Turn, TurnEvent } from '../../protocol/sessions.ts'
import { createFakeTasks } from './fake-tasks.ts'

/** An event as a test writes it; ids are given out in order. */
export type ScriptedEvent = TurnEvent extends infer E ? (E extends TurnEvent ? Omit<E, 'id'> : never) : never

/** A turn that the test plays. */
export interface FakeTurn {
  readonly turn_id: string
  readonly chat_id: string
  readonly bot_id: string
  readonly message: string
  /** As it arrived with the message. */
  readonly key: string | undefined
  /** Appends what happens; watchers hear of it at once. */
  say(...events: ScriptedEvent[]): void
  text(...pieces: string[]): void
  /** The last event. */
  end(content: string, state?: Turn['state']): void
}

export interface FakeSessions {
  readonly handlers: Handlers<typeof sessions>
  /** All turns, oldest first. */
  readonly turns: readonly FakeTurn[]
  /** How often each method was called. */
  readonly calls: Readonly<Record<string, number>>
  /** How many calls of `events` wait at this moment. */
  readonly waiting: number
  /** How responses ended, as the edge told. */
  readonly responses: readonly { readonly response_id: string; readonly completed: boolean }[]
  /** How many events were handed out, repeats counted. */
  readonly handedOut: number
  /** Makes the events of all turns unreadable, as after the retention of logs. */
  forgetLogs(): void
}

interface State extends FakeTurn {
  readonly events: TurnEvent[]
  readonly record: Turn
}

const NO_USAGE = {
  input_tokens: null,
  output_tokens: null,
  cache_read_tokens: null,
  cache_creation_tokens: null,
  cost_usd: null,
  duration_ms: null,
  first_token_ms: null,
  model: null,
}

const sizeOf = (event: TurnEvent): number => JSON.stringify(event).length

/** A question that waits, always. */
const FAKE_APPROVAL: Approval = {
  ...{
    approval_id: '1-2048',
    bot_id: 'default',
    chat_id: '1',
    turn_id: null,
    tool_use_id: 't1',
    tool_name: 'Bash',
    title: 'Bash',
  },
  ...{ description: null, input: '{"command":"ls"}', questions: null, remembers: ['Bash(ls)'], state: 'waiting' },
  ...{ asked_at: 0, expires_at: 300_000, decided_at: null, note: null },
}

/** `onTurn` is told of each new turn, to play it. */
export const createFakeSessions = (onTurn: (turn: FakeTurn) => void = () => undefined): FakeSessions => {
  const turns = new Map<string, State>()
  const keys = new Map<string, string>()
  const listed = new Map<string, Session>()
  const calls: Record<string, number> = {}
  const watchers = new Set<() => void>()
  const responses: { response_id: string; completed: boolean }[] = []
  let waiting = 0
  let handedOut = 0
  let forgotten = false

  const begin = (input: { chat_id: string; bot_id: string; message: string; idempotency_key?: string | undefined }): State => {
    const events: TurnEvent[] = []
    const number = turns.size + 1
    const record: Turn = {
      turn_id: randomUUID(),
      bot_id: input.bot_id,
      chat_id: input.chat_id,
      origin: 'message',
      state: 'running',
      message: input.message,
      reply: null,
      reason: null,
      created_at: Date.now(),
      started_at: Date.now(),
      ended_at: null,
      ...NO_USAGE,
      memories: [],
    }
    const say = (...said: ScriptedEvent[]): void => {
      for (const event of said) events.push({ ...event, id: `${number}.${events.length * 100}.0` } as TurnEvent)
      for (const wake of watchers) wake()
    }
    const turn: State = {
      turn_id: record.turn_id,
      chat_id: input.chat_id,
      bot_id: input.bot_id,
      message: input.message,
      key: input.idempotency_key,
      events,
      record,
      say,
      text: (...pieces) => say(...pieces.map((content) => ({ type: 'text' as const, content }))),
      end: (content, state = 'answered') => {
        Object.assign(record, { state, reply: content, ended_at: Date.now() })
        say({ type: 'end', state, content, reason: null })
      },
    }
    turns.set(turn.turn_id, turn)
    return turn
  }

  const news = (wait_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (settle: () => void) => (): void => {
        clearTimeout(timer)
        watchers.delete(wake)
        signal.removeEventListener('abort', leave)
        waiting -= 1
        settle()
      }
      const wake = done(resolve)
      const leave = done(() => reject(new ServiceError('cancelled')))
      const timer = setTimeout(wake, wait_ms)
      watchers.add(wake)
      signal.addEventListener('abort', leave)
      waiting += 1
    })

  const turnOf = (turn_id: string): State => {
    const turn = turns.get(turn_id)
    if (turn === undefined) throw new ServiceError('not_found', 'Turn not found')
    return turn
  }

  const handlers: Handlers<typeof sessions> = {
    ...createFakeTasks(),
    response_ended: async (input) => {
      responses.push(input)
      return {}
    },
    send: async (input) => {
      const key = JSON.stringify([
        input.bot_id,
        input.chat_id,
        input.idempotency_key ?? input.response?.response_id ?? randomUUID(),
      ])
      const known = keys.get(key)
      if (known !== undefined) return { turn_id: known, attached: true }
      const turn = begin(input)
      keys.set(key, turn.turn_id)
      listed.set(`${input.bot_id}/${input.chat_id}`, {
        chat_id: input.chat_id,
        bot_id: input.bot_id,
        busy: true,
        first_done: false,
        last_active: Date.now() / 1_000,
        idle_seconds: 0,
        busy_seconds: 0,
      })
      onTurn(turn)
      return { turn_id: turn.turn_id, attached: false }
    },
    events: async ({ turn_id, after, wait_ms, max_bytes }, { signal }) => {
      const turn = turnOf(turn_id)
      if (forgotten) throw new ServiceError('gone', 'The log of this turn is no longer kept')
      const from = after == null ? 0 : turn.events.findIndex((event) => event.id === after) + 1
      const ended = (): boolean => turn.events.at(-1)?.type === 'end'
      if (from >= turn.events.length && !ended() && wait_ms > 0) await news(wait_ms, signal)
      const batch: TurnEvent[] = []
      let bytes = 0
      for (const event of turn.events.slice(from)) {
        bytes += sizeOf(event)
        if (batch.length > 0 && bytes > max_bytes) break
        batch.push(event)
      }
      handedOut += batch.length
      return { events: batch, ended: ended() && from + batch.length === turn.events.length }
    },
    turn: async ({ turn_id }) => turnOf(turn_id).record,
    spend: async () => ({
      today_usd: 0,
      limits: { day_usd: null, bot_day_usd: null, chat_day_usd: null, unattended_percent: 80 },
      rows: [],
    }),
    approvals: async () => ({ approvals: [FAKE_APPROVAL] }),
    decide: async ({ approval_id, decision }) => {
      if (approval_id !== FAKE_APPROVAL.approval_id) throw new ServiceError('not_found', 'there is no such question')
      return { ...FAKE_APPROVAL, state: decision === 'allow' ? 'allowed' : 'denied', decided_at: Date.now() }
    },
    open_turns: async () => ({
      turns: [...turns.values()].filter(({ record }) => record.ended_at === null).map(({ record }) => record),
    }),
    list: async ({ bot_id }) => [...listed.values()].filter((session) => bot_id === undefined || session.bot_id === bot_id),
    interrupt: async () => ({ interrupted: false }),
    stop: async ({ chat_id, bot_id }) => ({ stopped: listed.delete(`${bot_id}/${chat_id}`) }),
    reset: async ({ chat_id, bot_id }) => {
      listed.delete(`${bot_id}/${chat_id}`)
      return { reset: true, chat_id, bot_id }
    },
    reap: async () => ({ reaped: [], count: 0 }),
    retire: async () => ({ running: 0 }),
    status: async () => ({
      active_sessions: listed.size,
      live_agents: 0,
      running_turns: 0,
      waiting_turns: 0,
      agent: { kind: 'demo', version: null, problem: null },
    }),
  }
  const counted = Object.fromEntries(
    Object.entries(handlers).map(([verb, handler]) => [
      verb,
      (input: never, call: never) => {
        calls[verb] = (calls[verb] ?? 0) + 1
        return (handler as (input: never, call: never) => Promise<unknown>)(input, call)
      },
    ]),
  ) as unknown as Handlers<typeof sessions>

  return {
    handlers: counted,
    get turns() {
      return [...turns.values()]
    },
    calls,
    responses,
    get waiting() {
      return waiting
    },
    get handedOut() {
      return handedOut
    },
    forgetLogs: () => {
      forgotten = true
    },
  }
}
