/**
 * `npm run crash`: services, agents, keepers and all of PM2 are killed, and the power is lost, while work goes on; it is counted what
 * was lost, doubled or run twice. Exits with 0 when nothing was and every planned kill fell. A whole run writes `docs/reliability.md`.
 */
import { type Cell, killCells, powerCells } from './matrix/cells.ts'
import type { Row } from './matrix/matrix.ts'
import { runKills } from './matrix/part.ts'
import { type PowerRun, runPower } from './matrix/power/power.ts'
import { isClean, terminalTable } from './matrix/table.ts'
import { writePart } from './page.ts'
import { type CrashArguments, readArguments, USAGE } from './run/arguments.ts'
import { type CrashRun, crashRun } from './run/crash-run.ts'
import { pageLines, type WholeRun } from './run/page-lines.ts'
import { createRandom } from './run/random.ts'
import { reportLines } from './run/report.ts'

const print = (line: string): void => console.log(line)

/** A full run kills twice in each cell. */
const KILLS = { quick: 1, full: 2 }

const chosenCells = ({ seed, full, only }: CrashArguments): { readonly kills: Cell[]; readonly power: Cell[] } => {
  // Every cell where some are named: a quick run would have drawn lots.
  const size = { full: full || only !== null, kills: full ? KILLS.full : KILLS.quick }
  const isChosen = ({ by, target, moment }: Cell): boolean => `${by ?? ''}:${target}@${moment}`.includes(only ?? '')
  return {
    kills: killCells(size, createRandom(seed)).filter(isChosen),
    power: powerCells(size, createRandom(seed + 1)).filter(isChosen),
  }
}

const heading = (text: string): void => {
  print('')
  print(`== ${text}`)
}

const runParts = async (given: CrashArguments): Promise<WholeRun> => {
  const { seed, parts, storm: stormOptions, ways } = given
  const cells = chosenCells(given)
  let storm: CrashRun | null = null
  let rows: Row[] = []
  let power: PowerRun | null = null
  if (parts.includes('storm')) {
    heading('A storm of turns, and kills at random')
    storm = await crashRun({ seed, ...stormOptions, print })
    for (const line of ['', ...reportLines(storm.plan, storm.hits, storm.tally, storm.took_ms)]) print(line)
  }
  if (parts.includes('matrix')) {
    heading('Kill by kill')
    rows = await runKills({ seed, cells: cells.kills, print })
    for (const line of ['', ...terminalTable(rows)]) print(line)
  }
  if (parts.includes('power')) {
    heading('The power is lost')
    power = await runPower({ seed, cells: cells.power, print, ways, unforced: given.unforced })
    for (const line of power.skipped === null ? ['', ...terminalTable(power.rows)] : [`not run: ${power.skipped}`]) print(line)
  }
  return { storm, rows, power }
}

const main = async (): Promise<number> => {
  let given: CrashArguments
  try {
    given = readArguments(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return 2
  }
  const cells = chosenCells(given)
  if (given.only !== null && cells.kills.length + cells.power.length === 0) {
    console.error(
      `No kill has "${given.only}" in its name, which looks like sessions:edge@first_text, :power@any or reports:power@typeset.`,
    )
    return 2
  }
  print(`seed ${given.seed}`)
  const began = performance.now()
  const { storm, rows, power } = await runParts(given)
  if (given.isWhole)
    print(`\nWritten: ${writePart('crash', pageLines(given, { storm, rows, power }, performance.now() - began))}`)
  const isStormClean = storm === null || Object.values(storm.tally.counts).every((count) => count === 0)
  return isStormClean && isClean(rows) && isClean(power?.rows ?? []) ? 0 : 1
}

process.exitCode = await main()
