/** What a run does: which turns in which chats, which kills. All of it follows from the seed. */
import type { Point } from '../../../services/sessions/points.ts'
import { createRandom, type Random } from './random.ts'

/** Whom a kill falls on; `pm2` is its daemon and every service at once. */
export const TARGETS = ['sessions', 'edge', 'history', 'agent', 'keeper', 'pm2'] as const
/** The matrix has the other services, too. */
export type Target = (typeof TARGETS)[number] | 'scheduler' | 'memory' | 'metrics' | 'reports'

/** When it falls: as sessions passes a point, with half a line in the FIFO, or at any moment. */
export const MOMENTS = [
  'turn_committed',
  'handing_committed',
  'half_line',
  'line_written',
  'handed_committed',
  'first_text',
  'result_seen',
  'end_committed',
  'outbox_sent',
  'any',
] as const satisfies readonly (Point | 'half_line' | 'any')[]
export type Moment = (typeof MOMENTS)[number]

/** What a keeper makes, in this order. */
export const STAGES = ['keeper', 'in', 'holder', 'pid'] as const
export type Stage = (typeof STAGES)[number]

export interface PlannedKill {
  readonly n: number
  readonly moment: Moment
  readonly target: Target
  /** At any moment: how long after the kill before. */
  readonly delay_ms: number
  /** The next kill does not wait until what fell is up again. */
  readonly isHasty: boolean
  /** Which of the agents, as a share of their list. */
  readonly which: number
  /** How far a keeper has come, where it is just starting. */
  readonly stage: Stage
}

export interface PlannedTurn {
  readonly n: number
  readonly chat: string
  readonly message: string
  /** What the agent answers. */
  readonly answer: string
  /** It is sent while the turn before it may still run. */
  readonly isHasty: boolean
}

export interface PlannedChat {
  readonly id: string
  /** How its client behaves. */
  readonly client: 'resuming' | 'go'
  readonly turns: readonly PlannedTurn[]
}

export interface Plan {
  readonly seed: number
  readonly chats: readonly PlannedChat[]
  readonly turns: number
  readonly kills: readonly PlannedKill[]
}

export interface PlanOptions {
  readonly seed: number
  readonly turns: number
  readonly chats: number
  readonly kills: number
  /** Only these moments and targets; all where none is named. */
  readonly moments?: readonly Moment[]
  readonly targets?: readonly Target[]
  /** Stands before the names of its chats, where several plans share a house. */
  readonly name?: string
  /** Every turn takes at least a second, so that no restart of a service is missed by it. */
  readonly slow?: boolean
}

/** Which targets a moment can have: an agent must be known to the turn, and only its writer leaves half a line. */
const targetsOf = (moment: Moment): readonly Target[] => {
  if (moment === 'half_line') return ['sessions', 'agent', 'pm2']
  if (moment === 'turn_committed' || moment === 'outbox_sent') return ['sessions', 'edge', 'history', 'pm2']
  return TARGETS
}

type Pair = readonly [Moment, Target]

/** Every moment on sessions and every target once; then every pair; then whatever falls. */
const pairsOf = (random: Random, { kills, moments = [], targets = [] }: PlanOptions): Pair[] => {
  const all = MOMENTS.flatMap((moment) => targetsOf(moment).map((target): Pair => [moment, target])).filter(
    ([moment, target]) =>
      (moments.length === 0 || moments.includes(moment)) && (targets.length === 0 || targets.includes(target)),
  )
  const isFirst = ([moment, target]: Pair): boolean => target === 'sessions' || moment === 'any'
  const pairs = [...random.shuffle(all.filter(isFirst)), ...random.shuffle(all.filter((pair) => !isFirst(pair)))]
  while (pairs.length < kills) pairs.push(random.pick(all))
  return random.shuffle(pairs.slice(0, kills))
}

/** Short ones, so that ends are always near; long ones, so that some chat always streams. */
const paceOf = (random: Random, slow: boolean): string => {
  const tokens = random.below(20) + 5
  if (slow) return `tokens=${tokens + 60} delay_ms=20`
  if (random.chance(0.05)) return `tokens=${1_500 + random.below(1_500)}`
  if (random.chance(0.5)) return `tokens=${tokens} delay_ms=5`
  return random.chance(0.7) ? `tokens=${tokens * 3} delay_ms=20` : `tokens=${tokens * 7} delay_ms=20`
}

const detourOf = (random: Random): string => {
  if (random.chance(0.2)) return ' tool=Bash command="sleep 0.3"'
  if (random.chance(0.1)) return ' thinking="let me see"'
  return random.chance(0.1) ? ' first_ms=400' : ''
}

const turnOf = (random: Random, { seed, slow = false }: PlanOptions, n: number, chat: string): PlannedTurn => {
  const pace = paceOf(random, slow)
  const label = `s${seed}n${n}`
  const words = Array.from({ length: Number(/tokens=(\d+)/.exec(pace)?.[1]) }, (_, index) => `t${index}`)
  return {
    n,
    chat,
    message: `{{label=${label} ${pace}${detourOf(random)}}} turn ${n} of seed ${seed}`,
    answer: [label, ...words].join(' '),
    isHasty: random.chance(0.25),
  }
}

export const makePlan = (options: PlanOptions): Plan => {
  const { seed } = options
  const random = createRandom(seed)
  const kills = pairsOf(random, options).map(
    ([moment, target], n): PlannedKill => ({
      n,
      moment,
      target,
      delay_ms: random.below(700),
      isHasty: random.chance(0.25),
      which: random.below(1_000) / 1_000,
      stage: random.pick(STAGES),
    }),
  )
  const ids = Array.from({ length: options.chats }, (_, index) => `${options.name ?? ''}chat${index}`)
  const order: string[] = []
  while (order.length < options.turns) order.push(...random.shuffle(ids))
  const turns = order.slice(0, options.turns).map((chat, n) => turnOf(random, options, n, chat))
  const chats = ids.map(
    (id, index): PlannedChat => ({
      id,
      client: index % 2 === 0 ? 'resuming' : 'go',
      turns: turns.filter((turn) => turn.chat === id),
    }),
  )
  return { seed, chats, turns: turns.length, kills }
}
