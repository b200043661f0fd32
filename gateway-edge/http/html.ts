/** HTML from templates in which everything is escaped that is not HTML already. */

/** A text that is HTML. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** What may stand in a template: HTML as it is, a list joined, anything else as escaped text, and nothing for what is not there. */
export type Part = Html | string | number | undefined | readonly Part[]

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const isList = (part: Part): part is readonly Part[] => Array.isArray(part)

const render = (part: Part): string => {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (isList(part)) return part.map(render).join('')
  return String(part).replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)
}

/** A piece of a page. Attributes are to be quoted in the template. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((text, index) => text + render(parts[index])).join(''))

/** A sentence in which what stands between backquotes is code. */
export const prose = (text: string): Html =>
  new Html(
    text
      .split('`')
      .map((piece, index) => (index % 2 === 0 ? render(piece) : html`<code>${piece}</code>`.text))
      .join(''),
  )
