/** Text for a terminal: aligned columns, and numbers as people read them. */

/** Rows as lines with aligned columns; the first row is the heading. */
export const formatTable = (rows: readonly (readonly string[])[]): string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Bytes as `71 MB`. */
export const formatSize = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`

/** Milliseconds as `4 s`, `2 min`, `3 h` or `5 d`. */
export const formatSpan = (span_ms: number): string => {
  const seconds = Math.max(0, Math.round(span_ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
