/**
 * JSON-RPC 2.0: from a text to calls, and from outcomes to texts. Nothing here knows what can be called.
 * The specification: https://www.jsonrpc.org/specification
 */
import { ERRORS, ServiceError } from '../../protocol/errors.ts'
import { parseJson } from '../json.ts'

export type CallId = string | number | null

/** One call. Without an id it is a notification: nobody is told how it ended. */
export interface Call {
  readonly id: CallId | undefined
  readonly method: string
  /** By name; a list where they were given by position, which no method here takes. */
  readonly params: Readonly<Record<string, unknown>> | readonly unknown[]
}

/** What a message holds: calls, and in their places the answers to what is none. */
export interface Message {
  /** Whether the answers go back as a list. */
  readonly batch: boolean
  readonly items: readonly (Call | RpcError)[]
}

/** The codes of the specification, and the one of ours for whatever `data.code` tells apart. */
export const CODES = { parse: -32_700, request: -32_600, method: -32_601, params: -32_602, ours: -32_000 } as const

/** Calls in one batch. */
export const BATCH_MAX = 100

/** Characters of an id or of a method's name; nobody needs more to tell one from another. */
const NAME_MAX = 200

/** An answer that is not a success. */
export class RpcError extends Error {
  readonly code: number
  readonly data: unknown
  /** Of the call that it answers, where that could be read. */
  readonly id: CallId

  constructor(code: number, message: string, { data, id = null }: { data?: unknown; id?: CallId } = {}) {
    super(message)
    this.code = code
    this.data = data
    this.id = id
  }
}

const isId = (id: unknown): id is CallId | undefined =>
  id === undefined || id === null || typeof id === 'number' || (typeof id === 'string' && id.length <= NAME_MAX)

const toCall = (item: unknown): Call | RpcError => {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return new RpcError(CODES.request, 'A call is an object')
  const { jsonrpc, id, method, params = {} } = item as Readonly<Record<string, unknown>>
  if (!isId(id)) return new RpcError(CODES.request, `An id is a text of at most ${NAME_MAX} characters, a number or null`)
  const wrong = (text: string): RpcError => new RpcError(CODES.request, text, { id: id ?? null })
  if (jsonrpc !== '2.0') return wrong('A call says "jsonrpc": "2.0"')
  if (typeof method !== 'string' || method.length > NAME_MAX) return wrong('A call names its method')
  if (typeof params !== 'object' || params === null) return wrong('Parameters are an object')
  return { id, method, params: params as Call['params'] }
}

/** Reads a message. Throws the one answer to a message that is not JSON, or not a batch. */
export const readMessage = (text: string): Message => {
  let json: unknown
  try {
    json = parseJson(text)
  } catch {
    throw new RpcError(CODES.parse, 'The message is not JSON')
  }
  if (!Array.isArray(json)) return { batch: false, items: [toCall(json)] }
  if (json.length === 0) throw new RpcError(CODES.request, 'The batch is empty')
  if (json.length > BATCH_MAX) throw new RpcError(CODES.request, `A batch has at most ${BATCH_MAX} calls`)
  return { batch: true, items: json.map(toCall) }
}

/**
 * What is answered to an error. Only a service's own words pass; anything else becomes `internal`. Faults of the input are
 * the specification's *invalid params*, with `data.issues`; all others are told apart by `data.code`.
 */
export const toRpcError = (error: unknown): RpcError => {
  if (error instanceof RpcError) return error
  const { code, message, data } = error instanceof ServiceError ? error : new ServiceError('internal')
  const about = { code, retry: ERRORS[code].retry }
  if (code !== 'invalid_input') return new RpcError(CODES.ours, message, { data: about })
  const { issues = [] } = (data ?? {}) as { readonly issues?: readonly unknown[] }
  return new RpcError(CODES.params, message, { data: { ...about, issues } })
}

/** The parts of an error that are sent. */
export const shown = ({ code, message, data }: RpcError): object => ({ code, message, ...(data === undefined ? {} : { data }) })

/** The answer to a call. */
export const toAnswer = (id: CallId, outcome: { readonly result: unknown } | RpcError): string =>
  outcome instanceof RpcError
    ? JSON.stringify({ jsonrpc: '2.0', id, error: shown(outcome) })
    : JSON.stringify({ jsonrpc: '2.0', id, result: outcome.result ?? null })

/** Something that is told unasked; `params` is JSON already. */
export const toNotification = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","method":"${method}","params":${params}}`
