/**
 * Prompts: a turn of sessions for each, in a chat of the job's own or in one that is there already, where a person can
 * answer what comes of it. Sessions counts the turn among all others; we only follow it.
 *
 * The key of the message is made from the run, so that sending it again after a crash of either side finds the same turn.
 * Closing lets go of turns and ends none.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ServiceError } from '../../protocol/errors.ts'
import type { Client } from '../../protocol/method.ts'
import type { sessions, Turn } from '../../protocol/sessions.ts'
import { createClosing, withSignals } from '../runtime/deadline.ts'
import type { At } from './points.ts'
import type { JobRow, Outcome, RunRow } from './rows.ts'
import { RESULT_CHARACTERS } from './shell/shell.ts'

const WAIT_MS = 20_000
const RETRY_MS = 1_000
/** How long a turn that was broken off may take to say so, of the time in which sessions is there. */
const END_MS = 30_000
/** Sessions knows a key for so long (its contract); a run of before is not sent again. */
const KEY_LIFE_MS = 23 * 3_600_000

const PASSING: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'closing'])

const isPassing = (error: unknown): boolean => error instanceof ServiceError && PASSING.has(error.code)

const outcome = (state: Outcome['state'], reason: string | null, turn?: Turn): Outcome => ({
  state,
  reason,
  exit_code: null,
  result: (turn?.reply ?? '').slice(0, RESULT_CHARACTERS),
  stderr: '',
  cost_usd: turn?.cost_usd ?? null,
  output: null,
})

/** The chat in which a job's prompt is answered. */
export const chatOf = (job: Pick<JobRow, 'id' | 'chat_id'>): string => job.chat_id ?? `cron-${job.id}`

export type SessionsDoor = Pick<Client<typeof sessions>, 'send' | 'events' | 'turn' | 'interrupt'>

export interface ClaudeRun {
  readonly run: Pick<RunRow, 'run_id' | 'attempt' | 'turn_id'>
  /** Undefined where it was deleted meanwhile. */
  readonly job: JobRow | undefined
  /** When an earlier life of ours may have sent it; null where it was not sent yet. */
  readonly begun_at: number | null
  readonly timeout_ms: number
  /** Aborted with the reason when somebody stops the run. */
  readonly stopped: AbortSignal
  /** The turn is known: to be recorded before anything else. @param closing aborted when nobody waits for that any more */
  readonly onTurn: (turn_id: string, closing: AbortSignal) => Promise<void>
}

export class Claude {
  readonly #sessions: SessionsDoor
  readonly #at: At
  readonly #now: () => number
  readonly #closing = createClosing()

  constructor(deps: { readonly sessions: SessionsDoor; readonly at: At; readonly now: () => number }) {
    this.#sessions = deps.sessions
    this.#at = deps.at
    this.#now = deps.now
  }

  /** Sends the prompt where it was not sent yet and resolves with how the turn ended; rejects when we close before. */
  async run(plan: ClaudeRun): Promise<Outcome> {
    const { run, job, begun_at } = plan
    if (run.turn_id === null && job === undefined)
      return outcome('interrupted', 'Its job was deleted, and whether it had been sent is not known')
    if (run.turn_id === null && begun_at !== null && this.#now() - begun_at > KEY_LIFE_MS)
      return outcome('interrupted', 'The service was down for too long to know whether it had been sent')
    try {
      const turn_id = run.turn_id ?? (await this.#send(plan, job as JobRow))
      // One for the whole turn.
      return await withSignals([this.#closing.signal, plan.stopped], (either) => this.#follow(turn_id, plan, either))
    } catch (error) {
      if (this.#closing.signal.aborted || !(error instanceof ServiceError)) throw error
      // No fault of the job: it is not tried again today, and not disabled for it.
      if (error.code === 'over_budget') return outcome('skipped', error.message)
      return { ...outcome('failed', `Sessions did not take the prompt: ${error.message}`), isFull: error.code === 'low_disk' }
    }
  }

  close(): void {
    this.#closing.abort()
  }

  /** Asks again while sessions is away, for as long as that takes where no time is given. */
  async #patiently<T>(ask: () => Promise<T>, until = Number.POSITIVE_INFINITY): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!isPassing(error) || this.#closing.signal.aborted || performance.now() >= until) throw error
        await sleep(RETRY_MS, undefined, { signal: this.#closing.signal })
      }
    }
  }

  async #send({ run, timeout_ms, onTurn }: ClaudeRun, job: JobRow): Promise<string> {
    const idempotency_key = `cron:${run.run_id}${run.attempt > 1 ? `:${run.attempt}` : ''}`
    const message = { bot_id: job.bot_id, chat_id: chatOf(job), message: job.command, idempotency_key, unattended: true }
    const { turn_id } = await this.#patiently(
      () => this.#sessions.send(message, { signal: this.#closing.signal }),
      performance.now() + timeout_ms,
    )
    this.#at('prompt_sent')
    await onTurn(turn_id, this.#closing.signal)
    return turn_id
  }

  /** @param either aborted when somebody stops the run, and when we close */
  async #follow(turn_id: string, { timeout_ms, stopped }: ClaudeRun, either: AbortSignal): Promise<Outcome> {
    const closing = this.#closing.signal
    let broken: string | null = null
    let until = Number.POSITIVE_INFINITY
    let after: string | null = null
    for (;;) {
      const asked = performance.now()
      const turn = await this.#patiently(() => this.#sessions.turn({ turn_id }, { signal: closing }))
      until += performance.now() - asked
      if (turn.ended_at !== null) return this.#end(turn, broken)
      if (broken !== null && performance.now() >= until)
        return outcome('failed', `${broken}; its turn did not end when it was told to`, turn)
      // Waiting for a slot does not count: sessions has a limit of its own for that.
      const left = turn.started_at === null ? WAIT_MS : turn.started_at + timeout_ms - this.#now()
      if (broken === null && (stopped.aborted || left <= 0)) {
        broken = stopped.aborted
          ? String(stopped.reason)
          : `It ran longer than ${Math.round(timeout_ms / 1_000)} s (timeout_s) and was ended`
        const { bot_id, chat_id } = turn
        await this.#patiently(() => this.#sessions.interrupt({ bot_id, chat_id, turn_id }, { signal: closing }))
        until = performance.now() + END_MS
      }
      const wait_ms = Math.max(0, Math.min(WAIT_MS, broken === null ? left : 1_000))
      after = await this.#news(turn_id, after, Math.ceil(wait_ms), broken === null ? either : closing)
    }
  }

  /** Waits until something happens in the turn; gives back the last event that did. */
  async #news(turn_id: string, after: string | null, wait_ms: number, signal: AbortSignal): Promise<string | null> {
    try {
      const { events } = await this.#sessions.events({ turn_id, after, wait_ms }, { signal })
      return events.at(-1)?.id ?? after
    } catch (error) {
      if (this.#closing.signal.aborted || (!isPassing(error) && !signal.aborted)) throw error
      if (!signal.aborted) await sleep(RETRY_MS, undefined, { signal: this.#closing.signal })
      return after
    }
  }

  #end(turn: Turn, broken: string | null): Outcome {
    if (broken !== null) return outcome('failed', broken, turn)
    if (turn.state === 'answered') return outcome('ran', null, turn)
    // Somebody broke it off, or its agent died: it may have done part of its work and is not begun again.
    const state = turn.state === 'interrupted' || turn.state === 'cancelled' ? 'interrupted' : 'failed'
    return outcome(state, turn.reason ?? `The turn ended ${turn.state}`, turn)
  }
}
