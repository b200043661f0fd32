/** A run as a person reads it. */
import { formatTable } from '../../../cli/table.ts'
import type { Hit } from './orders.ts'
import { MOMENTS, type Plan, TARGETS } from './plan.ts'
import { orphansInWords } from './processes.ts'
import { FAULTS, type Tally } from './tally.ts'

/** Hits of planned kills by moment and target. */
const killTable = (plan: Plan, hits: readonly Hit[]): string[] => {
  const hit = new Set(hits.map(({ kill }) => kill))
  const cell = (isOf: (kill: Plan['kills'][number]) => boolean): string => {
    const planned = plan.kills.filter(isOf)
    return planned.length === 0 ? '·' : `${planned.filter(({ n }) => hit.has(n)).length}/${planned.length}`
  }
  const rows = MOMENTS.map((moment) => [
    moment,
    ...TARGETS.map((target) => cell((kill) => kill.moment === moment && kill.target === target)),
    cell((kill) => kill.moment === moment),
  ])
  const sums = ['all', ...TARGETS.map((target) => cell((kill) => kill.target === target)), cell(() => true)]
  return formatTable([['kills (hit/planned) at', ...TARGETS, 'all'], ...rows, sums])
}

export const reportLines = (plan: Plan, hits: readonly Hit[], tally: Tally, took_ms: number): string[] => {
  const chats = (client: string): number => plan.chats.filter((chat) => chat.client === client).length
  return [
    `seed ${plan.seed}: ${plan.turns} turns over ${plan.chats.length} chats (${chats('resuming')} resume by Last-Event-ID, ${chats('go')} behave as the Go client), ${Math.round(took_ms / 1_000)} s`,
    '',
    ...killTable(plan, hits),
    '',
    ...tally.notes,
    ...(tally.notes.length > 0 ? [''] : []),
    ...formatTable([
      ['turns answered', String(tally.answered)],
      ['turns interrupted', `${tally.interrupted}, by ${tally.killed_in_turn} agents that were killed while their chat waited`],
      ['clients came back', `${tally.repeats} times`],
      ...FAULTS.map((fault) => [fault, fault === 'orphans' ? orphansInWords(tally.counts.orphans) : String(tally.counts[fault])]),
    ]),
  ]
}
