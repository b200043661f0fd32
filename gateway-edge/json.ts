/** JSON from outside. */

const HALF_A_PAIR = /\\u[dD][89a-fA-F]/

/** JSON may spell half a surrogate pair, which no UTF-8 can carry on. */
const mend = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\uFFFD') : value

/** As `JSON.parse`, and every text in it can be written as UTF-8. */
export const parseJson = (text: string): unknown => (HALF_A_PAIR.test(text) ? JSON.parse(text, mend) : JSON.parse(text))
