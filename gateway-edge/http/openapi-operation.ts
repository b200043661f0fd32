/** One operation of the description: from a row of the contract and a path that shows it, or from a route of the edge. */
import { z } from 'zod'
import type { Row } from '../../protocol/contract.ts'
import type { HttpBinding } from '../../protocol/method.ts'
import { HEADER_FIELDS } from './input.ts'
import type { Operation, Parameter, Response, Schema } from './openapi-document.ts'
import { ErrorReply, type ErrorResponses } from './openapi-errors.ts'
import type { Schemas } from './openapi-schemas.ts'
import type { OwnSpec } from './own-routes.ts'
import { splitRoute } from './routes.ts'
import { EventLine, StreamLine } from './stream-lines.ts'

/** Where the parts of an operation that others share are gathered. */
export interface Gathered {
  readonly schemas: Schemas
  readonly errors: ErrorResponses
}

type Shape = NonNullable<HttpBinding['shape']>

interface ShapeWords {
  /** Behind the summary of the method. */
  readonly suffix: string
  readonly description?: string
  /** Fields of the input that HTTP does not take from a client. */
  readonly unseen: readonly string[]
}

const SHAPES: Readonly<Record<Shape, ShapeWords>> = {
  reply: { suffix: '', unseen: [] },
  await: {
    suffix: ', when its turn has ended',
    description: 'Answers 200 also when the turn failed: then `response` begins with `[ERROR]` or `[BUSY]`.',
    unseen: ['response'],
  },
  sse: {
    suffix: ', as it is written',
    description:
      'Answers with server-sent events. A client that goes away does not stop the turn: it resumes at `GET /api/gateway/turns/{turn_id}/events`.',
    unseen: ['response'],
  },
  events: {
    suffix: '',
    description:
      'Answers with server-sent events: what lies behind `Last-Event-ID`, then what happens, to the end of the turn. 204 when nothing lies behind it any more.',
    unseen: ['wait_ms', 'max_bytes'],
  },
  settle: { suffix: ', and wait until it has ended', unseen: ['wait_ms'] },
  file: { suffix: ', as a file', unseen: [] },
}

/** `sessions.list` → `SessionsList`, `get /api/health` → `GetApiHealth`. */
const pascal = (text: string): string =>
  text.replace(/(^|[^a-zA-Z0-9]+)([a-zA-Z0-9])?/g, (_all, _gap, letter: string | undefined) => letter?.toUpperCase() ?? '')

const JSON_TYPE = 'application/json'
const STREAM_TYPE = 'text/event-stream'

const jsonOf = (schema: Schema): Response['content'] => ({ [JSON_TYPE]: { schema } })

const AwaitReply = z
  .object({ response: z.string().describe('the answer'), session_key: z.string().describe('the chat_id') })
  .meta({ title: 'AwaitReply' })

const TURN_HEADER = { 'X-Turn-Id': { $ref: '#/components/headers/X-Turn-Id' } } as const

const streamOf = (line: Schema): Response => ({
  description: 'The stream: each `data:` line holds one value of the list; lines that begin with `:` are comments',
  headers: TURN_HEADER,
  content: {
    [STREAM_TYPE]: {
      schema: { type: 'string', contentMediaType: STREAM_TYPE, contentSchema: { type: 'array', items: line } },
    },
  },
})

const success = (row: Row, { shape = 'reply', status = 200 }: HttpBinding, { schemas }: Gathered): Record<string, Response> => {
  if (shape === 'file')
    return { 200: { description: 'The file', content: { [fileTypeOf(row)]: { schema: { type: 'string', format: 'binary' } } } } }
  if (shape === 'sse') return { 200: streamOf(schemas.of(StreamLine, 'output')) }
  if (shape === 'events') {
    const nothing = 'Nothing lies behind `Last-Event-ID`, and the turn has ended'
    return { 200: streamOf(schemas.of(EventLine, 'output')), 204: { description: nothing } }
  }
  if (shape === 'await')
    return { 200: { description: 'The answer', headers: TURN_HEADER, content: jsonOf(schemas.of(AwaitReply, 'output')) } }
  const reply = schemas.name(`${pascal(row.name)}Reply`, schemas.of(row.output, 'output'))
  return { [status]: { description: status === 201 ? 'Stored' : 'Done', content: jsonOf(reply) } }
}

/** The type of the content, which a method with the shape `file` declares as a literal. */
const fileTypeOf = ({ output }: Row): string =>
  (output as z.ZodObject<{ content_type: z.ZodLiteral<string> }>).shape.content_type.value

interface Fields {
  readonly properties: Readonly<Record<string, Schema>>
  readonly required: readonly string[]
}

const fieldsOf = (input: z.ZodType, { schemas }: Gathered, unseen: readonly string[] = []): Fields => {
  const { properties = {}, required = [] } = schemas.of(input, 'input') as Partial<Fields>
  const seen = Object.entries(properties).filter(([name]) => !unseen.includes(name))
  return { properties: Object.fromEntries(seen), required: required.filter((name) => !unseen.includes(name)) }
}

/** What a field is when it is not null, which no parameter can be. */
const present = (schema: Schema): Schema => {
  const { anyOf, type, ...rest } = schema as { readonly anyOf?: readonly Schema[]; readonly type?: unknown }
  const options = anyOf?.filter((option) => option.type !== 'null')
  if (options?.length === 1) return { ...rest, ...options[0] }
  return Array.isArray(type) ? { ...rest, type: type.find((name) => name !== 'null') } : schema
}

const parameter = (name: string, where: Parameter['in'], field: Schema, required: boolean): Parameter => {
  const { description, ...schema } = present(field)
  return { name, in: where, required, ...(typeof description === 'string' ? { description } : {}), schema }
}

const HEADER_NAMES = {
  idempotency_key: 'Idempotency-Key',
  after: 'Last-Event-ID',
  chain: 'X-Switchboard-Chain',
} as const satisfies Record<keyof typeof HEADER_FIELDS, string>

const isHeaderField = (name: string): name is keyof typeof HEADER_FIELDS => Object.hasOwn(HEADER_FIELDS, name)

const parametersOf = ({ properties, required }: Fields, inPath: readonly string[], hasBody: boolean): readonly Parameter[] =>
  Object.entries(properties).flatMap(([name, schema]) => {
    if (inPath.includes(name)) return [parameter(name, 'path', schema, true)]
    const header = isHeaderField(name) ? [parameter(HEADER_NAMES[name], 'header', schema, false)] : []
    return hasBody ? header : [...header, parameter(name, 'query', schema, required.includes(name))]
  })

const bodyOf = (
  name: string,
  { properties, required }: Fields,
  inPath: readonly string[],
  { schemas }: Gathered,
): Pick<Operation, 'requestBody'> => {
  const inBody = Object.fromEntries(Object.entries(properties).filter(([field]) => !inPath.includes(field)))
  const needed = required.filter((field) => !inPath.includes(field))
  if (Object.keys(inBody).length === 0) return {}
  const schema = { type: 'object', properties: inBody, ...(needed.length === 0 ? {} : { required: needed }) }
  return { requestBody: { required: needed.length > 0, content: { [JSON_TYPE]: { schema: schemas.name(name, schema) } } } }
}

/** A method has several paths where its answer has several shapes, or where what it is about has several names. */
const operationIdOf = (row: Row, binding: HttpBinding): string => {
  const name = row.name.replace('.', '_')
  if (binding.shape === 'sse') return `${name}_stream`
  const [first] = row.http ?? []
  return first === binding ? name : `${name}_of_${binding.route.split('/')[2]}`
}

/** A method of the contract on one of its paths. */
export const contractOperation = (row: Row, binding: HttpBinding, gathered: Gathered): Operation => {
  const [verb, path] = splitRoute(binding.route)
  const { suffix, description, unseen } = SHAPES[binding.shape ?? 'reply']
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const fields = fieldsOf(row.input, gathered, unseen)
  const hasBody = verb !== 'GET'
  const hasInput = hasBody || Object.keys(fields.properties).length > 0
  const parameters = parametersOf(fields, inPath, hasBody)
  return {
    operationId: operationIdOf(row, binding),
    summary: row.summary + suffix,
    ...(description === undefined ? {} : { description }),
    tags: [row.service],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(hasBody ? bodyOf(`${pascal(row.name)}Body`, fields, inPath, gathered) : {}),
    responses: {
      ...success(row, binding, gathered),
      ...gathered.errors.of({ called: true, hasInput, hasBody, declared: row.errors ?? [] }),
    },
  }
}

const ownSuccess = (name: string, [status, type]: [string, z.ZodType | string], { schemas }: Gathered): [string, Response] => {
  if (typeof type === 'string') return [status, { description: 'The page', content: { [type]: { schema: { type: 'string' } } } }]
  const schema = schemas.name(`${name}Reply`, schemas.of(type, 'output'))
  if (status === '200') return [status, { description: 'Done', content: jsonOf(schema) }]
  // The edge itself may be too busy to find out.
  const either = { anyOf: [schema, schemas.of(ErrorReply, 'output')] }
  return [status, { description: 'Not now', content: jsonOf(either) }]
}

/** A route of the edge. */
export const ownOperation = (route: string, spec: OwnSpec, gathered: Gathered): Operation => {
  const name = pascal(route.toLowerCase())
  const hasBody = spec.input !== undefined
  const answers = Object.entries(spec.answers).map((answer) => ownSuccess(name, answer, gathered))
  return {
    operationId: route.toLowerCase().replace(/[^a-z0-9]+/g, '_'),
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    tags: ['edge'],
    ...(spec.public === true ? { security: [] } : {}),
    ...(spec.input === undefined ? {} : bodyOf(`${name}Body`, fieldsOf(spec.input, gathered), [], gathered)),
    responses: {
      ...gathered.errors.of({ hasInput: hasBody, hasBody, public: spec.public === true, declared: spec.errors ?? [] }),
      ...Object.fromEntries(answers),
    },
  }
}
