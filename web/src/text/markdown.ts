/**
 * Markdown of a model or a stranger, as nodes of the page. Markup in it is shown, not obeyed: raw HTML becomes text, pictures become links.
 * What comes out passes the sanitizer all the same, with a short list of what may be there; and the page's policy would run nothing of it.
 */
import DOMPurify, { type Config } from 'dompurify'
import { Marked, type Token, type Tokens } from 'marked'

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign)

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text === '' ? href : text)}</a>`,
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    code: ({ text, lang }) =>
      `<pre><code data-language="${escaped((lang ?? '').split(/\s/)[0] ?? '')}">${escaped(text)}</code></pre>`,
  },
})

const ALLOWED: Config = {
  ALLOWED_TAGS: [
    ...['p', 'br', 'hr', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'a', 'span'],
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  ALLOWED_ATTR: ['href', 'class', 'start', 'align', 'data-language'],
  ALLOWED_URI_REGEXP: /^(https?|mailto):/i,
}

/** Markup that somebody made, as nodes that can do nothing. */
export const sanitize = (html: string): DocumentFragment => DOMPurify.sanitize(html, { ...ALLOWED, RETURN_DOM_FRAGMENT: true })

/** A block at the top of a text, such as a paragraph or a list. `raw` is what it was read from. */
export type BlockToken = Token

/** The blocks of a text, one after the other; joined, their `raw` is the text. */
export const readBlocks = (text: string): readonly BlockToken[] => marked.lexer(text)

/** Headings of a message are no headings of the page: they must not come in between. */
const withoutHeadings = (fragment: DocumentFragment): void => {
  for (const heading of fragment.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const line = document.createElement('p')
    line.className = 'heading'
    line.append(...heading.childNodes)
    heading.replaceWith(line)
  }
}

/** The nodes of a block. */
export const toNodes = (token: BlockToken): DocumentFragment => {
  const fragment = sanitize(marked.parser([token as Tokens.Generic]))
  withoutHeadings(fragment)
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank'
    link.rel = 'noopener noreferrer nofollow'
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = document.createElement('div')
    frame.className = 'scroll-x'
    frame.tabIndex = 0
    table.replaceWith(frame)
    frame.append(table)
  }
  return fragment
}
