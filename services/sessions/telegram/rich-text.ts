/**
 * A text with its formatting beside it, as Telegram models it: entities that point into the text by offset and length, both in
 * UTF-16 units (core.telegram.org/bots/api#messageentity).
 */

/** How a run of text is shown. Absent means no. */
export interface Style {
  readonly bold?: boolean
  readonly italic?: boolean
  readonly strikethrough?: boolean
  readonly code?: boolean
  /** A block in a fixed width: its language, empty where none was told. */
  readonly pre?: string
  /** Where the text leads; empty where there must be no link within. */
  readonly link?: string
  readonly quote?: boolean
}

export type EntityType = 'blockquote' | 'text_link' | 'bold' | 'italic' | 'strikethrough' | 'code' | 'pre'

/** A formatted stretch; never empty. */
export interface Entity {
  readonly type: EntityType
  readonly offset: number
  readonly length: number
  /** Of `text_link`. */
  readonly url?: string
  /** Of `pre`, where one was told. */
  readonly language?: string
}

export interface RichText {
  readonly text: string
  /** By offset; where two begin together, the outer one first. */
  readonly entities: readonly Entity[]
}

/** From the outside in: the order in which entities of one stretch contain each other. */
const NESTING: readonly EntityType[] = ['blockquote', 'text_link', 'bold', 'italic', 'strikethrough', 'code', 'pre']

/** The entity that a style asks for, without its place. */
const partOf: Readonly<Record<EntityType, (style: Style) => Pick<Entity, 'url' | 'language'> | null>> = {
  blockquote: ({ quote }) => (quote ? {} : null),
  text_link: ({ link }) => (link === undefined || link === '' ? null : { url: link }),
  bold: ({ bold }) => (bold ? {} : null),
  italic: ({ italic }) => (italic ? {} : null),
  strikethrough: ({ strikethrough }) => (strikethrough ? {} : null),
  code: ({ code }) => (code ? {} : null),
  pre: ({ pre }) => (pre === undefined ? null : pre === '' ? {} : { language: pre }),
}

/**
 * What Telegram allows to stand together: `code` and `pre` hold nothing and stand in nothing but a quote. Where a link is
 * also code the link stays, since its address would be lost.
 */
const allowed = (style: Style): Style => {
  const quote = style.quote ?? false
  if (style.pre !== undefined) return { quote, pre: style.pre }
  if (style.code && (style.link === undefined || style.link === '')) return { quote, code: true }
  return { ...style, code: false }
}

interface Run {
  readonly text: string
  readonly style: Style
}

const isSame = (a: Pick<Entity, 'url' | 'language'>, b: Pick<Entity, 'url' | 'language'>): boolean =>
  a.url === b.url && a.language === b.language

/** The entities of one type: neighbouring runs that ask for the same one share it, but never across the border of a quote. */
const entitiesOf = (type: EntityType, runs: readonly Run[]): Entity[] => {
  const entities: Entity[] = []
  let offset = 0
  let quoted = false
  for (const { text, style } of runs) {
    const part = partOf[type](style)
    const last = entities.at(-1)
    const crosses = quoted !== (style.quote ?? false)
    quoted = style.quote ?? false
    if (part !== null) {
      if (last && !crosses && last.offset + last.length === offset && isSame(last, part))
        entities[entities.length - 1] = { ...last, length: last.length + text.length }
      else entities.push({ type, offset, length: text.length, ...part })
    }
    offset += text.length
  }
  return entities
}

/** Puts entities into the order that {@link RichText} promises. */
export const inOrder = (entities: readonly Entity[]): Entity[] =>
  [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length || NESTING.indexOf(a.type) - NESTING.indexOf(b.type))

/** Collects a rich text piece by piece. */
export class RichTextWriter {
  readonly #runs: Run[] = []
  #length = 0
  /** How many line ends stand right before what comes next. */
  #newlines = 0
  /** Stands before every line that is begun from now on. */
  indent = ''

  write(text: string, style: Style = {}): void {
    if (text === '') return
    const begins = this.#newlines > 0 && !text.startsWith('\n')
    const indented = this.indent === '' ? text : (begins ? this.indent : '') + text.replace(/\n(?=[^\n])/g, `\n${this.indent}`)
    this.#runs.push({ text: indented, style: allowed(style) })
    this.#length += indented.length
    const tail = text.length - text.replace(/\n+$/, '').length
    this.#newlines = tail === text.length ? this.#newlines + tail : tail
  }

  /** Sees to it that what comes next stands behind at least `count` line ends; at the very beginning there is nothing to part. */
  breakLine(count: number, style: Style = {}): void {
    if (this.#length > 0) this.write('\n'.repeat(Math.max(0, count - this.#newlines)), style)
  }

  done(): RichText {
    const text = this.#runs.map((run) => run.text).join('')
    return { text, entities: inOrder(NESTING.flatMap((type) => entitiesOf(type, this.#runs))) }
  }
}
