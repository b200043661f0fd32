/**
 * Permissions that agents ask for (CLAUDE_PERMISSION_MODE=ask) and what people answer.
 *
 * States (`approvals.state`):
 * - waiting: its line was read in the agent's log. The agent stands still.
 * - allowed, denied: somebody has decided; expired: nobody did in time, which denies.
 * - withdrawn: the agent no longer asks (broken off, its turn ended, it died), or died before it heard the answer.
 *
 * What is written before what: the decision, with the words for the agent, before the line to the agent; that it was
 * written, behind it. So a decision that was acknowledged survives every crash. One that may have been written already is
 * written again by the next life: the CLI takes the first answer to a request and passes over others.
 */
import type { Approval, Decision } from '../../../protocol/approvals.ts'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Log } from '../../runtime/log.ts'
import {
  allowance,
  denial,
  type PermissionLine,
  type PermissionQuestion,
  parseApprovalId,
  questionsOf,
  toApprovalId,
  wordsOf,
} from '../agent/permission.ts'
import { asList, asRecord, shorten } from '../agent/stream-json.ts'
import type { At } from '../points.ts'
import type { WarmAgent } from '../warm-agent.ts'
import type { ApprovalEnd, ApprovalFilter, ApprovalRow, ApprovalStore } from './store.ts'

/** What is shown of an input while somebody is to judge it, and what is kept of it afterwards, in UTF-16 units. */
const INPUT_CHARS = 20_000
const KEPT_CHARS = 2_000

export interface ApprovalsOptions {
  readonly store: ApprovalStore
  readonly log: Log
  /** How long a question waits (APPROVAL_TIMEOUT). */
  readonly timeout_s: number
  readonly at: At
  readonly agent: (n: number) => WarmAgent | null
  readonly onChange: (row: ApprovalRow) => void
}

export interface Answer {
  readonly decision: Decision
  readonly remember: boolean
  readonly message: string | null
  readonly answers: Readonly<Record<string, string>> | null
}

/** As the contract shows it. */
export const toApproval = (row: ApprovalRow): Approval => {
  const { agent, offset, bot_id, chat_id, turn_id, tool_use_id, tool_name, title, description, state, note } = row
  const input = row.state === 'waiting' ? asRecord(JSON.parse(row.input)) : {}
  return {
    ...{ approval_id: toApprovalId(agent, offset), bot_id, chat_id, turn_id, tool_use_id, tool_name, title, description },
    input: shorten(row.input, INPUT_CHARS),
    questions: questionsOf(tool_name, input),
    remembers: asList(JSON.parse(row.suggestions)).map(asRecord).flatMap(wordsOf),
    ...{ state, asked_at: row.asked_at, expires_at: row.expires_at, decided_at: row.decided_at, note },
  }
}

export class Approvals {
  readonly #o: ApprovalsOptions
  readonly #telling = new Set<Promise<void>>()
  /** Those that are asked no more, where that could not be written down yet. */
  #unwritten: ApprovalRow[] = []

  constructor(options: ApprovalsOptions) {
    this.#o = options
  }

  /** Whether an agent stands still until somebody answers. */
  isAsking(agent: number): boolean {
    return this.#o.store.waitingOf(agent).length > 0
  }

  /** A line of an agent's log that concerns permissions; the same line may come again after a restart. */
  onLine(warm: WarmAgent, line: PermissionLine, offset: number): void {
    if (line.kind === 'asked') {
      try {
        return this.#onAsked(warm, line.question, offset)
      } catch (error) {
        // Nobody could answer what is not on disk (it is full, say), and the agent would stand still.
        this.#o.log.error({ err: error, agent: warm.row.n }, 'a question of an agent could not be written down and is denied')
        warm.agent
          .answer(line.question.request_id, denial('The question could not be recorded, so this was not allowed.'))
          .catch((failure) => this.#o.log.warn({ err: failure, agent: warm.row.n }, 'the agent could not be told'))
        return
      }
    }
    for (const row of this.#o.store.waitingOf(warm.row.n)) {
      if (row.offset < offset && (line.kind === 'void' || line.request_id === row.request_id)) this.#withdraw(row)
    }
  }

  /** An agent is dead: what it asked is asked no more. */
  onExit(agent: number): void {
    for (const row of this.#o.store.waitingOf(agent)) this.#withdraw(row)
  }

  list(filter: ApprovalFilter): Approval[] {
    return this.#o.store.list(filter).map(toApproval)
  }

  /**
   * Decides what waits. The same decision once more changes nothing and gives what came of it.
   * Throws `not_found`, and `conflict` where it was decided otherwise or is asked no more.
   */
  async decide(approvalId: string, answer: Answer): Promise<Approval> {
    const row = this.#o.store.get(parseApprovalId(approvalId))
    if (row === null) throw new ServiceError('not_found', 'there is no such question')
    const isAllowed = answer.decision === 'allow'
    if (row.state === 'waiting') {
      const input = asRecord(JSON.parse(row.input))
      const rules = answer.remember ? asList(JSON.parse(row.suggestions)).map(asRecord) : []
      const note = answer.message ?? null
      const words = isAllowed
        ? allowance(input, answer.answers, rules)
        : denial(`The user did not allow this.${note === null ? '' : ` They say: ${note}`}`)
      await this.#end(row, isAllowed ? 'allowed' : 'denied', note, words)
    }
    const now = this.#o.store.get(row) ?? row
    if (now.state === (isAllowed ? 'allowed' : 'denied')) return toApproval(now)
    const why = now.state === 'withdrawn' ? 'is asked no more, since the agent went on or ended' : `was ${now.state} already`
    throw new ServiceError('conflict', `this ${why}`)
  }

  /** Denies what waited too long, and writes down what could not be written before. */
  expire(now: number): void {
    for (const row of this.#unwritten.splice(0)) this.#withdraw(row)
    for (const row of this.#o.store.due(now)) {
      const words = denial(
        `Nobody answered within ${this.#o.timeout_s} s, so this was not allowed. Go on without it, and say what could not be done.`,
      )
      this.#endSoon(row, 'expired', words)
    }
  }

  /** Waits for answers that are on their way to agents. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#telling)
  }

  #onAsked(warm: WarmAgent, question: PermissionQuestion, offset: number): void {
    const { store, timeout_s } = this.#o
    const { n: agent, bot_id, chat_id } = warm.row
    const { request_id, tool_use_id, tool_name, title, description } = question
    const asked_at = Date.now()
    const isNew = store.add({
      ...{
        agent,
        offset,
        request_id,
        bot_id,
        chat_id,
        turn_id: warm.turn?.id ?? null,
        tool_use_id,
        tool_name,
        title,
        description,
      },
      // What cannot be written down whole (nested too deep) cannot be allowed: an allowance repeats it. This throws, which denies.
      input: JSON.stringify(question.input),
      suggestions: JSON.stringify(question.suggestions),
      ...{ asked_at, expires_at: asked_at + timeout_s * 1_000 },
    })
    const row = store.get({ agent, offset })
    if (row === null) return
    if (isNew) this.#o.onChange(row)
    // Decided in the life before, and perhaps never told.
    else if (row.answer !== null)
      this.#tell(row, row.answer).catch((error) => this.#o.log.error({ err: error, agent }, 'an answer could not be told again'))
    // It is leaving and hears nothing any more: the CLI denies by itself.
    if (row.state === 'waiting' && !warm.agent.isOpen) this.#withdraw(row)
  }

  #withdraw(row: ApprovalRow): void {
    this.#endSoon(row, 'withdrawn', null)
  }

  /** What cannot be written now is found again by {@link expire}. */
  #endSoon(row: ApprovalRow, state: ApprovalEnd['state'], answer: string | null): void {
    this.#end(row, state, null, answer).catch((error) => {
      this.#o.log.error({ err: error, agent: row.agent }, 'the end of a question could not be written down')
      if (state === 'withdrawn') this.#unwritten.push(row)
    })
  }

  async #end(row: ApprovalRow, state: ApprovalEnd['state'], note: string | null, answer: string | null): Promise<void> {
    const { store, onChange } = this.#o
    const end = { state, note, answer, input: shorten(row.input, KEPT_CHARS), decided_at: Date.now() }
    if (!store.end(row, end)) return
    this.#o.at('decision_committed')
    if (answer !== null) await this.#tell(row, answer)
    const ended = store.get(row)
    if (ended) onChange(ended)
  }

  #tell(row: ApprovalRow, answer: string): Promise<void> {
    const telling = this.#write(row, answer).finally(() => this.#telling.delete(telling))
    this.#telling.add(telling)
    return telling
  }

  async #write(row: ApprovalRow, answer: string): Promise<void> {
    const { store, log } = this.#o
    const warm = this.#o.agent(row.agent)
    try {
      if (warm === null) throw new Error('the agent is gone')
      await warm.agent.answer(row.request_id, answer)
    } catch (error) {
      log.warn({ err: error, agent: row.agent }, 'an answer did not reach the agent that had asked')
      return this.#note(row, () => store.unheard(row))
    }
    this.#o.at('decision_written')
    warm.excuse()
    // Where it cannot be, the next life tells it again, which does nothing.
    this.#note(row, () => store.told(row))
  }

  /** The decision is on disk: whether it was heard is no reason to refuse it, also where that cannot be written (the disk is full). */
  #note({ agent }: ApprovalRow, write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#o.log.warn({ err: error, agent }, 'whether an agent has its answer could not be written down')
    }
  }
}
