/** Markdown into tokens, in bounded time whatever the text. */
import { Lexer, type Token } from 'marked'

/**
 * A longer text is not parsed. A reply of ten messages has 41,000 characters; what is more goes as a file. At this size the worst
 * that was found (`_a_a_a…` in paragraphs) takes 0.3 s.
 */
const MAX_CHARS = 60_000

/** A longer paragraph stays as it is: finding emphasis takes time with the square of its length. */
const MAX_PARAGRAPH_CHARS = 8_192

/** The tokens of a text, or null for one that cannot be parsed in time. */
export const parseMarkdown = (markdown: string): Token[] | null => {
  if (markdown.length > MAX_CHARS) return null
  const lexer = new Lexer({ gfm: true })
  try {
    lexer.blockTokens(markdown, lexer.tokens)
    for (const { src, tokens } of lexer.inlineQueue) {
      if (src.length > MAX_PARAGRAPH_CHARS) tokens.push({ type: 'text', raw: src, text: src })
      else lexer.inlineTokens(src, tokens)
    }
    return lexer.tokens
  } catch {
    // Thousands of quotes within quotes exhaust the stack; such a text is better read as it was written.
    return null
  }
}

/** The tokens of a line: emphasis, code, links. */
export const parseInline = (line: string): Token[] =>
  line.length > MAX_PARAGRAPH_CHARS ? [{ type: 'text', raw: line, text: line }] : Lexer.lexInline(line, { gfm: true })
