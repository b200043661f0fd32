/** What a model can read of a text. */

/** The built-in model gives every text of another script one and the same vector; above this share of letters it is no use. */
const FOREIGN_SHARE = 0.3

/** Whether a text is one that a model of English can tell from others: letters or digits, and few letters that are not Latin. */
export const isLatin = (text: string): boolean => {
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  if (letters === 0) return /\p{N}/u.test(text)
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0
  return (letters - latin) / letters <= FOREIGN_SHARE
}

/** Cuts a text at so many characters, and not within one. */
export const cutAt = (text: string, chars: number): string => {
  if (text.length <= chars) return text
  const half = /[\uD800-\uDBFF]/.test(text[chars - 1] ?? '')
  return text.slice(0, half ? chars - 1 : chars)
}

/** How much of a token a character is, from above: English has about four to a token, other scripts one or less. */
const tokensOf = (character: string): number => (character.charCodeAt(0) < 0x80 ? 1 / 3 : 1)

/** The beginning of a text that surely fits into so many tokens. A model that is given more fails, or cuts without a word. */
export const cutToTokens = (text: string, tokens: number): string => {
  let sum = 0
  let end = 0
  for (const character of text) {
    sum += tokensOf(character)
    if (sum > tokens) return text.slice(0, end)
    end += character.length
  }
  return text
}

/** About how many tokens a text has, rather too many than too few. */
export const countTokens = (text: string): number => {
  let sum = 0
  for (const character of text) sum += tokensOf(character)
  return Math.ceil(sum)
}
