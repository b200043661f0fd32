/** One line of the bench's table. */
import { loadavg } from 'node:os'
import { highest, lowest, median } from './statistics.ts'

export interface Goal {
  readonly is: 'at least' | 'at most'
  readonly limit: number
}

export interface Row {
  readonly what: string
  readonly unit: string
  /** NaN when it could not be measured. */
  readonly value: number
  readonly goal: Goal | null
  /** How many single measurements it rests on. */
  readonly n: number
  /** The same figure, taken from each round alone. */
  readonly rounds: readonly number[]
  /** The machine's load of the last minute when the figure was there: ours and whatever else ran. */
  readonly load: number
  readonly note: string
}

export interface RowPlan {
  readonly what: string
  readonly unit: string
  readonly rounds: readonly number[]
  readonly n: number
  /** The median of the rounds where absent. */
  readonly value?: number
  readonly goal?: Goal
  readonly note?: string
}

export const atLeast = (limit: number): Goal => ({ is: 'at least', limit })

export const atMost = (limit: number): Goal => ({ is: 'at most', limit })

export const toRow = ({ what, unit, rounds, n, value = median(rounds), goal, note = '' }: RowPlan): Row => ({
  what,
  unit,
  value,
  goal: goal ?? null,
  n,
  rounds,
  load: loadavg()[0] ?? Number.NaN,
  note,
})

/** Null where there is no goal. What was not measured is not held. */
export const isHeld = ({ goal, value }: Row): boolean | null => {
  if (goal === null) return null
  return goal.is === 'at least' ? value >= goal.limit : value <= goal.limit
}

export const spreadOf = ({ rounds }: Row): readonly [low: number, high: number] | null =>
  rounds.length < 2 ? null : [lowest(rounds), highest(rounds)]
