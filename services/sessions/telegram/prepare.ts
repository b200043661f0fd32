/** A reply as the messages in which it will be sent. */
import { isBlank, MESSAGE_UNITS, toChunks, toPlain } from './chunks.ts'
import { formatMarkdown } from './format.ts'
import { toHtml } from './html.ts'

/** How a repeat begins that may be one too many. */
export const LABEL = '(sent again: the first try may have arrived)\n'

/** What Telegram takes below a document, counted as a message is (core.telegram.org/bots/api#senddocument). */
const CAPTION_UNITS = 1_024
/** Of a text that goes as a file, its beginning is read for the caption. */
const CAPTION_SOURCE_CHARS = 8_000

/** What is sent in one call. */
export interface NewPart {
  readonly kind: 'message' | 'document'
  /** In Telegram's HTML; of a document the empty text. */
  readonly html: string
  /** What is sent where the HTML is refused; the caption of a document. */
  readonly plain: string
  /** The contents of the file, as they came from Claude; null for a message. */
  readonly document: string | null
}

const toMessage = (text: string): NewPart => ({
  kind: 'message',
  html: toHtml({ text, entities: [] }),
  plain: text,
  document: null,
})

/** The beginning of the text and the word that it goes on in the file. */
const captionOf = (markdown: string): string => {
  const note = '\n\n… the whole text is in the file.'
  const [first] = toChunks(formatMarkdown(markdown.slice(0, CAPTION_SOURCE_CHARS)), CAPTION_UNITS - LABEL.length - note.length, 1)
  return (first?.text ?? '').trimEnd() + note
}

/**
 * The messages of a reply, at least one. Each has room for {@link LABEL}. A reply of more than `max_messages` goes as one file, `result.md`.
 * @param markdown what Claude said
 */
export const prepareParts = (markdown: string, max_messages: number): NewPart[] => {
  if (isBlank(markdown)) return [toMessage('(empty response)')]
  const limit = MESSAGE_UNITS - LABEL.length
  // Three quarters of it would have to be addresses of links to fit all the same: it need not be read.
  const far = markdown.length > 4 * max_messages * MESSAGE_UNITS
  const chunks = far ? [] : toChunks(formatMarkdown(markdown), limit, max_messages)
  if (far || chunks.length > max_messages)
    return [{ kind: 'document', html: '', plain: captionOf(markdown), document: markdown.toWellFormed() }]
  // Something was there, and nothing of it can be shown formatted (an empty code block): show it as it was written.
  if (chunks.length === 0) return [toMessage(markdown.toWellFormed().slice(0, limit))]
  return chunks.map((chunk) => ({ kind: 'message', html: toHtml(chunk), plain: toPlain(chunk, limit), document: null }))
}
