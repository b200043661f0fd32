/** Errors as clients of the predecessor know them: `{"detail": "<sentence>"}`, and for bad input a list of faults. */
import { ERRORS, ServiceError } from '../../protocol/errors.ts'
import type { InputIssue } from '../../protocol/validate.ts'
import type { Headers } from '../server/server.ts'
import type { Field, Input } from './input.ts'

/** One fault of an input. `loc` begins with `body`, `query`, `path` or `header`. */
export interface Fault {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
}

/** An answer that is not a success. */
export class HttpError extends Error {
  readonly status: number
  readonly detail: string | readonly Fault[]
  readonly headers: Headers

  constructor(status: number, detail: string | readonly Fault[], headers: Headers = {}, options?: ErrorOptions) {
    super(typeof detail === 'string' ? detail : detail.map((fault) => fault.msg).join('; '), options)
    this.status = status
    this.detail = detail
    this.headers = headers
  }
}

/** Longer values are cut in what is sent back: nobody needs 10,000 characters to see which value is meant. */
const ECHO_MAX = 200

/** A value as an error shows it. */
export const echo = (value: unknown, depth = 0): unknown => {
  if (typeof value === 'string') return value.length > ECHO_MAX ? `${value.slice(0, ECHO_MAX)}…` : value
  if (typeof value !== 'object' || value === null) return value ?? null
  if (depth > 1) return '…'
  if (Array.isArray(value)) return value.slice(0, 10).map((item) => echo(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 20)
      .map(([name, item]) => [name.slice(0, ECHO_MAX), echo(item, depth + 1)]),
  )
}

const quoted = (values: readonly unknown[]): string => {
  const names = values.map((value) => `'${String(value)}'`)
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

type Words = Pick<Fault, 'type' | 'msg' | 'ctx'>

const INTEGER = 'Input should be a valid integer'

const wrongType = (expected: string | undefined, value: unknown): Words => {
  if (expected === 'string') return { type: 'string_type', msg: 'Input should be a valid string' }
  if (expected === 'boolean' || expected === 'bool')
    return { type: 'bool_parsing', msg: 'Input should be a valid boolean, unable to interpret input' }
  if (expected === 'object')
    return { type: 'model_attributes_type', msg: 'Input should be a valid dictionary or object to extract fields from' }
  if (expected === 'array') return { type: 'list_type', msg: 'Input should be a valid list' }
  if (typeof value === 'string') return { type: 'int_parsing', msg: `${INTEGER}, unable to parse string as an integer` }
  if (typeof value === 'number') return { type: 'int_from_float', msg: `${INTEGER}, got a number with a fractional part` }
  return { type: 'int_type', msg: INTEGER }
}

const bound = (issue: InputIssue, field: Field | undefined, value: unknown): Words => {
  const small = issue.code === 'too_small'
  if (typeof value === 'string' && field?.kind === 'string') {
    const length = small ? field.minLength : field.maxLength
    const name = small ? 'min_length' : 'max_length'
    const characters = `${length} character${length === 1 ? '' : 's'}`
    return {
      type: small ? 'string_too_short' : 'string_too_long',
      msg: `String should have at ${small ? 'least' : 'most'} ${characters}`,
      ctx: { [name]: length },
    }
  }
  const limit = (small ? field?.minimum : field?.maximum) ?? (small ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER)
  return {
    type: small ? 'greater_than_equal' : 'less_than_equal',
    msg: `Input should be ${small ? 'greater' : 'less'} than or equal to ${limit}`,
    ctx: { [small ? 'ge' : 'le']: limit },
  }
}

const wordsFor = (issue: InputIssue, field: Field | undefined, value: unknown): Words => {
  switch (issue.code) {
    case 'missing':
      return { type: 'missing', msg: 'Field required' }
    case 'invalid_type':
      return wrongType(issue.expected, value)
    case 'too_small':
    case 'too_big':
      return bound(issue, field, value)
    case 'invalid_value': {
      const expected = quoted(field?.values ?? [])
      return { type: 'literal_error', msg: `Input should be ${expected}`, ctx: { expected } }
    }
    case 'invalid_format':
      return { type: 'string_pattern_mismatch', msg: `String ${issue.message}` }
    default:
      return { type: 'value_error', msg: `Value error, ${issue.message}`, ctx: { error: issue.message } }
  }
}

const at = (value: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown> | null | undefined)?.[key], value)

const toFault = (issue: InputIssue, input: Input): Fault => {
  const name = String(issue.path[0] ?? '')
  const value = at(input.sent, issue.path)
  const around = issue.code === 'missing' ? at(input.sent, issue.path.slice(0, -1)) : value
  return {
    ...wordsFor(issue, input.fields.get(name), value),
    loc: [input.origins.get(name) ?? input.home, ...issue.path],
    input: echo(around),
  }
}

const issuesOf = (error: ServiceError): readonly InputIssue[] =>
  (error.data as { readonly issues?: readonly InputIssue[] } | null | undefined)?.issues ?? []

/** What is answered to an error. Only a service's own words pass; anything else is `Internal Server Error`. */
export const toHttpError = (error: unknown, input?: Input): HttpError => {
  if (error instanceof HttpError) return error
  if (!(error instanceof ServiceError)) return new HttpError(500, 'Internal Server Error', {}, { cause: error })
  const issues = error.code === 'invalid_input' && input !== undefined ? issuesOf(error) : []
  // One value may break several rules of one field; the first says enough.
  const first = issues.filter((issue, index) => issues.findIndex((other) => other.path.join() === issue.path.join()) === index)
  if (input !== undefined && first.length > 0)
    return new HttpError(
      422,
      first.map((issue) => toFault(issue, input)),
      {},
      { cause: error },
    )
  return new HttpError(ERRORS[error.code].status, error.message, {}, { cause: error })
}
