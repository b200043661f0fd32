/** A paper as plain text: the body of the Chinese mail, and what programs read. */
import type { Block, Item, Paper } from './paper.ts'

const itemLines = ({ lead, text, sub, link }: Item, mark: string): string[] => {
  const indent = ' '.repeat(mark.length)
  return [
    `${mark}${lead === null ? '' : `${lead}: `}${text}`,
    ...(sub === null ? [] : [`${indent}${sub}`]),
    ...(link === null ? [] : [`${indent}${link.label}: ${link.url}`]),
  ]
}

const blockLines = (block: Block): string[] => {
  switch (block.kind) {
    case 'paragraph':
      return [block.text]
    case 'note':
      return [`* ${block.text}`]
    case 'quote':
      return [`“${block.text}” (${block.by})`]
    case 'label':
      return [`[${block.text}]`]
    case 'items':
      return block.items.flatMap((item, index) => itemLines(item, block.numbered ? `${index + 1}. ` : '- '))
  }
}

/** The whole paper, sections under `=== heading ===` as the predecessor's mails had them. */
export const toPlainText = ({ title, dateline, aside, banner, sections, colophon }: Paper): string =>
  [
    ...(banner === null ? [] : [banner, '']),
    `${title} · ${dateline}`,
    aside,
    ...sections.flatMap(({ heading, blocks }) => ['', `=== ${heading} ===`, ...blocks.flatMap(blockLines)]),
    '',
    colophon,
  ].join('\n')
