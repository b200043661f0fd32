/**
 * Counts what a run has lost, doubled or run twice: from the answers that clients got, the agents' own journal, what history
 * tells over HTTP, and the processes that are left. Nothing here comes from our databases.
 */
import type { Outcome } from './chats.ts'
import type { Hit } from './orders.ts'
import type { Plan, PlannedKill } from './plan.ts'

/** One line of the agents' journal: the model has seen this text. */
export interface Run {
  readonly text: string
}

/** A message as history tells it. */
export interface Told {
  readonly role: string
  readonly content: string
}

export interface Evidence {
  readonly plan: Plan
  readonly hits: readonly Hit[]
  readonly outcomes: readonly Outcome[]
  readonly runs: readonly Run[]
  readonly history: ReadonlyMap<string, readonly Told[]>
  /** Processes of agents that stayed. */
  readonly orphans: readonly string[]
  /** When the power was lost, milliseconds since 1970: what went on at that moment may be interrupted. */
  readonly losses?: readonly number[]
}

/** What must be zero. */
export const FAULTS = [
  'kills not hit',
  'turns lost',
  'turns doubled',
  'turns run twice',
  'tokens lost',
  'tokens doubled',
  'history rows missing',
  'history rows doubled',
  'orphans',
] as const
export type Fault = (typeof FAULTS)[number]

export interface Tally {
  readonly counts: Readonly<Record<Fault, number>>
  readonly answered: number
  /** Broken off, each by the death of its agent, and said to be. */
  readonly interrupted: number
  /** Agents that were killed while their chat waited for an answer. */
  readonly killed_in_turn: number
  readonly repeats: number
  /** What was found, in words. */
  readonly notes: readonly string[]
}

const INTERRUPTED = /^\[ERROR\] Claude was interrupted /

const countOf = (words: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/** How often something wanted is not there, and how often something is there that is not wanted (any more). */
export const compare = (wanted: readonly string[], there: readonly string[]): { missing: number; surplus: number } => {
  const left = countOf(there)
  let missing = 0
  for (const [word, count] of countOf(wanted)) {
    missing += Math.max(0, count - (left.get(word) ?? 0))
    left.set(word, Math.max(0, (left.get(word) ?? 0) - count))
  }
  return { missing, surplus: [...left.values()].reduce((sum, count) => sum + count, 0) }
}

const tokensOf = (text: string): string[] => text.split(' ').filter(Boolean)

const short = (text: string | null): string => (text === null ? 'nothing' : JSON.stringify(text.slice(0, 150)))

/** The kills of agents that fell on a turn. */
const deathsIn = (kills: readonly PlannedKill[], hits: readonly Hit[], { turn, sent_at, ended_at }: Outcome): Hit[] =>
  hits.filter(({ kill, chat, at }) => kills[kill]?.target === 'agent' && chat === turn.chat && at >= sent_at && at <= ended_at)

export const takeTally = ({ plan, hits, outcomes, runs, history, orphans, losses = [] }: Evidence): Tally => {
  const counts = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>
  const notes: string[] = []
  const found = (fault: Fault, count: number, note: string): void => {
    if (count === 0) return
    counts[fault] += count
    notes.push(`${fault} (${count}): ${note}`)
  }

  const hitKills = new Set(hits.map(({ kill }) => kill))
  for (const kill of plan.kills)
    if (!hitKills.has(kill.n)) found('kills not hit', 1, `kill ${kill.n + 1}, ${kill.target} at ${kill.moment}`)

  const ran = countOf(runs.map(({ text }) => text))
  const free = [...hits]
  let answered = 0
  let interrupted = 0
  for (const outcome of outcomes) {
    const { turn, answer, text, isWhole, client, problem } = outcome
    const who = `turn ${turn.n} of ${turn.chat} (${client})`
    const times = ran.get(turn.message) ?? 0
    found('turns run twice', Math.max(0, times - 1), `${who} was run ${times} times`)
    found('turns doubled', Math.max(0, outcome.turn_ids.length - 1), `${who} has the names ${outcome.turn_ids.join(', ')}`)
    if (answer !== null && INTERRUPTED.test(answer)) {
      const [death] = deathsIn(plan.kills, free, outcome)
      if (death) free.splice(free.indexOf(death), 1)
      const isCutOff = losses.some((at) => at >= outcome.sent_at && at <= outcome.ended_at)
      if (death || isCutOff) interrupted += 1
      else found('turns lost', 1, `${who} was interrupted, and its agent was not killed: ${short(answer)}`)
      continue
    }
    const given = answer === null ? null : compare(tokensOf(turn.answer), tokensOf(answer))
    // Another end than the answer (an error in words, the answer of another turn) has nothing of it.
    if (given === null || given.missing === tokensOf(turn.answer).length) {
      found('turns lost', 1, `${who} ended with ${short(answer)}${problem === null ? '' : `, ${problem}`}; run ${times} times`)
      continue
    }
    answered += 1
    if (times === 0) found('turns lost', 1, `${who} was answered, though no agent ever had it`)
    const streamed = compare(tokensOf(turn.answer), tokensOf(text))
    // A Go client whose stream broke has the answer by another way: of the stream only what came twice counts.
    found('tokens lost', given.missing + (isWhole ? streamed.missing : 0), `${who}: ${short(text)}, answer ${short(answer)}`)
    found('tokens doubled', given.surplus + streamed.surplus, `${who}: ${short(text)}, answer ${short(answer)}`)
    if (given.missing + given.surplus === 0 && answer !== turn.answer) found('tokens doubled', 1, `${who}: in another order`)
  }

  for (const { id, turns } of plan.chats) {
    const rows = history.get(id) ?? []
    const mine = outcomes.filter(({ turn }) => turn.chat === id)
    const told = (role: string): string[] => rows.filter((row) => row.role === role).map(({ content }) => content)
    const asked = compare(
      turns.map(({ message }) => message),
      told('user'),
    )
    const replied = compare(
      // Who was told nothing still has an answer coming in history.
      mine.map(({ answer, turn }) => answer ?? turn.answer),
      told('assistant'),
    )
    found('history rows missing', asked.missing + replied.missing, `${id}: ${asked.missing} asked, ${replied.missing} answered`)
    found('history rows doubled', asked.surplus + replied.surplus, `${id}: ${asked.surplus} asked, ${replied.surplus} answered`)
    found('turns doubled', asked.surplus, `${id}: a message stands in history more than once`)
  }
  found('orphans', orphans.length, orphans.join('; '))

  const inTurn = new Set(outcomes.flatMap((outcome) => deathsIn(plan.kills, hits, outcome)))
  return {
    counts,
    answered,
    interrupted,
    killed_in_turn: inTurn.size,
    repeats: outcomes.reduce((sum, { repeats }) => sum + repeats, 0),
    notes,
  }
}
