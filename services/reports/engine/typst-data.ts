/** A paper as the data that the Typst templates read. Texts stay data: there is nothing to escape. */
import type { Block, Item, Paper } from '../content/paper.ts'

/** A word of more characters may be broken after each so many; as under XeLaTeX (latex.ts). */
const LONG_WORD = 24
const BREAK_EVERY = 8

/** A text in pieces, between which a line may end. */
const piecesOf = (text: string): string[] => {
  const pieces = ['']
  for (const word of text.split(/(?<= )/)) {
    const characters = [...word]
    const isLong = characters.length > LONG_WORD
    for (const [index, character] of characters.entries()) {
      if (isLong && index > 0 && index % BREAK_EVERY === 0) pieces.push('')
      pieces[pieces.length - 1] += character
    }
  }
  return pieces
}

const orNone = (text: string | null): string[] | null => (text === null ? null : piecesOf(text))

const itemOf = ({ lead, text, sub, link }: Item) => ({
  lead: orNone(lead),
  text: piecesOf(text),
  sub: orNone(sub),
  link: link === null ? null : { url: link.url, label: piecesOf(link.label) },
})

const blockOf = (block: Block): object => {
  if (block.kind === 'items') return { ...block, items: block.items.map(itemOf) }
  return { ...block, text: piecesOf(block.text), ...(block.kind === 'quote' ? { by: piecesOf(block.by) } : {}) }
}

/** @param fonts families, first choice first @param tight set smaller, for a paper that would be too long */
export const toTypstData = (paper: Paper, fonts: readonly string[], tight: boolean): object => ({
  tight,
  fonts,
  plain_title: paper.title,
  title: piecesOf(paper.title),
  dateline: piecesOf(paper.dateline),
  aside: piecesOf(paper.aside),
  banner: orNone(paper.banner),
  sections: paper.sections.map(({ heading, blocks }) => ({ heading: piecesOf(heading), blocks: blocks.map(blockOf) })),
  colophon: piecesOf(paper.colophon),
})
