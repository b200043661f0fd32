/**
 * Markdown, as Claude writes it, into rich text. Nothing of what was written is lost: what Telegram cannot show (an address that
 * is no link there, a title, HTML) stands in the text as it was written.
 */
import type { Token, Tokens } from 'marked'
import { isBlank } from './chunks.ts'
import { parseInline, parseMarkdown } from './markdown.ts'
import { type RichText, RichTextWriter, type Style } from './rich-text.ts'
import { alignTable, splitRow } from './table.ts'

const RULE = '──────────'
const BULLETS = ['• ', '◦ ']
/** A table of more cells stays as it was written: padding could make it a thousand times as large. */
const MAX_TABLE_CELLS = 10_000
/** Telegram's own limit is not documented; browsers and servers agree on about this much. */
const MAX_URL_CHARS = 2_048

/** Where the writer stands: the style around it, and how many lists. */
interface Place {
  readonly style: Style
  readonly depth: number
}

/** Whether Telegram makes a link of it. Others it drops without a word, and the address would be lost. */
const isLinkable = (url: string): boolean => {
  if (url.length > MAX_URL_CHARS) return false
  if (/^tg:\/\/\S+$/i.test(url)) return true
  return /^https?:\/\/[^\s<>"]+$/i.test(url) && URL.canParse(url) && new URL(url).hostname !== ''
}

const countNewlines = (text: string): number => text.split('\n').length - 1

const trailingNewlines = (text: string): number => countNewlines(/\s*$/.exec(text.slice(-200))?.[0] ?? '')

const withoutEnd = (text: string): string => text.replace(/\n+$/, '')

class Formatter {
  readonly #out = new RichTextWriter()

  format(tokens: readonly Token[]): RichText {
    this.#blocks(tokens, { style: {}, depth: 0 })
    return this.#out.done()
  }

  /** Blocks one below the other, with as many empty lines between them as there were. */
  #blocks(tokens: readonly Token[], place: Place): void {
    let first = true
    let gap = 0
    for (const token of tokens) {
      if (token.type === 'space') {
        gap += countNewlines(token.raw)
        continue
      }
      if (!first) this.#out.breakLine(Math.max(1, gap), place.style)
      this.#block(token, place)
      gap = trailingNewlines(token.raw)
      first &&= token.type === 'checkbox'
    }
  }

  #block(token: Token, place: Place): void {
    switch (token.type) {
      case 'heading':
        this.#inlineOf(token, { ...place.style, bold: true })
        return
      case 'blockquote':
        this.#blocks((token as Tokens.Blockquote).tokens, { ...place, style: { ...place.style, quote: true } })
        return
      case 'list':
        this.#list(token as Tokens.List, place)
        return
      case 'code':
        this.#code(token as Tokens.Code, place.style)
        return
      case 'table':
        this.#table(token as Tokens.Table, place.style)
        return
      case 'hr':
        this.#out.write(RULE, place.style)
        return
      case 'html':
      case 'def':
        this.#out.write(withoutEnd(token.raw), place.style)
        return
      case 'paragraph':
        this.#inlineOf(token, place.style)
        return
      default:
        if (token.type === 'text' && 'tokens' in token && token.tokens) this.#inline(token.tokens, place.style)
        else this.#inline([token], place.style)
    }
  }

  #list(list: Tokens.List, place: Place): void {
    const numbers = list.items.map(({ raw }) => /^\s*(\d{1,9})([.)])/.exec(raw))
    // "1. 1. 1." leaves the counting to whoever shows it; any other numbers are shown as they were written.
    const counted = numbers.length > 1 && numbers.every((number) => number?.[1] === numbers[0]?.[1])
    const { indent } = this.#out
    list.items.forEach((item, index) => {
      if (index > 0) this.#out.breakLine(Math.max(1, trailingNewlines(list.items[index - 1]?.raw ?? '')), place.style)
      const [, number = '1', mark = '.'] = numbers[index] ?? []
      const box = item.task ? (item.checked ? '☑ ' : '☐ ') : ''
      const bullet = list.ordered
        ? `${counted ? Number(number) + index : number}${mark} `
        : box === ''
          ? (BULLETS[place.depth % BULLETS.length] as string)
          : ''
      this.#out.write(bullet + box, place.style)
      this.#out.indent = indent + ' '.repeat((bullet || box).length)
      this.#blocks(item.tokens, { ...place, depth: place.depth + 1 })
      this.#out.indent = indent
    })
  }

  #code({ lang = '', text }: Tokens.Code, style: Style): void {
    const simple = /^[\w+#.-]{1,32}$/.test(lang)
    if (lang !== '' && (!simple || isBlank(text))) {
      this.#out.write(lang, style)
      this.#out.breakLine(1, style)
    }
    this.#verbatim(text, { ...style, pre: simple ? lang : '' })
  }

  #table({ raw }: Tokens.Table, style: Style): void {
    const lines = withoutEnd(raw).split('\n')
    // Markdown counts the lines right below a table among its rows; without a bar they were hardly meant so.
    const end = lines.findIndex((line, index) => index > 1 && !line.includes('|'))
    const own = end === -1 ? lines : lines.slice(0, end)
    const rows = own.filter((_, index) => index !== 1).map((line) => splitRow(line).map((cell) => this.#plain(cell)))
    const columns = rows.reduce((most, row) => Math.max(most, row.length), 0)
    const tooLarge = columns * rows.length > MAX_TABLE_CELLS
    this.#verbatim(tooLarge ? own.join('\n') : alignTable(rows), { ...style, pre: '' })
    if (end === -1) return
    this.#out.breakLine(1, style)
    this.#inline(parseInline(lines.slice(end).join('\n')), style)
  }

  /** What a cell shows without formatting; the block of a table can hold none. */
  #plain(cell: string): string {
    const formatter = new Formatter()
    formatter.#inline(parseInline(cell), { link: '' })
    return formatter.#out.done().text
  }

  /** Text in which every space counts, also within a list; but line ends at its end would let two blocks run into one. */
  #verbatim(text: string, style: Style): void {
    const { indent } = this.#out
    this.#out.indent = ''
    this.#out.write(withoutEnd(text), style)
    this.#out.indent = indent
  }

  #inlineOf(token: Token, style: Style): void {
    this.#inline(('tokens' in token && token.tokens) || [], style)
  }

  #inline(tokens: readonly Token[], style: Style): void {
    for (const token of tokens) this.#piece(token, style)
  }

  #piece(token: Token, style: Style): void {
    switch (token.type) {
      case 'strong':
        this.#inlineOf(token, { ...style, bold: true })
        return
      case 'em':
        this.#inlineOf(token, { ...style, italic: true })
        return
      case 'del':
        this.#inlineOf(token, { ...style, strikethrough: true })
        return
      case 'codespan':
        this.#out.write((token as Tokens.Codespan).text, { ...style, code: true })
        return
      case 'link':
      case 'image':
        this.#link(token as Tokens.Link | Tokens.Image, style)
        return
      case 'br':
        this.#out.write('\n', style)
        return
      case 'escape':
        this.#out.write((token as Tokens.Escape).text, style)
        return
      case 'checkbox':
        // Its list has drawn it.
        return
      default:
        if ('tokens' in token && token.tokens) this.#inline(token.tokens, style)
        else this.#out.write(token.raw, style)
    }
  }

  /** A link within a link, or one that Telegram would not take, shows its address behind its text. */
  #link(token: Tokens.Link | Tokens.Image, style: Style): void {
    const { href, title, text } = token
    // Telegram itself makes links of addresses that stand in a text.
    if ('autolink' in token && token.autolink) return this.#out.write(text, style)
    const linked = style.link === undefined && isLinkable(href)
    const inner = linked ? { ...style, link: href } : style
    if (token.type === 'image') this.#out.write(text === '' && linked ? href : text, inner)
    else if (text === '' && linked) this.#out.write(href, inner)
    else this.#inlineOf(token, inner.link === undefined ? { ...inner, link: '' } : inner)
    const more = [linked || href === text ? '' : href, title ?? ''].filter((part) => part !== '')
    if (more.length > 0) this.#out.write(`${text === '' && !linked ? '' : ' '}(${more.join(' ')})`, style)
  }
}

/**
 * Formats a text. One that is too long or too strange to be parsed comes back as it is, without entities. Half a surrogate
 * pair becomes U+FFFD, since it cannot be sent; line ends become `\n`.
 */
export const formatMarkdown = (markdown: string): RichText => {
  const text = markdown.toWellFormed().replace(/\r\n?/g, '\n')
  const tokens = parseMarkdown(text)
  if (tokens !== null) {
    try {
      return new Formatter().format(tokens)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      // The stack is exhausted: formatting that no person could see through.
    }
  }
  return { text, entities: [] }
}
