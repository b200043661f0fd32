/** The last look at a PDF before it goes out: whether it is one, whole, of a length that somebody reads, and lacks no sign. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'

/** A morning paper, not a book. */
export const MOST_PAGES = 3
/** Mail servers take 10 to 25 MB; base64 makes a third more of it. */
const MOST_BYTES = 7 * 1024 * 1024
const FEWEST_BYTES = 1_000

/** What was found. */
export type Proofed = { readonly bytes: number; readonly sha256: string } | { readonly fault: string }

export const proofPdf = (file: string): Proofed => {
  if (!existsSync(file)) return { fault: `${file} is not there any more` }
  const pdf = readFileSync(file)
  const isWhole = pdf.subarray(0, 5).toString('latin1') === '%PDF-' && pdf.subarray(-1_024).toString('latin1').includes('%%EOF')
  if (!isWhole || pdf.length < FEWEST_BYTES) return { fault: `${file} is no whole PDF` }
  if (pdf.length > MOST_BYTES) return { fault: `the PDF has ${pdf.length} bytes, too many to be mailed` }
  return { bytes: pdf.length, sha256: createHash('sha256').update(pdf).digest('hex') }
}

/** What somebody should know of signs that no font had; nothing where there are none. */
export const lackingNote = (signs: readonly string[]): string[] => {
  if (signs.length === 0) return []
  const names = signs.slice(0, 10).map((sign) => `${sign} (U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase()})`)
  return [`No font has these characters, and a box stands in their place: ${names.join(', ')}`]
}
