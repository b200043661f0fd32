/** What `npm run crash` is told on its command line. */
import { parseArgs } from 'node:util'
import { WAYS, type Way } from '../matrix/power/disk.ts'
import { BREAKS, type Break } from './house.ts'
import { MOMENTS, type Moment, TARGETS, type Target } from './plan.ts'

/** What a run consists of: kills at random in a storm of turns, the matrix kill by kill, losses of power. */
export const PARTS = ['storm', 'matrix', 'power'] as const
export type Part = (typeof PARTS)[number]

export const USAGE = `Usage: npm run crash -- [--seed N] [--full] [--parts ${PARTS.join(',')}]
  of the storm: [--kills N] [--turns N] [--chats N] [--moments A,B] [--targets A,B] [--break ${BREAKS.join('|')}] [--legacy] [--keep]
  of the matrix and the losses of power: [--only TEXT] [--ways ${WAYS.join(',')}] [--unforced]`

export interface CrashArguments {
  readonly seed: number
  /** Every cell there is, and more kills of each. */
  readonly full: boolean
  readonly parts: readonly Part[]
  readonly storm: {
    readonly kills: number
    readonly turns: number
    readonly chats: number
    readonly moments: readonly Moment[]
    readonly targets: readonly Target[]
    readonly broken: Break | null
    readonly legacy: boolean
    readonly keep: boolean
  }
  /** Only the cells whose name (`by:target@moment`) holds it. */
  readonly only: string | null
  readonly ways: readonly Way[]
  /** The power is lost with a sessions service that forces nothing to the disk, which has to be found out. */
  readonly unforced: boolean
  /** Nothing was left out: a run that is published. */
  readonly isWhole: boolean
}

/** Options that speak of the storm alone: where one is given, the storm is all that runs. */
const OF_THE_STORM = ['moments', 'targets', 'break', 'legacy', 'keep', 'turns', 'chats', 'kills'] as const

/** Throws with what is wrong, for a person. */
export const readArguments = (args: readonly string[]): CrashArguments => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      full: { type: 'boolean', default: false },
      parts: { type: 'string' },
      kills: { type: 'string' },
      turns: { type: 'string' },
      chats: { type: 'string' },
      moments: { type: 'string' },
      targets: { type: 'string' },
      break: { type: 'string' },
      legacy: { type: 'boolean' },
      keep: { type: 'boolean' },
      only: { type: 'string' },
      ways: { type: 'string' },
      unforced: { type: 'boolean', default: false },
    },
  })
  const number = (name: 'seed' | 'kills' | 'turns' | 'chats', least: number, otherwise: number): number => {
    const value = Number(values[name] ?? otherwise)
    if (!Number.isSafeInteger(value) || value < least) throw new Error(`--${name} must be a whole number of at least ${least}`)
    return value
  }
  const oneOf = <T extends string>(name: string, list: readonly T[], value: string): T => {
    const found = list.find((each) => each === value)
    if (found === undefined) throw new Error(`--${name} must be of ${list.join(', ')}`)
    return found
  }
  const listOf = <T extends string>(name: 'moments' | 'targets' | 'parts' | 'ways', list: readonly T[]): T[] =>
    (values[name] ?? '')
      .split(',')
      .filter(Boolean)
      .map((value) => oneOf(name, list, value))
  const { full } = values
  const isStormAlone = OF_THE_STORM.some((name) => values[name] !== undefined)
  const parts = listOf('parts', PARTS)
  const ways = listOf('ways', WAYS)
  const chosen: readonly Part[] = parts.length > 0 ? parts : isStormAlone ? ['storm'] : PARTS
  // A build that is broken on purpose and then not run would be a fault that was not found.
  const needs = (option: string, part: Part, isGiven: boolean): void => {
    if (isGiven && !chosen.includes(part)) throw new Error(`--${option} must be given with the part ${part}`)
  }
  needs('unforced', 'power', values.unforced)
  needs('break', 'storm', values.break !== undefined)
  return {
    seed: number('seed', 0, 0),
    full,
    parts: chosen,
    storm: {
      kills: number('kills', 0, full ? 150 : 60),
      turns: number('turns', 1, full ? 250 : 100),
      chats: number('chats', 1, 20),
      moments: listOf('moments', MOMENTS),
      targets: listOf('targets', TARGETS),
      broken: values.break === undefined ? null : oneOf('break', BREAKS, values.break),
      legacy: values.legacy ?? false,
      keep: values.keep ?? false,
    },
    only: values.only ?? null,
    ways: ways.length > 0 ? ways : WAYS,
    unforced: values.unforced,
    isWhole:
      chosen.length === PARTS.length && !isStormAlone && values.only === undefined && ways.length === 0 && !values.unforced,
  }
}
