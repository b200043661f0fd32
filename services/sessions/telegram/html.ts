/** Rich text in the HTML that Telegram parses (core.telegram.org/bots/api#html-style). */
import type { Entity, RichText } from './rich-text.ts'

const escapeText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const escapeAttribute = (text: string): string => escapeText(text).replaceAll('"', '&quot;')

const tagsOf = (entity: Entity): readonly [open: string, close: string] => {
  switch (entity.type) {
    case 'bold':
      return ['<b>', '</b>']
    case 'italic':
      return ['<i>', '</i>']
    case 'strikethrough':
      return ['<s>', '</s>']
    case 'code':
      return ['<code>', '</code>']
    case 'blockquote':
      return ['<blockquote>', '</blockquote>']
    case 'text_link':
      return [`<a href="${escapeAttribute(entity.url ?? '')}">`, '</a>']
    case 'pre':
      return entity.language === undefined
        ? ['<pre>', '</pre>']
        : [`<pre><code class="language-${escapeAttribute(entity.language)}">`, '</code></pre>']
  }
}

const endOf = (entity: Entity): number => entity.offset + entity.length

/** Every place at which something opens or closes, in order. */
const borders = ({ text, entities }: RichText): number[] =>
  [...new Set([0, text.length, ...entities.flatMap((entity) => [entity.offset, endOf(entity)])])].sort((a, b) => a - b)

/** What opens with `<`, closes in the reverse order; entities that merely overlap are closed and opened again. */
export const toHtml = (rich: RichText): string => {
  const waiting = [...rich.entities]
  const open: Entity[] = []
  const places = borders(rich)
  let html = ''
  places.forEach((place, index) => {
    const again: Entity[] = []
    while (open.some((entity) => endOf(entity) <= place)) {
      const top = open.pop() as Entity
      html += tagsOf(top)[1]
      if (endOf(top) > place) again.unshift(top)
    }
    while (waiting[0] !== undefined && waiting[0].offset <= place) again.push(waiting.shift() as Entity)
    for (const entity of again) {
      html += tagsOf(entity)[0]
      open.push(entity)
    }
    html += escapeText(rich.text.slice(place, places[index + 1] ?? place))
  })
  return html
}
