/**
 * From a request to the input of a method: path, query and body are gathered under the names of the contract. Nothing is
 * judged here but whether it can be read; the service that owns the method checks it.
 */
import { z } from 'zod'
import { CHAIN_HEADER } from '../../protocol/chain.ts'
import type { MethodSpec } from '../../protocol/method.ts'
import { parseJson } from '../json.ts'
import { echo, HttpError } from './errors.ts'

export type Origin = 'body' | 'query' | 'path' | 'header'

/** What the JSON Schema of an input says of one field. */
export interface Field {
  readonly kind: 'string' | 'number' | 'boolean' | 'other'
  readonly required: boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  /** Of an enumeration. */
  readonly values?: readonly unknown[]
}

/** Fields of the contract that a header may give. */
export const HEADER_FIELDS = { idempotency_key: 'idempotency-key', after: 'last-event-id', chain: CHAIN_HEADER } as const

export type Fields = ReadonlyMap<string, Field>

/** A decoded input and where its parts came from, which an error tells. */
export interface Input {
  readonly value: Readonly<Record<string, unknown>>
  /** As it was sent: an error shows `"-1"` where the query said so. */
  readonly sent: Readonly<Record<string, unknown>>
  readonly origins: ReadonlyMap<string, Origin>
  /** Where a missing field was expected. */
  readonly home: Origin
  readonly fields: Fields
}

/** The parts of a request. */
export interface Parts {
  /** Percent-encoded, as in the path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: string
  /** Undefined where the method of the request has no body. */
  readonly body: Uint8Array | undefined
  /** Fields that a header may give where nothing else does. */
  readonly headers?: Readonly<Record<string, string>>
}

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
}

const KINDS: Readonly<Record<string, Field['kind']>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
}

/** What a field is when it is not null. */
const innermost = (schema: JsonSchema): JsonSchema & { readonly type?: string } => {
  if (Array.isArray(schema.type)) return { ...schema, type: schema.type.find((type) => type !== 'null') }
  const option = schema.anyOf?.find(({ type }) => type !== 'null')
  return option === undefined ? (schema as { readonly type?: string }) : innermost(option)
}

const toField = (schema: JsonSchema, required: boolean): Field => {
  const inner = innermost(schema)
  const { minimum, maximum, minLength, maxLength, enum: values } = inner
  const limits = Object.entries({ minimum, maximum, minLength, maxLength, values }).filter(([, limit]) => limit !== undefined)
  return { kind: KINDS[inner.type ?? ''] ?? 'other', required, ...Object.fromEntries(limits) }
}

/** The fields of a method's input. */
export const fieldsOf = (spec: Pick<MethodSpec, 'input'>): Fields => {
  const schema = z.toJSONSchema(spec.input, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const required = new Set(schema.required)
  return new Map(Object.entries(schema.properties ?? {}).map(([name, field]) => [name, toField(field, required.has(name))]))
}

const TRUE = new Set(['true', '1', 'on', 'yes', 'y', 't'])
const FALSE = new Set(['false', '0', 'off', 'no', 'n', 'f'])

/** Turns a text into what its field asks for; what cannot be turned stays as it is, for the service to refuse. */
const coerce = (field: Field, text: string): unknown => {
  const word = text.trim().toLowerCase()
  if (field.kind === 'number') return /^[+-]?\d+(\.\d+)?$/.test(word) ? Number(word) : text
  if (field.kind === 'boolean') return TRUE.has(word) ? true : FALSE.has(word) ? false : text
  return text
}

const decodeParam = (name: string, text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    const msg = 'Input should be a valid string, unable to parse raw data as a unicode string'
    throw new HttpError(422, [{ type: 'string_unicode', loc: ['path', name], msg, input: echo(text) }])
  }
}

const badJson = (position: number, error: string): HttpError =>
  new HttpError(422, [{ type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {}, ctx: { error } }])

/** The JSON of a body; undefined where it is empty. */
const parseBody = (bytes: Uint8Array): unknown => {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw badJson(0, 'The body is not UTF-8')
  }
  if (text.trim() === '') return undefined
  try {
    return parseJson(text)
  } catch (error) {
    const words = (error as SyntaxError).message
    const position = /at position (\d+)/.exec(words)?.[1] ?? (words.includes('end of JSON') ? text.length : 0)
    // The words go on with a piece of the body, which is not for an error to repeat.
    throw badJson(Number(position), words.replace(/(, (\.\.\.)?"| in JSON at position).*$/s, ''))
  }
}

const bodyFields = (bytes: Uint8Array, needed: boolean): Readonly<Record<string, unknown>> => {
  const body = parseBody(bytes) ?? null
  if (body === null && !needed) return {}
  if (body === null) throw new HttpError(422, [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }])
  if (typeof body === 'object' && !Array.isArray(body)) return body as Readonly<Record<string, unknown>>
  const msg = 'Input should be a valid dictionary or object to extract fields from'
  throw new HttpError(422, [{ type: 'model_attributes_type', loc: ['body'], msg, input: echo(body) }])
}

/**
 * Gathers an input. The path wins over the body, the body over the query; where there is a body, the query fills in only
 * what is not required. Fields the contract does not know are left out. Throws what is to be answered when the request
 * cannot be read.
 */
export const decodeInput = (fields: Fields, { params, query, body, headers = {} }: Parts): Input => {
  const value: Record<string, unknown> = {}
  const sent: Record<string, unknown> = {}
  const origins = new Map<string, Origin>()
  const home: Origin = body === undefined ? 'query' : 'body'
  const put = (name: string, raw: unknown, origin: Origin): void => {
    const field = fields.get(name)
    if (field === undefined) return
    value[name] = typeof raw === 'string' ? coerce(field, raw) : raw
    sent[name] = raw
    origins.set(name, origin)
  }

  for (const [name, text] of Object.entries(headers)) put(name, text, 'header')
  if (query !== '') {
    for (const [name, text] of new URLSearchParams(query)) {
      if (body === undefined || fields.get(name)?.required === false) put(name, text, 'query')
    }
  }
  if (body !== undefined) {
    const needed = [...fields].some(([name, field]) => field.required && !Object.hasOwn(params, name))
    const given = bodyFields(body, needed)
    for (const name of fields.keys()) if (Object.hasOwn(given, name)) put(name, given[name], 'body')
  }
  for (const [name, text] of Object.entries(params)) put(name, decodeParam(name, text), 'path')
  return { value, sent, origins, home, fields }
}
