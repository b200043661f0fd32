/** The edge's description of itself, and whether real answers keep to it. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { type Document, type Operation, type Response, resolve, type Schema } from '../../gateway-edge/http/openapi-document.ts'
import type { Answer, House } from './house.ts'

/** A validator of JSON Schema that is not ours: the one with which the validator of OpenAPI documents works. */
interface Ajv {
  addFormat(name: string, format: true | RegExp): void
  compile(schema: object): ((value: unknown) => boolean) & { readonly errors?: readonly object[] | null }
}
const requireBeside = createRequire(createRequire(import.meta.url).resolve('@seriousme/openapi-schema-validator'))
const { Ajv2020 } = requireBeside('ajv/dist/2020.js') as { Ajv2020: new (options: object) => Ajv }

const MAPS = new Set(['properties', 'schemas'])

/** The same schemas without room for fields that are not described. */
const closed = (node: unknown, keyword = ''): unknown => {
  if (Array.isArray(node)) return node.map((item) => closed(item))
  if (typeof node !== 'object' || node === null) return node
  const copy = Object.fromEntries(
    Object.entries(node).map(([name, value]) => [name, closed(value, MAPS.has(keyword) ? '' : name)]),
  )
  return !MAPS.has(keyword) && 'properties' in copy ? { additionalProperties: false, ...copy } : copy
}

export interface Described {
  readonly document: Document
  /** Every operation with its route as the contract writes it. */
  readonly operations: readonly (readonly [route: string, operation: Operation])[]
  /** Which described successes were seen, as `GET /health 200`. */
  readonly seen: ReadonlySet<string>
  /** Fails unless the answer is one that is described for the route, in status, content type, headers and body. */
  check(route: string, answer: Answer): void
}

/** Every `data:` line of a stream. */
export const dataOf = (text: string): unknown[] =>
  text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []))

/** Asks an edge to describe itself. */
export const describedBy = async (house: House): Promise<Described> => {
  const document = (await house.get('/openapi.json')).json as Document
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  const seen = new Set<string>()

  const fits = (schema: Schema, value: unknown, words: string): void => {
    const components = closed(document.components.schemas, 'schemas')
    const validate = ajv.compile({ ...(closed(schema) as object), components: { schemas: components } })
    assert.ok(validate(value), `${words}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value)?.slice(0, 300)}`)
  }

  const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => [`${verb.toUpperCase()} ${path}`, operation] as const),
  )

  return {
    document,
    operations,
    seen,
    check: (route, answer) => {
      const operation = new Map<string, Operation>(operations).get(route)
      assert.ok(operation, `${route} is described`)
      const words = `${route} ${answer.status}`
      const response: Response | undefined =
        operation.responses[answer.status] && resolve(document, operation.responses[answer.status] as Response)
      assert.ok(response, `${words} is described`)
      for (const header of Object.keys(response.headers ?? {})) assert.ok(answer.headers.get(header), `${words} has ${header}`)
      seen.add(words)
      const [entry] = Object.entries(response.content ?? {})
      if (entry === undefined) return assert.equal(answer.text, '', words)
      const [type, { schema }] = entry
      assert.equal(answer.headers.get('content-type')?.split(';')[0], type.split(';')[0], words)
      if (type === 'application/json') fits(schema, answer.json, words)
      if (type === 'text/event-stream') fits(schema.contentSchema as Schema, dataOf(answer.text), words)
    },
  }
}
