/** Long texts are cut into passages: a vector of a whole book says nothing, and a hit must show where it matches. */

/** Small models see 512 tokens and large ones blur what is longer: about 250 tokens of English, one thought of a chat. */
const PASSAGE_CHARS = 1_000

/** What is little longer stays whole. */
const LARGEST_CHARS = 1_200

/** What two neighbours share, so that a sentence on the border is whole in one of them. */
const OVERLAP_CHARS = 150

/** Of one text: what lies behind about 850,000 characters is kept, and not found. Bounds how long taking it in holds up others. */
export const MAX_PASSAGES = 1_000

/** Where to cut, best first: between paragraphs, lines, sentences, words. */
const BORDERS = [/\n\s*\n/g, /\n/g, /[.!?](?=\s)|[。！？…]/g, /\s/g]

/** The end of the last border within `text` that lies behind `from`; undefined where there is none. */
const lastBorder = (text: string, from: number, border: RegExp): number | undefined => {
  let last: number | undefined
  for (const match of text.slice(from).matchAll(border)) last = from + match.index + match[0].length
  return last
}

/** Never between the two halves of one character. */
const whole = (text: string, index: number): number => {
  const code = text.charCodeAt(index)
  return code >= 0xdc00 && code <= 0xdfff ? index - 1 : index
}

const endOf = (text: string, start: number): number => {
  if (text.length - start <= LARGEST_CHARS) return text.length
  const window = text.slice(start, start + PASSAGE_CHARS)
  for (const border of BORDERS) {
    const found = lastBorder(window, PASSAGE_CHARS / 2, border)
    if (found !== undefined) return start + found
  }
  return whole(text, start + PASSAGE_CHARS)
}

/** Where the next passage begins: at a sentence or word of the overlap, else in the middle of it. */
const startAfter = (text: string, end: number): number => {
  const shared = text.slice(end - OVERLAP_CHARS, end)
  for (const border of BORDERS.slice(2)) {
    const first = [...shared.matchAll(border)].map(({ index, 0: found }) => index + found.length).find((at) => at < shared.length)
    if (first !== undefined) return end - OVERLAP_CHARS + first
  }
  return whole(text, end - OVERLAP_CHARS)
}

/** The passages of a text in their order: together they hold all of it but blanks at its ends. None of an empty text. */
export const cutPassages = (text: string): string[] => {
  const body = text.trim()
  const passages: string[] = []
  for (let start = 0; start < body.length && passages.length < MAX_PASSAGES; ) {
    const end = endOf(body, start)
    const passage = body.slice(start, end).trim()
    if (passage !== '') passages.push(passage)
    if (end === body.length) break
    start = startAfter(body, end)
  }
  return passages
}
