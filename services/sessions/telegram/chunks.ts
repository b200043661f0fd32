/** Rich text cut into messages. */
import { type Entity, inOrder, type RichText } from './rich-text.ts'

/** What Telegram takes as one message, counted in UTF-16 units after its entities were parsed (core.telegram.org/bots/api#sendmessage). */
export const MESSAGE_UNITS = 4_096
/** Of more, Telegram shows the first hundred (core.telegram.org/bots/api#sendmessage, entities). */
const MAX_ENTITIES = 100
/** A cut at a good place may leave this part of a message empty. */
const WASTE = 0.6
/** Graphemes are looked for so far around a cut. */
const AROUND_UNITS = 256

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Telegram takes no message in which there is nothing to see: white space, control and format characters, blank letters. */
export const isBlank = (text: string): boolean => /^[\s\p{Cc}\p{Cf}\u115f\u1160\u2800\u3164\uffa0\ufffc]*$/u.test(text)

const endOf = (entity: Entity): number => entity.offset + entity.length

/** Where a message that begins at `from` must end by its number of entities. */
const entityLimit = (entities: readonly Entity[], from: number): number => {
  const inside = entities.filter((entity) => endOf(entity) > from)
  return inside[MAX_ENTITIES]?.offset ?? Number.POSITIVE_INFINITY
}

/** The last place up to `limit` at which no character, as a person sees it, is cut in two. */
const betweenGraphemes = (text: string, from: number, limit: number): number => {
  const start = Math.max(from, limit - AROUND_UNITS)
  const around = text.slice(start, limit + AROUND_UNITS)
  const place = start + (graphemes.segment(around).containing(limit - start)?.index ?? limit - start)
  if (place > start) return place
  const low = text.charCodeAt(limit)
  return low >= 0xdc00 && low <= 0xdfff && limit - 1 > from ? limit - 1 : limit
}

/** The last match that ends a message well, as `[end, next]`: what was matched is left out. */
const lastBreak = (window: string, pattern: RegExp, least: number, unfit: (at: number) => boolean): [number, number] | null => {
  let found: [number, number] | null = null
  for (const match of window.matchAll(pattern)) {
    if (match.index >= least && !unfit(match.index)) found = [match.index, match.index + match[0].length]
  }
  return found
}

/** Where the message that begins at `from` ends, and where the next one begins. */
const cutAt = ({ text, entities }: RichText, from: number, limit: number): [end: number, next: number] => {
  const hard = Math.min(from + limit, entityLimit(entities, from))
  if (hard >= text.length) return [text.length, text.length]
  // One unit more: a break that stands right behind a full message is a good one.
  const window = text.slice(from, hard + 1)
  const least = Math.max(1, Math.floor((hard - from) * (1 - WASTE)))
  const inPre = (at: number): boolean =>
    entities.some((entity) => entity.type === 'pre' && entity.offset < from + at && from + at < endOf(entity))
  const never = (): boolean => false
  const found =
    lastBreak(window, /\n{2,}/g, least, inPre) ??
    lastBreak(window, /\n/g, least, inPre) ??
    lastBreak(window, /\n/g, least, never) ??
    lastBreak(window, / /g, least, never) ??
    lastBreak(window, /[\n ]/g, 1, never)
  if (found) {
    // Telegram strips what surrounds a message; left in, it would only count.
    const end = from + text.slice(from, from + found[0]).trimEnd().length
    const next = from + found[1]
    return [Math.max(end, from), next + (/^\n*/.exec(text.slice(next))?.[0].length ?? 0)]
  }
  const place = betweenGraphemes(text, from, hard)
  return [place, place]
}

/** A stretch of a rich text, with what is formatted in it. */
const slice = ({ text, entities }: RichText, from: number, end: number): RichText => ({
  text: text.slice(from, end),
  entities: inOrder(
    entities
      .filter((entity) => entity.offset < end && endOf(entity) > from)
      .map((entity) => {
        const offset = Math.max(entity.offset, from)
        return { ...entity, offset: offset - from, length: Math.min(endOf(entity), end) - offset }
      }),
  ),
})

/**
 * Cuts at paragraphs, else at lines, else at words, else between characters; the white space of a cut is left out. Formatting
 * that a cut goes through goes on in the next message. Messages with nothing to see are left out, so the list may be empty.
 * @param limit the most that one message may hold, in UTF-16 units
 * @param most one message more than this is cut at most: whoever asks wants to know only that it does not fit
 */
export const toChunks = (rich: RichText, limit = MESSAGE_UNITS, most = Number.POSITIVE_INFINITY): RichText[] => {
  const chunks: RichText[] = []
  for (let from = 0; from < rich.text.length && chunks.length <= most; ) {
    const [end, next] = cutAt(rich, from, limit)
    const chunk = slice(rich, from, end)
    if (!isBlank(chunk.text)) chunks.push(chunk)
    from = next
  }
  return chunks
}

/** A chunk without formatting; addresses stand behind their texts where there is room. */
export const toPlain = ({ text, entities }: RichText, limit = MESSAGE_UNITS): string => {
  const links = entities.filter(
    ({ type, url, offset, length }) => type === 'text_link' && url !== text.slice(offset, offset + length),
  )
  const long = links.reduceRight((shown, link) => `${shown.slice(0, endOf(link))} (${link.url})${shown.slice(endOf(link))}`, text)
  return long.length <= limit ? long : text
}
