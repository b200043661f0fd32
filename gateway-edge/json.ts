/** JSON from outside. */

const HALF_A_PAIR = /\\u[dD][89a-fA-F]/

/** JSON may spell half a surrogate pair, which no UTF-8 can carry on. */
const mend = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\uFFFD') : value

/**
 * Values that one text may hold. No method takes a thousandth of it. A value of two characters takes fifty bytes and more when it is
 * read, so 28 MB of `[],` or `{},` took a gigabyte and the process eight seconds.
 */
export const VALUES_MAX = 200_000

const [QUOTE, BACKSLASH, COMMA, LIST, RECORD] = ['"', '\\', ',', '[', '{'].map((sign) => sign.charCodeAt(0))

const isEscaped = (text: string, at: number): boolean => {
  let before = at
  while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1
  return (at - before) % 2 === 1
}

/** Where the string ends that begins here; the end of the text where it does not. */
const endOfString = (text: string, begin: number): number => {
  let end = text.indexOf('"', begin + 1)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

const holdsTooMuch = (text: string): boolean => {
  let values = 1
  // Each takes a character at least.
  for (let at = 0; at < text.length && text.length > VALUES_MAX; at += 1) {
    const sign = text.charCodeAt(at)
    if (sign === QUOTE) at = endOfString(text, at)
    else if (sign === COMMA || sign === LIST || sign === RECORD) values += 1
    if (values > VALUES_MAX) return true
  }
  return false
}

/** As `JSON.parse`, and every text in it can be written as UTF-8. Throws for more than {@link VALUES_MAX} values, too. */
export const parseJson = (text: string): unknown => {
  if (holdsTooMuch(text)) throw new SyntaxError(`More than ${VALUES_MAX} values`)
  return HALF_A_PAIR.test(text) ? JSON.parse(text, mend) : JSON.parse(text)
}
