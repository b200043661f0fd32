/**
 * Handing a message to an agent, and finding out after a crash whether it got there (design §5).
 *
 * 1. commit *handing*: the agent, the position of its log; the turn's id is the message's uuid
 * 2. write the line
 * 3. commit *handed*
 *
 * Found again at *handing*, what counts is proof of the uuid, never time: a lifecycle line or the replayed message in
 * the agent's log, or the user line in the CLI's transcript. Without proof the agent is ended by SIGKILL (an end of file
 * would run a line that lacks its newline) and log and transcript are read once more. Absence from both sends the
 * message to a new agent.
 *
 * Invariant **E**: the model sees a message at most once. With CLI 2.1.330 it is the log that proves absence: the line
 * `command_lifecycle started` was in it before the request reached the model in 10 of 10 kills, while the transcript
 * lags about 100 ms behind. Older CLIs write the transcript before they ask. So both are looked at, always.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { isDiskFull } from '../../protocol/errors.ts'
import type { Log } from '../runtime/log.ts'
import { bootId } from '../runtime/process.ts'
import { isDatabaseTrouble } from '../runtime/sqlite.ts'
import type { UntilWritten } from '../runtime/until-written.ts'
import type { Transcripts } from './agent/transcript.ts'
import type { AgentPool } from './agent-pool.ts'
import { cancelledEnd, failedEnd, interruptedEnd, resultEnd } from './ends.ts'
import type { OpenTurn } from './open-turn.ts'
import type { At } from './points.ts'
import type { Begin } from './program.ts'
import { type PromptContext, promptOf } from './prompt.ts'
import { type Recalled, toBlock } from './recall.ts'
import type { SessionRow, TurnEnd, TurnRow } from './rows.ts'
import type { Store } from './store.ts'
import type { WarmAgent } from './warm-agent.ts'

/** How often a message is handed over, at most, when agents leave with a complaint before they have taken it. */
const MAX_ATTEMPTS = 2
/** The same for agents that were killed, by us after a crash of our own or by somebody else: no fault of theirs or the message's. */
const MAX_KILLED = 10
/** When it is tried again where the disk is full. */
const AGAIN_MS = 500

/** How far it came. */
export type Outcome =
  /** The agent has it; that is on disk. */
  | { readonly kind: 'handed'; readonly warm: WarmAgent }
  /** No agent ever had it: it waits for another. */
  | { readonly kind: 'again' }
  /** The agent is dead, or being killed: {@link HandOver.settle} tells what that means. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'end'; readonly end: TurnEnd }

export interface HandOverDeps {
  readonly store: Store
  readonly pool: AgentPool
  readonly transcripts: Transcripts
  readonly log: Log
  readonly at: At
  /** What stands before the prompt of a turn. */
  readonly context: (turn: TurnRow, session: SessionRow) => Omit<PromptContext, 'memories'>
  /** Why a turn may not be begun now, in words for its user. */
  readonly refusal: (turn: Pick<TurnRow, 'bot_id' | 'chat_id' | 'unattended'>) => string | null
  readonly recall: (turn: TurnRow) => Promise<readonly Recalled[]>
  /** Given up where this life ends, of which the signal tells: what is left is found by the next one. */
  readonly untilWritten: UntilWritten
  readonly ending: AbortSignal
}

const AGAIN: Outcome = { kind: 'again' }
const LOST: Outcome = { kind: 'lost' }
const end = (how: TurnEnd): Outcome => ({ kind: 'end', end: how })

export class HandOver {
  readonly #o: HandOverDeps

  constructor(deps: HandOverDeps) {
    this.#o = deps
  }

  /** Hands a waiting turn to its session's agent, which is started where there is none. */
  async deliver(turn: OpenTurn): Promise<Outcome> {
    try {
      const refusal = this.#o.refusal(turn.row)
      if (refusal !== null) return end(failedEnd(refusal))
      const warm = await this.#agentFor(turn)
      if (turn.row.cancel_asked === 1) return end(cancelledEnd('', null))
      return warm.agent.isOpen ? await this.#write(turn, warm) : AGAIN
    } catch (error) {
      this.#o.log.error({ err: error, turn: turn.id }, 'a turn could not be handed over')
      const warm = turn.row.agent === null ? null : this.#o.pool.get(turn.row.agent)
      // Nothing is on disk of a hand-over: nothing can have reached an agent.
      if (!warm) return await this.#notBegun(turn, error as Error)
      // It is at work, and the next life finds out how far it was handed over.
      if (this.#o.ending.aborted) return LOST
      await this.#o.pool.kill(warm)
      return LOST
    }
  }

  /** What could not even be begun fails for a reason that stays; a disk that is full does not stay so. */
  async #notBegun(turn: OpenTurn, error: Error): Promise<Outcome> {
    if (!isDatabaseTrouble(error) && !isDiskFull(error) && !isDiskFull(error.cause))
      return end(failedEnd(`Claude could not be started: ${error.message}`))
    await delay(AGAIN_MS)
    return turn.row.cancel_asked === 1 ? end(cancelledEnd('', null)) : AGAIN
  }

  /** Takes up a turn that was found at *handing*. */
  async recover(turn: OpenTurn, warm: WarmAgent): Promise<Outcome> {
    await warm.agent.drain()
    if (warm.agent.isDead) return LOST
    if (turn.fold?.isProven === true || (await this.#isInTranscript(turn, warm)) === 'yes') return this.#handed(turn, warm)
    await this.#o.pool.kill(warm)
    return LOST
  }

  /** What a dead agent, whose log was read to the end, means for its turn. */
  async settle(turn: OpenTurn, warm: WarmAgent, status: number | null): Promise<Outcome> {
    const { store, log } = this.#o
    const where = warm.agent.position
    const partial = turn.fold?.text ?? ''
    const isOtherBoot = warm.row.boot_id !== bootId()
    const gone = status === null ? 'its process is gone' : `its process ended with status ${status}`
    const why = isOtherBoot ? 'the machine was restarted' : gone
    if (turn.fold?.result) return end(resultEnd(turn, turn.fold.result, warm.cost_usd, turn.resultOffset ?? where))
    if (turn.row.cancel_asked === 1) return end(cancelledEnd(partial, where))
    if (turn.timeoutReason !== null) return end({ ...failedEnd(turn.timeoutReason), end_offset: where })
    // E: after a reboot nothing says what the log has lost, so handing counts as handed.
    const isKnown = isOtherBoot || turn.fold?.isProven === true || (await this.#isInTranscript(turn, warm)) !== 'no'
    if (isKnown) return end(interruptedEnd(partial, why, where))
    const said = warm.agent.folder.errorText()
    log.warn({ turn: turn.id, agent: warm.row.n, status, said }, 'the agent died before it had the message')
    const wasKilled = (status === null || status > 128) && said === ''
    if (turn.row.attempts >= (wasKilled ? MAX_KILLED : MAX_ATTEMPTS))
      return end({ ...failedEnd(`Claude could not be started: ${said || why}`), end_offset: where })
    turn.flipResume = /already in use|No conversation found/.test(said)
    warm.release()
    store.unhand(turn.id)
    turn.setWaiting(store.turn(turn.id) as TurnRow)
    return AGAIN
  }

  async #agentFor(turn: OpenTurn): Promise<WarmAgent> {
    const { store, pool } = this.#o
    const session = store.session(turn.row)
    if (!session) throw new Error('its session has no row')
    const usable = pool.usable(session)
    if (usable) return usable
    const begin = this.#howToBegin(session, turn.flipResume)
    const warm = await pool.start(session, begin)
    if (begin !== 'resume' && session.first_done === 1 && !turn.flipResume) {
      store.addNotice(turn.id, warm.row.n, 0, 'The earlier conversation of this chat is no longer on disk; a new one begins.')
    }
    return warm
  }

  #howToBegin(session: SessionRow, isFlipped: boolean): Begin {
    const { transcripts } = this.#o
    const exists = transcripts.find(session.cwd, session.conversation_id) !== null
    if (exists !== isFlipped) return 'resume'
    const original = isFlipped ? null : session.fork_of
    return original !== null && transcripts.find(session.cwd, original) !== null ? { fork_of: original } : 'new'
  }

  async #write(turn: OpenTurn, warm: WarmAgent): Promise<Outcome> {
    const { store, at, log } = this.#o
    const memories = await this.#o.recall(turn.row)
    // The turn was called off while we asked for memories, or the agent left.
    if (turn.row.cancel_asked === 1) return end(cancelledEnd('', null))
    if (!warm.agent.isOpen) return AGAIN
    at('before_handing', turn.id)
    const ids = memories.map(({ id }) => id)
    if (!store.handing(turn.id, warm.row.n, warm.agent.position, ids)) throw new Error('the turn was no longer waiting')
    turn.row = store.turn(turn.id) as TurnRow
    at('handing_committed', turn.id)
    warm.give(turn)
    try {
      // Also where it is empty: the chain of the turn before must not hold.
      warm.agent.folder.writeTurn({ chain: turn.row.chain ?? '' })
      await warm.agent.write(turn.id, this.#prompt(turn, memories))
    } catch (error) {
      // The reader is gone, or half a line is in a FIFO that nobody should read on.
      log.warn({ err: error, turn: turn.id, agent: warm.row.n }, 'the message could not be written to the agent')
      await this.#o.pool.kill(warm)
      return LOST
    }
    at('line_written', turn.id)
    // It has the message, whatever the disk has room for. Unless it died meanwhile and the turn went on without it.
    const handed = (): Outcome => (warm.turn === turn ? this.#handed(turn, warm) : LOST)
    const outcome = await this.#o.untilWritten('a hand-over', { turn: turn.id }, handed)
    if (outcome.kind === 'handed') at('handed_committed', turn.id)
    return outcome
  }

  #prompt({ row }: OpenTurn, memories: readonly Recalled[]): string {
    const session = this.#o.store.session(row)
    if (!session) throw new Error('its session has no row')
    return promptOf(row.message, { ...this.#o.context(row, session), memories: toBlock(memories) })
  }

  #handed(turn: OpenTurn, warm: WarmAgent): Outcome {
    const { store } = this.#o
    store.handed(turn.row, Date.now())
    // A stop that the disk had no room for stands in memory alone.
    turn.setHanded({ ...(store.turn(turn.id) as TurnRow), cancel_asked: turn.row.cancel_asked })
    for (const notice of store.notices(turn.id)) turn.addNotice(notice)
    return { kind: 'handed', warm }
  }

  async #isInTranscript(turn: OpenTurn, warm: WarmAgent): Promise<'yes' | 'no' | 'unreadable'> {
    const session = this.#o.store.session(turn.row)
    return session ? await this.#o.transcripts.knows(session.cwd, warm.row.conversation_id, turn.id) : 'no'
  }
}
