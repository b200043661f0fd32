/**
 * A paper, ready to be shown: what both typesetters, the mail and the plain text are made from. It knows no language and no
 * typesetter. Texts are clean (clean-text.ts), addresses are in their one spelling.
 */

/** What a line is about, shown by a colour: a risk, a chance, or nothing special. */
export type Tone = 'plain' | 'risk' | 'chance'

export interface Link {
  /** What is read. */
  readonly label: string
  readonly url: string
}

export interface Item {
  /** In bold, in front. */
  readonly lead: string | null
  readonly text: string
  /** A second line, smaller: a translation. */
  readonly sub: string | null
  readonly link: Link | null
}

export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'quote'; readonly text: string; readonly by: string }
  /** A personal word, set apart. */
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'label'; readonly text: string; readonly tone: Tone }
  | { readonly kind: 'items'; readonly numbered: boolean; readonly tone: Tone; readonly items: readonly Item[] }

export interface Section {
  readonly heading: string
  readonly blocks: readonly Block[]
}

export interface Paper {
  readonly title: string
  /** The day, as its readers write it. */
  readonly dateline: string
  /** Beside the day: the edition, or the weather. */
  readonly aside: string
  /** Across the top: that it is a preview or an example; null where it is neither. */
  readonly banner: string | null
  readonly sections: readonly Section[]
  /** The last line. */
  readonly colophon: string
}

/** Every text that a reader sees, in the order in which it stands there. For whoever compares. */
export const textsOf = (paper: Paper): string[] => [
  ...(paper.banner === null ? [] : [paper.banner]),
  paper.title,
  paper.dateline,
  paper.aside,
  ...paper.sections.flatMap(({ heading, blocks }) => [heading, ...blocks.flatMap(blockTexts)]),
  paper.colophon,
]

const blockTexts = (block: Block): string[] => {
  if (block.kind === 'quote') return [block.text, block.by]
  if (block.kind !== 'items') return [block.text]
  return block.items.flatMap(({ lead, text, sub, link }) =>
    [lead, text, link?.label ?? null, sub].filter((part) => part !== null),
  )
}
