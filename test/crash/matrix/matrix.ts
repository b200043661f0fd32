/** Goes through cells one after the other on one house: work begins, a kill falls, all comes back, and it is counted. */
import { untilGone } from '../run/orders.ts'
import { createRandom, type Random } from '../run/random.ts'
import type { Cell, Work } from './cells.ts'
import { bringAbout } from './kill.ts'
import { approvals } from './loads/approvals.ts'
import { chatsOf } from './loads/chats.ts'
import { jobs } from './loads/jobs.ts'
import { type Begin, comesTrue, type Load } from './loads/load.ts'
import { memoriesOf } from './loads/memories.ts'
import { reportsAt } from './loads/reports.ts'
import { tasks } from './loads/tasks.ts'
import { brokenDatabases, orphansOf } from './look.ts'
import type { Surroundings } from './surroundings.ts'

/** What a cell has come to: kills that fell, and what must be zero. */
export interface Row {
  readonly cell: Cell
  hit: number
  lost: number
  doubled: number
  run_twice: number
  orphans: number
  corrupt: number
  readonly notes: string[]
}

export interface MatrixOptions {
  readonly seed: number
  readonly cells: readonly Cell[]
  readonly print: (line: string) => void
  /** What happens between a kill of everybody and the next start. Gives the moment of it, where the power was lost. */
  readonly blackout?: (random: Random) => Promise<number>
}

const ORPHANS_LEAVE_MS = 15_000

interface Deaths {
  readonly list: { readonly chat: string; readonly at: number }[]
}

const loadsOf = ({ list }: Deaths, { moment }: Cell): Readonly<Record<Work, Begin>> => ({
  chats: chatsOf({ turns: 8, chats: 4, killed: () => list }),
  tasks,
  jobs,
  memories: memoriesOf(),
  reports: reportsAt(moment),
  approvals,
})

/** One kill with work of its own; what came of it is added to the row. */
const runOnce = async (at: Surroundings, cell: Cell, kill: number, row: Row, options: MatrixOptions): Promise<void> => {
  const { house } = at
  const random = createRandom(options.seed + kill * 7_919)
  const deaths: Deaths = { list: [] }
  const begin = loadsOf(deaths, cell)
  const loads: Load[] = []
  for (const work of cell.work) loads.push(await begin[work](at, `k${options.seed}x${kill}${work.slice(0, 1)}`, random))
  const hit = await bringAbout(house.files, cell, kill, loads, random)
  const losses: number[] = []
  if (hit !== null) {
    row.hit += 1
    if (cell.target === 'agent' && hit.chat !== null) deaths.list.push({ chat: hit.chat, at: hit.at })
    if (cell.target === 'power' && options.blackout) losses.push(await options.blackout(random))
    if (cell.target === 'power' || cell.target === 'pm2') {
      await untilGone(hit.pids)
      await house.start()
    } else await house.up()
  }
  await Promise.all(loads.map((load) => load.end()))
  for (const load of loads) {
    const { lost, doubled, run_twice, notes } = await load.count(losses)
    row.lost += lost
    row.doubled += doubled
    row.run_twice += run_twice
    row.notes.push(...notes)
  }
}

const lookAround = async ({ house }: Surroundings, row: Row): Promise<void> => {
  const broken = brokenDatabases(house.files.home)
  row.corrupt += broken.length
  row.notes.push(...broken)
  await comesTrue(() => orphansOf(house.files).length === 0, ORPHANS_LEAVE_MS)
  const orphans = orphansOf(house.files)
  row.orphans += orphans.length
  row.notes.push(...orphans.map((orphan) => `orphan: ${orphan}`))
}

export const runCells = async (at: Surroundings, options: MatrixOptions): Promise<Row[]> => {
  const rows: Row[] = []
  let kill = 0
  for (const [index, cell] of options.cells.entries()) {
    const began = performance.now()
    const row: Row = { cell, hit: 0, lost: 0, doubled: 0, run_twice: 0, orphans: 0, corrupt: 0, notes: [] }
    for (let n = 0; n < cell.kills; n += 1) await runOnce(at, cell, kill++, row, options)
    await lookAround(at, row)
    rows.push(row)
    const faults = row.lost + row.doubled + row.run_twice + row.orphans + row.corrupt
    const took = ((performance.now() - began) / 1_000).toFixed(1)
    options.print(
      `${index + 1}/${options.cells.length} ${cell.target} at ${cell.moment}: ${row.hit}/${cell.kills} hit, ${faults === 0 ? 'nothing' : `${faults} faults`} after ${took} s`,
    )
    for (const note of row.notes) options.print(`  ${note}`)
  }
  return rows
}
