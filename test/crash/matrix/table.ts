/** The matrix as a person reads it: in a terminal, and as part of a page. */
import { formatTable } from '../../../cli/table.ts'
import { orphansInWords } from '../run/processes.ts'
import type { Row } from './matrix.ts'

/** What must be zero. */
const FAULTS = ['lost', 'doubled', 'run_twice', 'orphans', 'corrupt'] as const
const HEAD = ['who was killed', 'at', 'while', 'hit', ...FAULTS.map((fault) => fault.replace('_', ' '))]
const NAMES: Readonly<Record<string, string>> = { pm2: 'PM2 and all services', power: 'power lost' }

type Fault = (typeof FAULTS)[number]
const countOf = (fault: Fault, count: number): string => (fault === 'orphans' ? orphansInWords(count) : String(count))

/** The row of `switchboard down` has no kill. */
const hitsOf = (hit: number, kills: number): string => (kills === 0 ? '' : `${hit}/${kills}`)

const momentOf = ({ moment, by }: Row['cell']): string => {
  if (moment === 'any') return 'any moment'
  return by === null ? moment : `${by}: ${moment}`
}

const cellsOf = (row: Row): string[] => [
  NAMES[row.cell.target] ?? row.cell.target,
  momentOf(row.cell),
  row.cell.work.length === 5 ? 'everything' : row.cell.work.join(', '),
  hitsOf(row.hit, row.cell.kills),
  ...FAULTS.map((fault) => countOf(fault, row[fault])),
]

const sumOf = (rows: readonly Row[]): string[] => {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0)
  return [
    'all',
    `${rows.length} cells`,
    '',
    hitsOf(
      sum(({ hit }) => hit),
      sum(({ cell }) => cell.kills),
    ),
    ...FAULTS.map((fault) =>
      countOf(
        fault,
        sum((row) => row[fault]),
      ),
    ),
  ]
}

/** Whether nothing was found, and every kill fell. */
export const isClean = (rows: readonly Row[]): boolean =>
  rows.every((row) => row.hit === row.cell.kills && FAULTS.every((fault) => row[fault] === 0))

export const terminalTable = (rows: readonly Row[]): string[] => formatTable([HEAD, ...rows.map(cellsOf), sumOf(rows)])

/** Lines of Markdown. */
export const pageTable = (rows: readonly Row[]): string[] => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const align = HEAD.map((_, index) => (index < 3 ? '---' : '--:'))
  return [
    line(HEAD),
    line(align),
    ...rows.map((row) => line(cellsOf(row))),
    line(sumOf(rows).map((cell) => cell && `**${cell}**`)),
  ]
}
