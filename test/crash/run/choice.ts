/** Which cells a run goes through, by its command line. */
import { type Cell, killCells, powerCells } from '../matrix/cells.ts'
import type { CrashArguments } from './arguments.ts'
import { createRandom } from './random.ts'

/** A full run kills twice in each cell. */
const KILLS = { quick: 1, full: 2 }

type Given = Pick<CrashArguments, 'seed' | 'full' | 'only' | 'parts'>
type CellPart = 'matrix' | 'power'

export const chosenCells = ({ seed, full, only }: Omit<Given, 'parts'>): Readonly<Record<CellPart, readonly Cell[]>> => {
  // Every cell where some are named: a quick run would have drawn lots.
  const size = { full: full || only !== null, kills: full ? KILLS.full : KILLS.quick }
  const isChosen = ({ by, target, moment }: Cell): boolean => `${by ?? ''}:${target}@${moment}`.includes(only ?? '')
  return {
    matrix: killCells(size, createRandom(seed)).filter(isChosen),
    power: powerCells(size, createRandom(seed + 1)).filter(isChosen),
  }
}

/** A part that is to be run and has no cell left, which would be a part without a fault; null where there is none. */
export const emptyPart = (given: Given): CellPart | null => {
  const cells = chosenCells(given)
  return (['matrix', 'power'] as const).find((part) => given.parts.includes(part) && cells[part].length === 0) ?? null
}
