/** A whole run as it stands in `docs/reliability.md`. */
import type { Row } from '../matrix/matrix.ts'
import type { PowerRun } from '../matrix/power/power.ts'
import { pageTable } from '../matrix/table.ts'
import { machine } from '../page.ts'
import type { CrashRun } from './crash-run.ts'
import { reportLines } from './report.ts'

export interface WholeRun {
  readonly storm: CrashRun | null
  readonly rows: readonly Row[]
  readonly power: PowerRun | null
}

const MINUTE_MS = 60_000

/** Notes of faults, so that a published table of them says what was found. */
const noteLines = (rows: readonly Row[]): string[] => {
  const notes = rows.flatMap((row) => row.notes)
  return notes.length === 0 ? [] : ['', '```', ...notes, '```']
}

const stormLines = (storm: CrashRun | null): string[] =>
  storm === null
    ? []
    : [
        '### A storm of turns, and kills at random',
        '',
        '```',
        ...reportLines(storm.plan, storm.hits, storm.tally, storm.took_ms),
        '```',
        '',
      ]

const powerLines = ({ skipped, rows, taken }: PowerRun): string[] => {
  if (skipped !== null) return ['', '### The power is lost', '', `Not run: ${skipped}.`]
  const ways = [...new Set(taken.map(({ way }) => way))].map((way) => {
    const losses = taken.filter((loss) => loss.way === way)
    const sum = (of: 'names' | 'files'): number => losses.reduce((total, loss) => total + loss[of], 0)
    return `${losses.length} ${way} (${sum('names')} names gone, ${sum('files')} files older)`
  })
  return [
    '',
    '### The power is lost',
    '',
    ...pageTable(rows),
    '',
    `Lost ${taken.length} times: ${ways.join(', ')}.`,
    ...noteLines(rows),
  ]
}

/** @param given the seed and the size of the run; @param took_ms all of it */
export const pageLines = (
  { seed, full }: { readonly seed: number; readonly full: boolean },
  { storm, rows, power }: WholeRun,
  took_ms: number,
): string[] => [
  `Run of ${new Date().toISOString().slice(0, 10)}: \`npm run crash -- --seed ${seed}${full ? ' --full' : ''}\`, ${Math.round(took_ms / MINUTE_MS)} minutes, ${machine()}.`,
  '',
  ...stormLines(storm),
  '### Kill by kill',
  '',
  ...pageTable(rows),
  ...noteLines(rows),
  ...(power === null ? [] : powerLines(power)),
]
