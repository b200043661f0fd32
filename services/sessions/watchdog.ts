/**
 * When an agent at work is no longer believed in, and how it is made to stop: asked over the control channel, then by
 * SIGTERM, then by SIGKILL, with all that it had started.
 *
 * Times count from the agent's last output, so a turn that makes progress has only the ceiling. The CLI's own retries are
 * output, too (`api_retry` lines): while it says that it tries again it is not silent.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../runtime/log.ts'
import type { AgentPool } from './agent-pool.ts'
import type { OpenTurn } from './open-turn.ts'
import { mayDoMore } from './settings.ts'
import type { WarmAgent } from './warm-agent.ts'

/** How long the CLI may take to break off before it is made to: it was measured to take 3 to 60 ms. */
const INTERRUPT_MS = 10_000

export interface WatchdogLimits {
  /** Nothing at all was heard since the message was given: the CLI did not start, or does not read. */
  readonly start_s: number
  /** Silence after which the agent is asked to break off (GATEWAY_CLAUDE_TIMEOUT). */
  readonly silence_s: number
  /** Silence after which it is ended without being asked (GATEWAY_BUSY_STUCK_TIMEOUT). */
  readonly stuck_s: number
  /** How long a turn may run, whatever it says (GATEWAY_TURN_MAX). */
  readonly turn_s: number
  /** How much an agent may write in one turn, in MB. */
  readonly turn_log_mb: number
  /** The same as `silence_s` for tasks in the background, which have neither of the other two ceilings (TASK_SILENCE_TIMEOUT). */
  readonly task_silence_s: number
}

/** Work in the background takes as long as it takes: what a chat's turn may at most does not hold for it. */
export const limitsOfTasks = (limits: WatchdogLimits): WatchdogLimits => ({
  ...limits,
  silence_s: limits.task_silence_s,
  stuck_s: Number.POSITIVE_INFINITY,
  turn_s: Number.POSITIVE_INFINITY,
})

/** An agent in a turn. */
export interface Watched {
  readonly silent_ms: number
  readonly running_ms: number
  readonly isHeard: boolean
  readonly written_bytes: number
}

export type Verdict =
  /** Ended at once; the message goes to another agent if this one never had it. */
  | { readonly act: 'replace' }
  /** Asked to break off, then made to; the turn fails with the reason. */
  | { readonly act: 'break_off' | 'end'; readonly reason: string }

const MB = 1024 * 1024

/** What to do about an agent in a turn, or null. */
export const judge = (limits: WatchdogLimits, { silent_ms, running_ms, isHeard, written_bytes }: Watched): Verdict | null => {
  const silent_s = silent_ms / 1_000
  if (!isHeard && silent_s >= limits.start_s) return { act: 'replace' }
  const silence = `Claude said nothing for ${Math.round(silent_s)} s and was stopped. The conversation goes on with the next message.`
  if (silent_s >= limits.stuck_s) return { act: 'end', reason: silence }
  if (silent_s >= limits.silence_s) return { act: 'break_off', reason: silence }
  if (running_ms / 1_000 >= limits.turn_s) {
    return {
      act: 'break_off',
      reason: `Claude was at it for ${limits.turn_s} s, which is all that GATEWAY_TURN_MAX allows, and was stopped.`,
    }
  }
  if (written_bytes >= limits.turn_log_mb * MB) {
    return { act: 'break_off', reason: `Claude wrote more than ${limits.turn_log_mb} MB in one turn and was stopped.` }
  }
  return null
}

export interface WatchdogDeps {
  readonly pool: AgentPool
  readonly limits: WatchdogLimits
  /** Whether an agent waits for an answer of ours: then its silence is none. */
  readonly isAsking: (agent: number) => boolean
  /** What agents may do now (CLAUDE_PERMISSION_MODE). */
  readonly permission_mode: string
  readonly log: Log
}

export class Watchdog {
  readonly #o: WatchdogDeps

  constructor(deps: WatchdogDeps) {
    this.#o = deps
  }

  /** Looks at a turn and the agent that works on it, and acts. */
  async watch(turn: OpenTurn, warm: WarmAgent | null): Promise<void> {
    if (!warm || warm.turn !== turn || turn.isEnding || turn.timeoutReason !== null) return
    const now = performance.now()
    const { limits } = this.#o
    const verdict = judge(turn.isTask ? limitsOfTasks(limits) : limits, {
      silent_ms: this.#o.isAsking(warm.row.n) ? 0 : now - warm.lastLineAt,
      running_ms: turn.handedAt === null ? 0 : now - turn.handedAt,
      isHeard: warm.isHeard,
      written_bytes: warm.agent.position - (turn.row.start_offset ?? 0),
    })
    if (verdict === null) return
    this.#o.log.warn({ turn: turn.id, agent: warm.row.n, verdict }, 'an agent is no longer believed in')
    // SIGKILL and nothing milder: the hand-over decides by what a dead agent's log says, and an end of file would run half lines.
    if (verdict.act === 'replace') return await this.#o.pool.kill(warm)
    turn.timeoutReason = verdict.reason
    if (verdict.act === 'end') await this.#o.pool.terminate(warm)
    else await this.breakOff(turn, warm)
  }

  /** An agent that is silent in a turn that it began by itself is ended: nobody waits for that, but messages may wait behind it. */
  async watchOwnTurn(warm: WarmAgent): Promise<void> {
    if (warm.turn !== null || !warm.isInOwnTurn || warm.agent.isDead || this.#o.isAsking(warm.row.n)) return
    const silent_s = Math.round((performance.now() - warm.lastLineAt) / 1_000)
    if (silent_s < (warm.row.lane === '' ? this.#o.limits : limitsOfTasks(this.#o.limits)).silence_s) return
    this.#o.log.warn({ agent: warm.row.n, silent_s }, 'an agent is silent in a turn that it began by itself, and is ended')
    // Looked at again in as long as it may be silent.
    warm.excuse()
    await this.#o.pool.terminate(warm)
  }

  /** An agent that may do more than is allowed now does not go on. */
  async narrow(warm: WarmAgent): Promise<void> {
    if (!mayDoMore(warm.row.permission_mode, this.#o.permission_mode)) return
    if (warm.turn) {
      warm.turn.timeoutReason = 'Claude was stopped, since it may do less now than when it began. Send the message again.'
      await this.breakOff(warm.turn, warm)
    } else if (warm.isIdle) this.#o.pool.retire(warm)
    else await this.#o.pool.terminate(warm)
  }

  /** Asks the agent to break off; ends it when it does not. A turn that is not handed over is looked at again when it is. */
  async breakOff(turn: OpenTurn, warm: WarmAgent | null): Promise<void> {
    if (!warm || !turn.isHanded) return
    try {
      await warm.agent.interrupt()
    } catch (error) {
      this.#o.log.warn({ err: error, agent: warm.row.n }, 'the agent could not be asked to break off')
    }
    void this.#insist(turn, warm)
  }

  async #insist(turn: OpenTurn, warm: WarmAgent): Promise<void> {
    await delay(INTERRUPT_MS, undefined, { ref: false })
    if (warm.turn === turn && !turn.isEnding) await this.#o.pool.terminate(warm)
  }
}
