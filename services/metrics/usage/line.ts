/** One line of a session file of the CLI, as far as it is counted. */
import { hash } from 'node:crypto'

/** What an answer has cost; on each line of an answer that has several. */
export interface Tokens {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_read_tokens: number
  readonly cache_creation_tokens: number
}

/** A message. Keys are hashes: the files hold millions of ids, and what is counted must know each of them. */
export interface Message {
  /** The same in every copy of the message: its hour and a hash of its ids. */
  readonly key: bigint
  /** The key that it would have an hour before: an answer's lines may be written before and after the stroke of the hour. */
  readonly earlier_key: bigint
  /** The conversation, by the day of the message and for good. */
  readonly session_day_key: bigint
  readonly session_key: bigint
  /** As a number: 20261122. */
  readonly day: number
  /** Null where the model was not asked: a message of a person or a tool, or words that the CLI put there itself. */
  readonly request: (Tokens & { readonly model: string }) | null
}

interface Line {
  readonly type?: unknown
  readonly uuid?: unknown
  readonly timestamp?: unknown
  readonly sessionId?: unknown
  readonly requestId?: unknown
  readonly message?: { readonly id?: unknown; readonly model?: unknown; readonly usage?: Readonly<Record<string, unknown>> }
}

const SYNTHETIC = '<synthetic>'
const MAX_MODEL_LENGTH = 100

const HOUR_MS = 3_600_000
/** Keys hold 15 years in either direction from here. */
const FIRST_HOUR = Date.UTC(2026, 0, 1) / HOUR_MS
/** Of the hash: among a million messages of one hour two would be taken for one in one of a hundred hours. */
const HASH_BITS = 46n
const AN_HOUR = 1n << HASH_BITS

const hashOf = (text: string): bigint => hash('sha1', text, 'buffer').readBigInt64LE()

/** The least key of a moment's hour. Keys grow with time, so what is read together lies together in the database. */
export const keyOfHour = (at: number): bigint => BigInt.asIntN(64, BigInt(Math.floor(at / HOUR_MS) - FIRST_HOUR) << HASH_BITS)

/** Zones differ from each other by quarters of an hour at least. */
const QUARTER_MS = 900_000
const MAX_DAYS = 100_000

/** The day of a moment on the clocks of this machine; looked up once for each quarter of an hour. */
export const createDayOf = (): ((at: number) => number) => {
  const days = new Map<number, number>()
  return (at) => {
    const quarter = Math.floor(at / QUARTER_MS)
    const known = days.get(quarter)
    if (known !== undefined) return known
    const date = new Date(at)
    const day = date.getFullYear() * 10_000 + (date.getMonth() + 1) * 100 + date.getDate()
    if (days.size >= MAX_DAYS) days.clear()
    days.set(quarter, day)
    return day
  }
}

/** `2026-11-22` of 20261122. */
export const dayText = (day: number): string =>
  `${Math.floor(day / 10_000)}-${String(Math.floor(day / 100) % 100).padStart(2, '0')}-${String(day % 100).padStart(2, '0')}`

/** A column of whole numbers takes nothing that is larger. */
const count = (value: unknown): number =>
  typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : 0

const requestOf = (message: Line['message']): Message['request'] => {
  const { model, usage } = message ?? {}
  if (typeof model !== 'string' || model === SYNTHETIC || typeof usage !== 'object' || usage === null) return null
  return {
    model: model.slice(0, MAX_MODEL_LENGTH),
    input_tokens: count(usage.input_tokens),
    output_tokens: count(usage.output_tokens),
    cache_read_tokens: count(usage.cache_read_input_tokens),
    cache_creation_tokens: count(usage.cache_creation_input_tokens),
  }
}

/**
 * Whether a line may be one that counts. Looked for in the text, since most bytes are in lines that are not worth parsing; the
 * CLI writes no space behind a colon, and within a text the quotes would be escaped.
 */
const mayCount = (text: string): boolean => text.includes('"type":"user"') || text.includes('"type":"assistant"')

/** The message of a line; null where it holds none, `broken` where it cannot be read. */
export const parseLine = (text: string, dayOf: (at: number) => number): Message | null | 'broken' => {
  if (!mayCount(text)) return null
  let line: Line | null
  try {
    line = JSON.parse(text) as Line | null
  } catch {
    return 'broken'
  }
  const { type, uuid, timestamp, sessionId, requestId, message } = line ?? {}
  const at = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN
  if ((type !== 'user' && type !== 'assistant') || Number.isNaN(at)) return null
  // An answer is written as several lines with one id. What is forked keeps the ids of message and line.
  const id = type === 'assistant' && typeof message?.id === 'string' ? `a:${message.id}:${String(requestId ?? '')}` : `u:${uuid}`
  if (id === 'u:undefined') return null
  const day = dayOf(at)
  const session = String(sessionId ?? '')
  const key = keyOfHour(at) + BigInt.asUintN(Number(HASH_BITS), hashOf(id))
  return {
    key,
    earlier_key: key - AN_HOUR,
    session_day_key: hashOf(`d:${day}:${session}`),
    session_key: hashOf(`s:${session}`),
    day,
    request: type === 'assistant' ? requestOf(message) : null,
  }
}
