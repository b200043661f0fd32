/** Reading the CLI's stream-json without trusting it: every field may be missing or of another type. */
import type { LogLine } from './log.ts'

export type Json = Readonly<Record<string, unknown>>

const NOTHING: Json = Object.freeze({})

export const asRecord = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : NOTHING
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
export const asText = (value: unknown): string | null => (typeof value === 'string' ? value : null)
export const asNumber = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)

/** A whole number from 0 on, as counts are. Our tables and contract take nothing else for one, and an end that cannot be written is none. */
export const asCount = (value: unknown): number | null =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null

/** An amount from 0 to `most`: below it would give back what was spent, above it a sum could become infinite. */
export const asAmount = (value: unknown, most: number): number | null => {
  const amount = asNumber(value)
  return amount !== null && amount >= 0 && amount <= most ? amount : null
}

/** The object on a line; null for anything that is not one (the CLI never prints such, but its tools might). */
export const parseLine = (line: LogLine): Json | null => {
  if (line.text === null || !line.text.startsWith('{')) return null
  try {
    return asRecord(JSON.parse(line.text))
  } catch {
    return null
  }
}

const TOO_DEEP = '"(nested too deep to be shown)"'

/**
 * A value as JSON text. What is nested some thousand levels deep can be read and not be written down; a model may make such an
 * input for a tool, and a line that cannot be read would be met again at each start.
 */
export const jsonText = (value: unknown): string => {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return TOO_DEEP
  }
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

/** Cuts a text into pieces of at most `size` UTF-16 units, never inside a surrogate pair. Nothing for ''. */
export const cutText = (text: string, size: number): string[] => {
  if (text.length <= size) return text === '' ? [] : [text]
  const pieces: string[] = []
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + size, text.length)
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to -= 1
    pieces.push(text.slice(from, to))
    from = to
  }
  return pieces
}

/** The beginning of a text, with a mark where something was left out. */
export const shorten = (text: string, size: number): string => (text.length <= size ? text : `${cutText(text, size)[0]}…`)
