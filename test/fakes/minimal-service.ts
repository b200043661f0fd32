/**
 * A stand-in for any service: whatever it is asked, it answers with the least that the contract allows. Input is judged by the
 * contract, as everywhere. For tests of the edge, to which the meaning of an answer is nothing.
 */
import { z } from 'zod'
import type { MethodSpec, ServiceSpec } from '../../protocol/method.ts'

type Json = Readonly<Record<string, unknown>>

const UUID = '11111111-1111-4111-8111-111111111111'

const leastText = ({ format, minLength, enum: values }: Json): string => {
  if (Array.isArray(values)) return String(values[0])
  if (format === 'uuid') return UUID
  if (format === 'uri') return 'http://127.0.0.1/'
  return 'x'.repeat(typeof minLength === 'number' ? minLength : 0)
}

const least = (schema: Json): unknown => {
  if ('const' in schema) return schema.const
  for (const kind of ['anyOf', 'oneOf'] as const) if (Array.isArray(schema[kind])) return least(schema[kind][0] as Json)
  if (Array.isArray(schema.enum)) return schema.enum[0]
  switch (schema.type) {
    case 'object': {
      const required = (schema.required ?? []) as readonly string[]
      const properties = (schema.properties ?? {}) as Readonly<Record<string, Json>>
      return Object.fromEntries(required.map((name) => [name, least(properties[name] ?? {})]))
    }
    case 'array':
      return Array.from({ length: Number(schema.minItems ?? 0) }, () => least((schema.items ?? {}) as Json))
    case 'string':
      // Bytes travel as such.
      return schema.contentEncoding === 'base64' ? new Uint8Array() : leastText(schema)
    case 'integer':
    case 'number':
      return Math.max(0, Number(schema.minimum ?? 0))
    case 'boolean':
      return false
    default:
      return null
  }
}

/** The least that an output may be. A schema that JSON cannot tell of (bytes) counts as null. */
export const leastOf = (schema: z.ZodType): unknown =>
  least(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any', reused: 'inline' }) as Json)

/** One handler for each method of a service. */
export const minimalHandlers = ({ methods }: ServiceSpec): Record<string, () => Promise<unknown>> =>
  Object.fromEntries(
    Object.entries(methods).map(([verb, method]: [string, MethodSpec]) => [verb, async () => leastOf(method.output)]),
  )
