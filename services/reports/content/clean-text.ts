/**
 * The texts of a report as they may be: what the model wrote, without what no paper shows. It is done once, before anything
 * is made from them, so that the PDF of either engine, the mail and the plain text all say the same characters.
 */
import { z } from 'zod'

/**
 * Characters that carry no sign of their own: controls, formats (joiners, direction marks, tags), private use and what is
 * not assigned, variation selectors, skin tones and the frame around a key (which stand behind the sign they change).
 */
const UNSHOWN = /\p{Cc}|\p{Cf}|\p{Co}|\p{Cn}|\p{Cs}|\p{Variation_Selector}|\p{Emoji_Modifier}|\u{20E3}/gu

/** Any run of space, line ends among it, becomes one space; what cannot be shown goes; accents and letters are joined (NFC). */
export const cleanText = (text: string): string =>
  text.replace(/\s+/gu, ' ').replace(UNSHOWN, '').normalize('NFC').replace(/\s+/gu, ' ').trim()

/** A text of at least one and at most `max` characters, cleaned before they are counted. */
export const textOf = (max: number, description: string) =>
  z
    .string()
    .overwrite(cleanText)
    .min(1, 'is empty')
    .max(max, `is longer than ${max} characters: shorten it`)
    .describe(description)

const URL_CHARACTERS = 1_000

/** Percent-encodes what a link in a PDF or a mail must not hold as it is; to a server it means the same. */
const encodeRest = (href: string): string =>
  href.replace(/[^A-Za-z0-9\-._/:?#@!&()*+,;=%[\]]/g, (character) =>
    character === "'" ? '%27' : encodeURIComponent(character) === character ? hex(character) : encodeURIComponent(character),
  )

const hex = (character: string): string => `%${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}`

/** The address in the one spelling that is used everywhere; null where it is none that a reader may be sent to. */
export const toHref = (text: string): string | null => {
  const given = text.trim()
  if (!URL.canParse(given)) return null
  const url = new URL(given)
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') return null
  if (!url.hostname.includes('.')) return null
  const href = encodeRest(url.href.toWellFormed())
  return href.length > URL_CHARACTERS ? null : href
}

/** The address of a source. */
export const Address = z
  .string()
  .max(URL_CHARACTERS, `is longer than ${URL_CHARACTERS} characters`)
  .refine((text) => toHref(text) !== null, 'is not the address of a web page; give the full https:// address of the source')
  .overwrite((text) => toHref(text) ?? text)
  .describe('the full https:// address of the page it was read on')
