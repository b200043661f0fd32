/**
 * `npm run crash`: services, agents, keepers and all of PM2 are killed, and the power is lost, while work goes on; it is counted what
 * was lost, doubled or run twice. Exits with 0 when nothing was and every planned kill fell. A whole run writes `docs/reliability.md`.
 */
import type { Row } from './matrix/matrix.ts'
import { runKills } from './matrix/part.ts'
import { type PowerRun, runPower } from './matrix/power/power.ts'
import { terminalTable } from './matrix/table.ts'
import { writePart } from './page.ts'
import { type CrashArguments, readArguments, USAGE } from './run/arguments.ts'
import { chosenCells, emptyPart } from './run/choice.ts'
import { type CrashRun, crashRun } from './run/crash-run.ts'
import { pageLines, type WholeRun } from './run/page-lines.ts'
import { reportLines } from './run/report.ts'
import { isSound } from './run/verdict.ts'

const print = (line: string): void => console.log(line)

const LEFT_OUT = 'A run with --parts storm,matrix leaves it out.'

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
    rows = await runKills({ seed, cells: cells.matrix, print })
    for (const line of ['', ...terminalTable(rows)]) print(line)
  }
  if (parts.includes('power')) {
    heading('The power is lost')
    power = await runPower({ seed, cells: cells.power, print, ways, unforced: given.unforced })
    for (const line of power.skipped === null ? ['', ...terminalTable(power.rows)] : [`NOT RUN: ${power.skipped}`, LEFT_OUT])
      print(line)
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
  const empty = emptyPart(given)
  if (empty !== null) {
    console.error(
      `No cell of the part ${empty} has "${given.only}" in its name, which looks like sessions:edge@first_text, :power@any or reports:power@typeset. Name the parts that have one with --parts.`,
    )
    return 2
  }
  print(`seed ${given.seed}`)
  const began = performance.now()
  const run = await runParts(given)
  if (given.isWhole) print(`\nWritten: ${writePart('crash', pageLines(given, run, performance.now() - began))}`)
  return isSound(run) ? 0 : 1
}

process.exitCode = await main()
