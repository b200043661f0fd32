/**
 * How much a memory has to do with a text, from 0 to 1. The score of a search only orders what it found: with three memories
 * the least unfitting comes first. Before a prompt nothing is better than something that does not belong there.
 */
import type { Hit } from '../runtime/retrieval/retrieval.ts'
import { queryTerms, splitWords } from '../runtime/retrieval/words.ts'

/** From here on a memory is to the point. */
export const FLOOR = 0.5

/**
 * The cosine that stands for {@link FLOOR}. Of the built-in model, tried with pairs of a fact and a question: those that belong
 * together have 0.52 to 0.66, those that do not up to 0.39. nomic-embed-text puts any two texts of one language at 0.4 to
 * 0.55; other models of Ollama are taken to be like it.
 */
const FLOOR_COSINE = { embedded: 0.45, ollama: 0.62 }

/** The share of words in common that stands for {@link FLOOR}, of the text or of the memory, whichever has fewer. */
const FLOOR_SHARE = 0.3

/** A scale on which `floor` is {@link FLOOR} and 1 stays 1. */
const scale = (value: number, floor: number): number => {
  const scaled = value < floor ? (FLOOR * value) / floor : FLOOR + ((1 - FLOOR) * (value - floor)) / (1 - floor)
  return Math.min(1, Math.max(0, scaled))
}

/** Singular and plural are one word; more than that the index of words has seen to already. */
const stem = (word: string): string => (word.length > 3 ? word.replace(/s$/, '') : word)

/** Words that memories of a person are full of. */
const COMMON = new Set(
  `user like want need prefer please use make get one new tell know
  用户 户的 什么 么时 时候 怎么 为什 哪里 哪个 这个 那个 一个 一下 可以 我们 你们 他们 没有 不是 需要 喜欢`.split(/\s+/),
)

const tellingTerms = (text: string): Set<string> =>
  new Set(
    queryTerms(text)
      .map(stem)
      .filter((term) => !COMMON.has(term)),
  )

const allTerms = (text: string): Set<string> => {
  const { latin, pieces } = splitWords(text)
  return new Set(`${latin.toLowerCase()} ${pieces}`.split(' ').map(stem))
}

/** Of a script without spaces every neighbouring pair is a term, and only about every other one a word. */
const wordCount = (terms: ReadonlySet<string>): number => {
  let count = 0
  for (const term of terms) count += /^[\p{Script=Latin}\p{N}]/u.test(term) ? 1 : 0.5
  return count
}

const shareOfWords = (text: string, passage: string): number => {
  const [asked, told] = [tellingTerms(text), tellingTerms(passage)]
  if (asked.size === 0 || told.size === 0) return 0
  const [fewer, whole] = wordCount(asked) <= wordCount(told) ? [asked, allTerms(passage)] : [told, allTerms(text)]
  return Math.min(1, [...fewer].filter((term) => whole.has(term)).length / wordCount(fewer))
}

/** @param model that made the distance */
export const relevanceOf = (hit: Pick<Hit, 'distance' | 'passage'>, text: string, model: string | null): number => {
  const words = scale(shareOfWords(text, hit.passage), FLOOR_SHARE)
  if (hit.distance === null) return words
  const cosine = 1 - hit.distance ** 2 / 2
  return Math.max(scale(cosine, model?.startsWith('ollama:') ? FLOOR_COSINE.ollama : FLOOR_COSINE.embedded), words)
}
