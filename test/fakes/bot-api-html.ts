/**
 * Telegram's HTML, read by its documented rules (core.telegram.org/bots/api#html-style and #formatting-options). Where Telegram itself is
 * lenient this is not: what passes here passes there.
 *
 * | rule | source |
 * |---|---|
 * | tags: b strong i em u ins s strike del, a href, code, pre, blockquote (expandable), tg-spoiler, span class="tg-spoiler", tg-emoji emoji-id; no other | "Only the tags mentioned above are currently supported" |
 * | `<`, `>` and `&` outside of tags and entities are escaped | "All <, > and & symbols that are not a part of a tag or an HTML entity must be replaced" |
 * | entities: `&lt;` `&gt;` `&amp;` `&quot;` and numbers | "supports only the following named HTML entities"; "All numerical HTML entities are supported" |
 * | a language stands in `<code class="language-…">` right within `<pre>`, never on a `code` of its own | "Use nested pre and code tags"; "can't be specified for standalone code tags" |
 * | what overlaps contains: tags close in the reverse order | "If two entities have common characters, then one is fully contained inside the other" |
 * | code and pre contain nothing and stand in nothing (but a quote: the server's own check allows that) | "…except pre and code" |
 * | quotes hold no quote, links no link | "blockquote and expandable_blockquote entities can't be nested"; "All other entities can't contain each other" |
 */

/** A formatted stretch: offset and length in UTF-16 units. */
export interface ParsedEntity {
  readonly type: string
  readonly offset: number
  readonly length: number
  readonly value: string
}

export interface ParsedHtml {
  readonly text: string
  readonly entities: readonly ParsedEntity[]
}

/** Why Telegram would not take it. */
export class HtmlError extends Error {
  override readonly name = 'HtmlError'
}

const TYPES: Readonly<Record<string, string>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  'tg-spoiler': 'spoiler',
  span: 'spoiler',
  a: 'text_link',
  'tg-emoji': 'custom_emoji',
  code: 'code',
  pre: 'pre',
  blockquote: 'blockquote',
}

interface OpenTag {
  readonly tag: string
  readonly type: string
  readonly offset: number
  readonly value: string
}

const ENTITY = /&(?:(lt|gt|amp|quot)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/y
const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }
const TAG = /<(\/?)([a-z][a-z-]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*>/y

const readEntity = (html: string, at: number): [text: string, next: number] => {
  ENTITY.lastIndex = at
  const match = ENTITY.exec(html)
  if (!match) throw new HtmlError(`character '&' must be escaped at offset ${at}`)
  const [whole, name, decimal, hex] = match
  const text = name === undefined ? String.fromCodePoint(Number.parseInt(decimal ?? hex ?? '', decimal ? 10 : 16)) : NAMED[name]
  return [text ?? '', at + whole.length]
}

const decode = (value: string): string => {
  let text = ''
  for (let at = 0; at < value.length; ) {
    const [piece, next] = value[at] === '&' ? readEntity(value, at) : [value[at] as string, at + 1]
    text += piece
    at = next
  }
  return text
}

const attributesOf = (source: string): Map<string, string> =>
  new Map([...source.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [name, decode(value)]))

/** The attribute that a tag may (or must) have, and its value. */
const checkedValue = (tag: string, attributes: Map<string, string>, open: readonly OpenTag[]): string => {
  const only = (name: string, needed: boolean): string => {
    const strange = [...attributes.keys()].find((key) => key !== name)
    if (strange !== undefined || (needed && !attributes.get(name))) throw new HtmlError(`tag "${tag}" with wrong attributes`)
    return attributes.get(name) ?? ''
  }
  if (tag === 'a') return only('href', true)
  if (tag === 'tg-emoji') return only('emoji-id', true)
  if (tag === 'blockquote') return only('expandable', false)
  if (tag === 'span' && only('class', true) !== 'tg-spoiler') throw new HtmlError('tag "span" must have class "tg-spoiler"')
  if (tag === 'code') {
    const language = only('class', false)
    if (language !== '' && (!language.startsWith('language-') || open.at(-1)?.tag !== 'pre'))
      throw new HtmlError('a programming language belongs to code right within pre')
    return language
  }
  if (tag !== 'span' && attributes.size > 0) throw new HtmlError(`tag "${tag}" has no attributes`)
  return ''
}

const checkNesting = (tag: OpenTag, open: readonly OpenTag[], length: number): void => {
  const parent = open.at(-1)
  for (const outer of open) {
    const isLanguage = tag.tag === 'code' && outer.tag === 'pre' && outer === parent && outer.offset === length
    if ((outer.type === 'code' || outer.type === 'pre') && !isLanguage)
      throw new HtmlError(`"${outer.tag}" can't contain "${tag.tag}"`)
    if ((tag.type === 'code' || tag.type === 'pre') && !isLanguage && outer.type !== 'blockquote')
      throw new HtmlError(`"${tag.tag}" can't be part of "${outer.tag}"`)
    if (outer.type === tag.type && ['blockquote', 'text_link'].includes(tag.type))
      throw new HtmlError(`"${tag.tag}" can't be nested`)
  }
}

/** Reads a message. Throws {@link HtmlError} for what Telegram does not document as allowed. */
export const parseTelegramHtml = (html: string): ParsedHtml => {
  const open: OpenTag[] = []
  const entities: ParsedEntity[] = []
  let text = ''
  for (let at = 0; at < html.length; ) {
    const char = html[at] as string
    if (char === '&') {
      const [piece, next] = readEntity(html, at)
      text += piece
      at = next
    } else if (char === '>') throw new HtmlError(`character '>' must be escaped at offset ${at}`)
    else if (char !== '<') {
      text += char
      at++
    } else {
      TAG.lastIndex = at
      const match = TAG.exec(html)
      if (!match) throw new HtmlError(`Unclosed start tag at byte offset ${Buffer.byteLength(html.slice(0, at))}`)
      const [whole, slash, name = '', attributes = ''] = match
      const type = TYPES[name]
      if (type === undefined) throw new HtmlError(`Unsupported start tag "${name}" at byte offset ${at}`)
      if (slash === '') {
        const tag = { tag: name, type, offset: text.length, value: checkedValue(name, attributesOf(attributes), open) }
        checkNesting(tag, open, text.length)
        open.push(tag)
      } else {
        const top = open.pop()
        if (top?.tag !== name || attributes !== '')
          throw new HtmlError(`Unmatched end tag at byte offset ${at}, found "</${name}>"`)
        if (text.length > top.offset)
          entities.push({ type, offset: top.offset, length: text.length - top.offset, value: top.value })
      }
      at += whole.length
    }
  }
  const left = open.at(-1)
  if (left) throw new HtmlError(`Can't find end tag corresponding to start tag "${left.tag}"`)
  return { text, entities }
}
