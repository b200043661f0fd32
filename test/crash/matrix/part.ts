/** A part of the matrix from its house to its rows. */
import { Scope } from '../../../bench/scope.ts'
import { type Cell, type Group, groupsOf } from './cells.ts'
import { type Row, runCells } from './matrix.ts'
import { openSurroundings } from './surroundings.ts'

/** Agents leave within a second; the CLI's background tools have 5 s more. */
export const SETTLE_MS = 15_000

export interface PartOptions {
  readonly seed: number
  readonly cells: readonly Cell[]
  readonly print: (line: string) => void
}

/** Runs `work` with a scope that is undone also when the process is told to end. */
export const within = async <T>(work: (scope: Scope) => Promise<T>): Promise<T> => {
  const scope = new Scope()
  // What a signal breaks off fails, and may not end the process before all is undone.
  let ending: Promise<void> | undefined
  const end = (): Promise<void> => (ending ??= scope.end())
  const onSignal = (): void => void end().finally(() => process.exit(130))
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    return await work(scope)
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    await end()
  }
}

/** The last row of a house: what is left when all is told to end. */
export const atTheEnd = (left: readonly string[]): Row => ({
  cell: { target: 'pm2', moment: 'switchboard down', by: null, work: [], kills: 0 },
  ...{ hit: 0, lost: 0, doubled: 0, run_twice: 0, corrupt: 0, orphans: left.length },
  notes: left.map((process) => `orphan: ${process}`),
})

const runGroup = ({ cells, env }: Group, options: PartOptions): Promise<Row[]> =>
  within(async (scope) => {
    const at = await openSurroundings(scope, { env })
    await at.house.start()
    const rows = await runCells(at, { ...options, cells })
    const left = await at.house.down(SETTLE_MS)
    return [...rows, atTheEnd(left)]
  })

export const runKills = async (options: PartOptions): Promise<Row[]> => {
  const rows: Row[] = []
  for (const group of groupsOf(options.cells)) rows.push(...(await runGroup(group, options)))
  return rows
}
