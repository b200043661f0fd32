/** Which addresses Claude has read: those in its notes. A story whose source is not among them was made up. */
import { toHref } from './clean-text.ts'

const ADDRESS = /https?:\/\/[\x21-\x7e]+/g
/** What may stand behind an address in a sentence or in Markdown, and may also be its end. */
const TAIL = /[)\]}>.,;:!?*_~`'"|\\]$/

/** What surrounds an address, and seldom stands in one. */
const CLOSING = /[)\]>"'`|]/

const addTo = (found: Set<string>, address: string): void => {
  const href = toHref(address)
  if (href !== null) found.add(href)
}

/** Every address in a text. Where it ends is not always plain, so each end that it may have counts. */
export const addressesIn = (text: string): Set<string> => {
  const found = new Set<string>()
  for (const [match] of text.matchAll(ADDRESS)) {
    for (let end of [match, match.split(CLOSING)[0] ?? '']) {
      for (; TAIL.test(end); end = end.slice(0, -1)) addTo(found, end)
      addTo(found, end)
    }
  }
  return found
}

/** The addresses in a value, with where they stand. */
const urlsOf = (value: unknown, path: string): [path: string, url: string][] => {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]): [string, string][] => {
    const place = path === '' ? key : `${path}.${key}`
    return key === 'url' && typeof item === 'string' ? [[place, item]] : urlsOf(item, place)
  })
}

/** What is wrong with the sources of a content; null when all of them stand in the notes. */
export const sourceComplaint = (content: unknown, notes: string): string | null => {
  const read = addressesIn(notes)
  const unread = urlsOf(content, '').filter(([, url]) => !read.has(url))
  if (unread.length === 0) return null
  return unread.map(([place, url]) => `- ${place}: ${url} does not stand in the notes`).join('\n')
}
