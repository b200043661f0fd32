/** Chats: half of their clients resume by `Last-Event-ID`, half behave as the Go client. Counted as in the run of random kills. */

import { type Chats, type Outcome, runChats } from '../../run/chats.ts'
import { Gate } from '../../run/gate.ts'
import { linesOf } from '../../run/orders.ts'
import { makePlan } from '../../run/plan.ts'
import type { Random } from '../../run/random.ts'
import { readHistory } from '../../run/read-history.ts'
import { type Run, takeTally } from '../../run/tally.ts'
import type { Surroundings } from '../surroundings.ts'
import { ask, type Begin, comesTrue, type Faults, type Load, PATIENCE_MS } from './load.ts'

export interface ChatsOptions {
  readonly turns: number
  readonly chats: number
  /** Turns that take at least a second. */
  readonly slow?: boolean
  /** An agent of it is killed on purpose, in the turns of these chats. */
  readonly killed?: () => readonly { readonly chat: string; readonly at: number }[]
}

interface Turn {
  readonly state: string
  readonly reply: string | null
}

/** As a client says it whose turn is known and what was said in it is not. */
const GONE = /^turn .*: status 410$/

/**
 * The power may take the log of an agent away: whoever followed a turn through that moment then asks how it has ended. Any other stream
 * without an end is a fault, whatever our database says of its turn.
 */
const withTurn = async (url: string, outcome: Outcome, losses: readonly number[]): Promise<Outcome> => {
  const { sent_at, ended_at, problem } = outcome
  const [turn_id] = outcome.turn_ids
  const isCutOff = GONE.test(problem ?? '') && losses.some((moment) => moment >= sent_at && moment <= ended_at)
  if (outcome.answer !== null || turn_id === undefined || !isCutOff) return outcome
  const turn = await ask<Turn>(url, `/api/gateway/turns/${turn_id}`, { patience_ms: 10_000 }).catch(() => null)
  return turn === null || turn.reply === null ? outcome : { ...outcome, answer: turn.reply, isWhole: false }
}

export const chatsOf =
  (options: ChatsOptions): Begin =>
  async ({ house }: Surroundings, name: string, random: Random): Promise<Load> => {
    const { turns, chats: count, slow = false, killed = () => [] } = options
    const plan = makePlan({ seed: random.below(1_000_000_000), turns, chats: count, kills: 0, slow, name })
    const gate = new Gate()
    const chats: Chats = runChats(plan, gate, house.url, PATIENCE_MS)
    gate.openUpTo(Math.min(turns, count))
    let outcomes: Outcome[] = []
    return {
      more: () => gate.openUpTo(gate.open + 1),
      busy: () => chats.busy(),
      end: async () => {
        gate.openUpTo(turns)
        outcomes = await chats.outcomes
      },
      count: async (losses): Promise<Faults> => {
        const told = await Promise.all(outcomes.map((outcome) => withTurn(house.url, outcome, losses)))
        let history = await readHistory(house.url, plan)
        const isWhole = () => plan.chats.every((chat) => (history.get(chat.id)?.length ?? 0) >= 2 * chat.turns.length)
        await comesTrue(async () => {
          history = await readHistory(house.url, plan)
          return isWhole()
        }, 15_000)
        const runs = linesOf<Run>(house.files.journal)
        const deaths = killed()
        const target = 'agent' as const
        const kills = deaths.map((_, n) => ({
          ...{ n, moment: 'any' as const, target, delay_ms: 0, isHasty: false, which: 0, stage: 'pid' as const },
        }))
        const hits = deaths.map(({ chat, at }, kill) => ({ kill, at, chat, pids: [] }))
        const tally = takeTally({ plan: { ...plan, kills }, hits, outcomes: told, runs, history, orphans: [], losses })
        const { counts } = tally
        return {
          lost: counts['turns lost'] + counts['tokens lost'] + counts['history rows missing'],
          doubled: counts['turns doubled'] + counts['tokens doubled'] + counts['history rows doubled'],
          run_twice: counts['turns run twice'],
          notes: tally.notes,
        }
      },
    }
  }
