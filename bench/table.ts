/** The rows as a person reads them. */
import { isHeld, type Row, spreadOf } from './row.ts'

const digits = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  const size = Math.abs(value)
  return value.toLocaleString('en-US', { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 })
}

const cellsOf = (row: Row): string[] => {
  const spread = spreadOf(row)
  const held = isHeld(row)
  return [
    row.what,
    `${digits(row.value)} ${row.unit}`.trim(),
    row.goal === null ? '' : `${row.goal.is === 'at least' ? '≥' : '≤'} ${digits(row.goal.limit)}`,
    held === null ? '' : held ? 'held' : 'MISSED',
    digits(row.n),
    spread === null ? '' : `${digits(spread[0])}–${digits(spread[1])}`,
    row.load.toFixed(1),
    row.note,
  ]
}

const HEAD = ['what', 'value', 'goal', '', 'n', 'rounds, min–max', 'load', '']

/** Columns, padded; the figures to the right. */
export const renderTable = (rows: readonly Row[]): string[] => {
  const lines = [HEAD, ...rows.map(cellsOf)]
  const widths = HEAD.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)))
  return lines.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 || column === 7 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}
