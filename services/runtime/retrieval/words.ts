/** Texts as words for FTS5: what is indexed of a passage, and what is asked for. A query is text, never syntax. */
import { createHash } from 'node:crypto'
import type { Attributes } from './retrieval.ts'

/** Scripts written without spaces between words, and Korean, whose words carry endings that no stemmer here takes off. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]+/gu

const WORD = /[\p{L}\p{N}\p{M}]+/gu

/** A longer "word" is a key or a picture as text: nobody looks for it, and each would be a term of its own. */
const MAX_WORD_CHARS = 64

/** Words that stand in every text and say nothing of it. A query of nothing else keeps them. */
const STOP_WORDS = new Set(
  `a about all also am an and any are as at be been but by can could did do does for from had has have he her his how i if in
  into is it its just me my no not of on or our she should so some that the their them then there these they this to up us was we
  were what when where which who why will with would you your`.split(/\s+/),
)

/** In a query: more say nothing new, and each costs time. */
const MAX_TERMS = 32

/** Compatibility forms (full-width letters, ligatures) become the ordinary ones. */
const normal = (text: string): string => text.normalize('NFKC')

const wordsOf = (text: string): string[] =>
  (text.replace(UNSPACED, ' ').match(WORD) ?? []).filter((word) => word.length <= MAX_WORD_CHARS)

/** Pairs of neighbours, and the letters themselves. */
const piecesOf = (run: string): { pairs: string[]; letters: string[] } => {
  const letters = [...run]
  return { letters, pairs: letters.slice(1).map((letter, index) => `${letters[index]}${letter}`) }
}

/** What is indexed of a passage: its words, and pairs and letters of scripts without spaces. */
export const splitWords = (passage: string): { latin: string; pieces: string } => {
  const text = normal(passage)
  const pieces = (text.match(UNSPACED) ?? []).flatMap((run) => {
    const { pairs, letters } = piecesOf(run)
    return [...letters, ...pairs]
  })
  return { latin: wordsOf(text).join(' '), pieces: pieces.join(' ') }
}

/** What a query asks for: distinct words without stop words, and pairs, or the letter where it stands alone. */
export const queryTerms = (query: string): string[] => {
  const text = normal(query)
  const words = [...new Set(wordsOf(text.toLowerCase()))]
  const telling = words.filter((word) => !STOP_WORDS.has(word))
  const pieces = (text.match(UNSPACED) ?? []).flatMap((run) => {
    const { pairs, letters } = piecesOf(run)
    return pairs.length > 0 ? pairs : letters
  })
  const terms = telling.length + pieces.length > 0 ? [...telling, ...new Set(pieces)] : words
  return terms.slice(0, MAX_TERMS)
}

/** A name as one token, whatever stands in it. Two names that share one would be told apart in SQL. */
const token = (kind: string, name: string): string => `${kind}${createHash('sha256').update(name).digest('hex').slice(0, 15)}`

/** The tokens of the attributes that are given: what is indexed of a passage, and what a filter asks for. */
export const ownerTokens = ({ bot_id, scope, role }: Partial<Pick<Attributes, 'bot_id' | 'scope' | 'role'>>): string =>
  [
    ...(bot_id === undefined ? [] : [token('b', bot_id)]),
    ...(scope === undefined ? [] : [token('s', scope)]),
    ...(role === undefined ? [] : [token('r', role)]),
  ].join(' ')
