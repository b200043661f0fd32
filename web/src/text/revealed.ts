/**
 * Text of strangers on which somebody decides, with what cannot be seen made visible: what is read must be what would be done. Characters
 * that turn the direction of writing, take no room or only look like a space are shown by their numbers, and long runs of spaces and lines,
 * which push what follows out of sight, by their lengths.
 */
import { html } from 'lit'

/** What takes no room, turns directions, or looks like a space and is another character; a space, a tab and a line feed are what they seem. */
const UNSEEN = /(?![\n\t \u3000])[\p{DI}\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zs}\p{Zl}\p{Zp}\u2800]|\n{5,}| {24,}|\t{6,}/gu

const nameOf = (found: string): string => {
  if (found.length >= 5 && /^[\n\t ]/.test(found)) return `${found[0] === '\n' ? '⏎' : '␣'} × ${found.length}`
  return `U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}

export interface Piece {
  readonly text: string
  /** Whether it stands for something that cannot be seen. */
  readonly isMark: boolean
}

export const piecesOf = (text: string): readonly Piece[] => {
  const pieces: Piece[] = []
  let from = 0
  for (const { 0: found, index } of text.matchAll(UNSEEN)) {
    if (index > from) pieces.push({ text: text.slice(from, index), isMark: false })
    pieces.push({ text: nameOf(found), isMark: true })
    from = index + found.length
  }
  if (from < text.length) pieces.push({ text: text.slice(from), isMark: false })
  return pieces
}

/** As content of a template; `mark.unseen` is styled by who shows it. */
export const revealed = (text: string): unknown =>
  piecesOf(text).map(({ text: piece, isMark }) => (isMark ? html`<mark class="unseen">${piece}</mark>` : piece))
