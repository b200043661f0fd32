/** What can be asked of sessions: one handler a method of `protocol/sessions.ts`. */
import { randomUUID } from 'node:crypto'
import type { approvalMethods } from '../../protocol/approvals.ts'
import type { deliveryMethods } from '../../protocol/deliveries.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { CallContext, Handlers } from '../../protocol/method.ts'
import type { OpenTurn, sessions, Turn } from '../../protocol/sessions.ts'
import type { spendMethods } from '../../protocol/spend.ts'
import type { taskMethods } from '../../protocol/tasks.ts'
import { parseEventId } from './agent/event-id.ts'
import type { Transcripts } from './agent/transcript.ts'
import type { AgentPool } from './agent-pool.ts'
import { messageRecord } from './ends.ts'
import { archiveHarness } from './harness/archive.ts'
import { readHarness } from './harness/progress.ts'
import { refuseLoop } from './loops.ts'
import { sessionKey } from './open-turn.ts'
import type { Outbox } from './outbox.ts'
import { deletePlace, newSession } from './places.ts'
import type { At } from './points.ts'
import type { Program } from './program.ts'
import { findRepeat } from './repeats.ts'
import type { SessionRef, SessionRow, TurnRow } from './rows.ts'
import type { NewTurn, Store } from './store.ts'
import { LoggedTurnEvents } from './turn-events.ts'
import type { Turns } from './turns.ts'

export interface SessionsDeps {
  readonly store: Store
  readonly pool: AgentPool
  readonly turns: Turns
  readonly outbox: Pick<Outbox, 'pokeSoon'>
  readonly transcripts: Transcripts
  readonly program: Program
  /** Called when a chat is forgotten: its tasks are listed no more. */
  readonly dismissTasks: (botId: string, chatId: string) => void
  /** The real path of the session base. */
  readonly base: string
  /** Where a harness is kept whose chat is forgotten. */
  readonly archives: string
  /** How long an agent may be idle, in seconds. */
  readonly idleLimit: (session: SessionRef) => number
  /** Null while there is disk to record more work. */
  readonly diskShortage: () => string | null
  /** Why this work may not be begun today; null while there is money for it. */
  readonly refusal: (turn: NewTurn) => string | null
  readonly at: At
}

const toTurn = (row: TurnRow): Turn => ({
  turn_id: row.turn_id,
  bot_id: row.bot_id,
  chat_id: row.chat_id,
  origin: row.origin === 'message' && row.lane !== '' ? 'task' : row.origin,
  state: row.state,
  message: row.message,
  reply: row.reply,
  reason: row.reason,
  created_at: row.created_at,
  started_at: row.started_at,
  ended_at: row.ended_at,
  input_tokens: row.input_tokens,
  output_tokens: row.output_tokens,
  cache_read_tokens: row.cache_read_tokens,
  cache_creation_tokens: row.cache_creation_tokens,
  cost_usd: row.cost_usd,
  duration_ms: row.duration_ms,
  first_token_ms: row.first_token_ms,
  model: row.model,
  memories: row.memories === null ? [] : (JSON.parse(row.memories) as number[]),
})

/** Of a message, in the list of open turns. */
const SHOWN_CHARS = 500

const toOpenTurn = (row: TurnRow): OpenTurn => {
  const { turn_id, bot_id, chat_id, origin, state, message, created_at, started_at } = toTurn(row)
  return {
    turn_id,
    bot_id,
    chat_id,
    origin,
    state,
    message: message.slice(0, SHOWN_CHARS).toWellFormed(),
    created_at,
    started_at,
  }
}

const secondsSince = (moment: number, now: number): number => Math.max(0, Math.floor((now - moment) / 1_000))

/** What others answer of the same contract. */
type Elsewhere = keyof (typeof taskMethods & typeof deliveryMethods & typeof spendMethods & typeof approvalMethods)

export const createSessions = (deps: SessionsDeps): Omit<Handlers<typeof sessions>, Elsewhere> => {
  const { store, pool, turns, outbox, transcripts, program, base, at } = deps
  const logged = new LoggedTurnEvents((n) => pool.folder(n))

  /** Chats that are being forgotten. Whoever asks again meanwhile waits for the same end, and what came in since then ends, too. */
  const forgetting = new Map<string, Promise<boolean>>()
  const forget = async (botId: string, chatId: string): Promise<boolean> => {
    const key = sessionKey({ bot_id: botId, chat_id: chatId, lane: '' })
    const underWay = forgetting.get(key)
    if (underWay !== undefined) {
      await turns.cancelWaiting((turn) => turn.chatKey === key)
      return await underWay
    }
    const work = forgetNow(botId, chatId).finally(() => forgetting.delete(key))
    forgetting.set(key, work)
    return await work
  }

  const forgetNow = async (botId: string, chatId: string): Promise<boolean> => {
    const session = store.session({ bot_id: botId, chat_id: chatId, lane: '' })
    if (!session || session.stopped === 1) return false
    const lanes = store.lanes(botId, chatId)
    await turns.clear(lanes.map(sessionKey), () => {
      // Work that was planned with care is worth more than the folder it lies in: what cannot be archived is not deleted.
      const harness = readHarness(session.cwd, base)
      if (harness?.dir === session.cwd)
        archiveHarness({ cwd: session.cwd, archives_dir: deps.archives, bot_id: botId, chat_id: chatId, now: Date.now() })
      // The folder first: if it cannot be deleted nothing is forgotten, and the caller is told why.
      deletePlace(base, session.cwd)
      for (const id of store.conversations(botId, chatId)) transcripts.delete(session.cwd, id)
      store.newConversation(session, randomUUID())
      store.stopSession(botId, chatId)
      deps.dismissTasks(botId, chatId)
    })
    return true
  }

  /** A lane as the predecessor's clients know it: a session of its own. */
  const shownChatId = ({ chat_id, lane }: SessionRef): string => (lane === '' ? chat_id : `bg-${chat_id}-${lane}`)

  const toSession = (row: SessionRow, now: number) => {
    const turn = turns.active(sessionKey(row))
    const busySince = turn?.row.started_at ?? turn?.row.created_at ?? now
    return {
      chat_id: shownChatId(row),
      bot_id: row.bot_id,
      busy: turn !== null,
      first_done: row.first_done === 1,
      last_active: row.last_active_at / 1_000,
      idle_seconds: turn ? 0 : secondsSince(row.last_active_at, now),
      busy_seconds: turn ? secondsSince(busySince, now) : 0,
    }
  }

  return {
    async send({ bot_id, chat_id, message, user_id, username, idempotency_key, response = null, chain, unattended }) {
      refuseLoop(chain, `${bot_id}/${chat_id}`)
      const now = Date.now()
      const turn = {
        turn_id: randomUUID(),
        bot_id,
        chat_id,
        lane: '',
        message,
        user_id: user_id ?? null,
        username: username ?? null,
        idempotency_key: idempotency_key ?? null,
        chain: chain ?? null,
        unattended: unattended ? 1 : 0,
        created_at: now,
        due_at: null,
      }
      const repeat = findRepeat(store, turn, response)
      if (repeat.turn_id !== null) return { turn_id: repeat.turn_id, attached: true }
      const lack = deps.diskShortage()
      if (lack !== null) throw new ServiceError('low_disk', lack)
      // Who waits is told in the chat, when it is their turn; for the others there is nobody to read that.
      const refusal = unattended ? deps.refusal(turn) : null
      if (refusal !== null) throw new ServiceError('over_budget', refusal)
      const session = store.session(turn) ? null : newSession(base, bot_id, chat_id, now, store.hasSlug)
      // A: the caller hears of the turn only after this commit.
      const row = store.takeIn(turn, session, repeat.expired, response, messageRecord(turn, now))
      at('turn_committed', row.turn_id)
      turns.add(row)
      outbox.pokeSoon()
      return { turn_id: row.turn_id, attached: false }
    },

    async response_ended({ response_id, completed }) {
      store.endResponse(response_id, completed)
      return {}
    },

    async events({ turn_id, after, wait_ms, max_bytes }, call: CallContext) {
      const position = after ? parseEventId(after) : null
      const until = Date.now() + wait_ms
      for (;;) {
        const open = turns.get(turn_id)
        if (!open) {
          const row = store.turn(turn_id)
          if (!row) throw new ServiceError('not_found', 'there is no such turn')
          return await logged.read(row, store.notices(turn_id), position, max_bytes, Number.POSITIVE_INFINITY)
        }
        let batch = open.events.read(position, max_bytes)
        // Further back than what is kept in memory: read the log up to where the live reader stands.
        batch ??= await logged.read(
          open.row,
          store.notices(turn_id),
          position,
          max_bytes,
          turns.agentOf(open)?.agent.position ?? 0,
        )
        if (batch.events.length > 0 || batch.ended) return batch
        const left = until - Date.now()
        if (left <= 0 || call.signal.aborted) return batch
        await open.events.waitForMore(left, call.signal)
      }
    },

    async turn({ turn_id }) {
      const row = store.turn(turn_id)
      if (!row) throw new ServiceError('not_found', 'there is no such turn')
      return toTurn(row)
    },

    async open_turns({ bot_id, chat_id }) {
      const rows = store
        .openTurns()
        .filter((row) => (bot_id === undefined || row.bot_id === bot_id) && (chat_id === undefined || row.chat_id === chat_id))
      return { turns: rows.map(toOpenTurn) }
    },

    async list({ bot_id }) {
      const now = Date.now()
      return store.sessions(bot_id ?? null).map((row) => toSession(row, now))
    },

    async interrupt({ bot_id, chat_id, turn_id }) {
      const key = sessionKey({ bot_id, chat_id, lane: '' })
      if (turn_id === undefined) return { interrupted: await turns.interrupt(key) }
      return { interrupted: turns.get(turn_id)?.key === key && (await turns.cancel(turn_id)) }
    },

    async stop({ bot_id, chat_id }) {
      return { stopped: await forget(bot_id, chat_id) }
    },

    async reset({ bot_id, chat_id }) {
      await forget(bot_id, chat_id)
      return { reset: true, chat_id, bot_id }
    },

    async reap() {
      const now = performance.now()
      const reaped = pool.reap(deps.idleLimit)
      return {
        reaped: reaped.map((warm) => {
          const idle = secondsSince(warm.idleSince, now)
          return {
            chat_id: shownChatId(warm.row),
            bot_id: warm.row.bot_id,
            type: warm.row.lane === '' ? ('interactive' as const) : ('background' as const),
            idle_seconds: idle,
            idle_hours: Math.round(idle / 360) / 10,
          }
        }),
        count: reaped.length,
      }
    },

    async retire() {
      turns.retire()
      return { running: turns.counts.running }
    },

    async status() {
      const { running, waiting } = turns.counts
      return {
        active_sessions: store.countSessions(),
        live_agents: pool.all.length,
        running_turns: running,
        waiting_turns: waiting,
        agent: program.about,
      }
    },
  }
}
