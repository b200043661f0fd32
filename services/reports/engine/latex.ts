/**
 * A paper as LaTeX: our template with every text escaped. Nothing of a text is ever a command: the ten characters that TeX
 * reads as such are written out, and whatever is neither ASCII nor a common Chinese character is given by its number.
 */
import type { Block, Item, Link, Paper } from '../content/paper.ts'

const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '%': '\\%',
  '#': '\\#',
  _: '\\_',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  // Not what an optional argument or a ligature could be made of.
  '[': '{[}',
  ']': '{]}',
  '`': '\\char"60\\relax{}',
  "'": '\\char"27\\relax{}',
  '"': '\\char"22\\relax{}',
  '-': '{-}',
  '<': '{<}',
  '>': '{>}',
  ',': '{,}',
  '?': '{?}',
  '!': '{!}',
}

/** What every Chinese font has: Han of the first plane without its rarities, and the punctuation around it. */
const HAN = /^[\u3001-\u3011\u4E00-\u9FA5\uFF01\uFF08\uFF09\uFF0C\uFF1A\uFF1B\uFF1F]$/

/** A word of more characters may be broken after each so many. */
const LONG_WORD = 24
const BREAK_EVERY = 8

const signOf = (character: string): string => {
  const special = SPECIAL[character]
  if (special !== undefined) return special
  if (/^[\x20-\x7e]$/.test(character) || HAN.test(character)) return character
  return `\\PaperSign{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`
}

const wordOf = (word: string): string => {
  const characters = [...word]
  const isLong = characters.length > LONG_WORD
  return characters
    .map((character, index) => `${isLong && index > 0 && index % BREAK_EVERY === 0 ? '\\PaperBreak{}' : ''}${signOf(character)}`)
    .join('')
}

/** A clean text (clean-text.ts) as LaTeX. */
export const escapeLatex = (text: string): string => text.split(' ').map(wordOf).join(' ')

/** An address within \href: what clean-text.ts lets through, of which TeX reads four characters otherwise. */
const escapeAddress = (url: string): string => url.replace(/[%#&_]/g, (character) => `\\${character}`)

const linkOf = (link: Link | null): string =>
  link === null ? '' : `\\PaperLink{${escapeAddress(link.url)}}{${escapeLatex(link.label)}}`

const itemOf = ({ lead, text, sub, link }: Item, tone: string, mark: string): string =>
  `\\PaperItem{${tone}}{${mark}}{${escapeLatex(lead ?? '')}}{${escapeLatex(text)}}{${linkOf(link)}}{${escapeLatex(sub ?? '')}}`

const blockOf = (block: Block): string => {
  switch (block.kind) {
    case 'paragraph':
      return `\\PaperParagraph{${escapeLatex(block.text)}}`
    case 'note':
      return `\\PaperNote{${escapeLatex(block.text)}}`
    case 'quote':
      return `\\PaperQuote{${escapeLatex(block.text)}}{${escapeLatex(block.by)}}`
    case 'label':
      return `\\PaperLabel{${block.tone}}{${escapeLatex(block.text)}}`
    case 'items':
      return block.items.map((item, index) => itemOf(item, block.tone, block.numbered ? String(index + 1) : '')).join('\n')
  }
}

/** Fills in a template. @param tight set smaller, for a paper that would be too long */
export const toLatex = (template: string, paper: Paper, tight: boolean): string => {
  const content = paper.sections.flatMap(({ heading, blocks }) => [
    `\\PaperSection{${escapeLatex(heading)}}`,
    ...blocks.map(blockOf),
  ])
  const values = new Map([
    ['DENSITY', tight ? '\\PaperTight' : ''],
    ['TITLE', escapeLatex(paper.title)],
    ['BANNER', paper.banner === null ? '' : `\\PaperBanner{${escapeLatex(paper.banner)}}`],
    ['DATE', escapeLatex(paper.dateline)],
    ['ASIDE', escapeLatex(paper.aside)],
    ['CONTENT', content.join('\n')],
    ['COLOPHON', escapeLatex(paper.colophon)],
  ])
  // One pass: what a text holds is never taken for a place to fill.
  return template.replace(/<<([A-Z]+)>>/g, (place, name: string) => values.get(name) ?? place)
}
