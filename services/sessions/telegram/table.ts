/** A table as one block of a fixed width. Telegram has no tables: the columns are aligned by spaces. */

/** Beyond it a cell sticks out: padding all rows to one cell of a thousand columns would make a screen of spaces. */
const MAX_PADDED_COLUMNS = 80

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** East Asian Wide and Fullwidth (Unicode's UAX 11), as scripts and blocks; without the halfwidth forms. */
const WIDE =
  /^(?![\uff61-\uffdc])(?:[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}]|[\u3000-\u303e\uff01-\uff60\uffe0-\uffe6])/u
const EMOJI = /^\p{Emoji_Presentation}|\ufe0f/u
const INVISIBLE = /^[\p{Mark}\p{Format}\p{Control}]+$/u

/** How many columns a text takes in a fixed width: emoji, and letters of China, Japan and Korea, take two. */
export const displayWidth = (text: string): number => {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text))
    width += INVISIBLE.test(segment) ? 0 : WIDE.test(segment) || EMOJI.test(segment) ? 2 : 1
  return width
}

const pad = (cell: string, width: number): string => cell + ' '.repeat(Math.max(0, width - displayWidth(cell)))

/** The lines of a table, the first row underlined. Rows may be of different lengths. */
export const alignTable = (rows: readonly (readonly string[])[]): string => {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.min(MAX_PADDED_COLUMNS, Math.max(1, ...rows.map((row) => displayWidth(row[column] ?? '')))),
  )
  const lines = rows.map((row) => widths.map((width, column) => pad(row[column] ?? '', width)).join(' │ '))
  const rule = widths.map((width) => '─'.repeat(width)).join('─┼─')
  return [...lines.slice(0, 1), rule, ...lines.slice(1)].join('\n')
}

/** The cells of a line `| a | b\|c |`: what stands between bars that no backslash escapes. */
export const splitRow = (line: string): string[] => {
  const inner = line.trim().replace(/^\|/, '')
  const cells: string[] = []
  let cell = ''
  for (let index = 0; index < inner.length; index++) {
    const char = inner[index] as string
    if (char === '\\' && inner[index + 1] === '|') {
      cell += '|'
      index++
    } else if (char === '|') {
      cells.push(cell.trim())
      cell = ''
    } else cell += char
  }
  if (cell.trim() !== '' || cells.length === 0) cells.push(cell.trim())
  return cells
}
