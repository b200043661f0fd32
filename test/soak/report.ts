/** A soak as a person reads it: in a terminal, and as part of a page. */
import { formatTable } from '../../cli/table.ts'
import { machine } from '../crash/page.ts'
import type { Verdict } from './judge.ts'
import type { Soak } from './soak.ts'

const HEAD = ['what', 'at first', 'at last', 'highest', 'may be', 'holds']

const number = (value: number, unit: string): string => {
  const size = Math.abs(value)
  const digits = size < 1 ? 2 : size < 100 ? 1 : 0
  return Number.isFinite(value) ? `${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}` : 'unknown'
}

const cellsOf = ({ name, unit, first, last, highest, limit, holds }: Verdict): string[] => [
  name,
  ...[first, last, highest].map((value) => number(value, unit)),
  limit === null ? '' : number(limit, unit),
  limit === null ? '' : holds ? 'yes' : 'NO',
]

export const isClean = ({ verdicts, faults, notes }: Soak): boolean =>
  notes.length === 0 &&
  verdicts.every(({ holds }) => holds) &&
  Object.values(faults).every((count) => typeof count !== 'number' || count === 0)

const factLine = ({ prompts, commands, faults, samples }: Soak): string => {
  const { lost, doubled, run_twice, orphans, corrupt } = faults
  return `${prompts} prompts and ${commands} commands were run, ${samples} samples taken. Lost ${lost}, doubled ${doubled}, run twice ${run_twice}, orphans ${orphans}, corrupt ${corrupt}.`
}

export const terminalLines = (soak: Soak): string[] => [
  ...formatTable([HEAD, ...soak.verdicts.map(cellsOf)]),
  '',
  factLine(soak),
  ...soak.notes,
]

export const pageLines = (soak: Soak, minutes: number, seed: number): string[] => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    `Run of ${new Date().toISOString().slice(0, 10)}: \`npm run soak -- --minutes ${minutes} --seed ${seed}\`, ${machine()}.`,
    '',
    factLine(soak),
    '',
    line(HEAD),
    line(HEAD.map((_, index) => (index === 0 ? '---' : '--:'))),
    ...soak.verdicts.map((verdict) => line(cellsOf(verdict))),
    ...(soak.notes.length === 0 ? [] : ['', '```', ...soak.notes, '```']),
  ]
}
