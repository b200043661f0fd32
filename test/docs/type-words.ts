/** A type in words: from JSON Schema to what stands in a cell of a table. */
import type { Schema } from '../../gateway-edge/http/openapi-document.ts'

const link = (name: string): string => `[${name}](#${name.toLowerCase()})`

const boundsOf = ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string => {
  const from = minimum ?? (exclusiveMinimum === undefined ? undefined : `above ${exclusiveMinimum}`)
  const to = maximum ?? (exclusiveMaximum === undefined ? undefined : `below ${exclusiveMaximum}`)
  if (from === undefined && to === undefined) return ''
  if (from !== undefined && to !== undefined) return ` from ${from} to ${to}`
  return from === undefined ? `, at most ${to}` : `, ${typeof from === 'number' ? 'at least ' : ''}${from}`
}

const stringOf = ({ format, contentEncoding, minLength, maxLength, pattern }: Schema): string => {
  if (contentEncoding !== undefined) return `bytes (${contentEncoding})`
  const least = minLength === undefined ? '' : ', not empty'
  const size =
    maxLength === undefined ? least : `, ${minLength === undefined ? 'at most' : `${minLength} to`} ${maxLength} characters`
  return `${format === undefined ? 'string' : `string (${format})`}${size}${pattern === undefined ? '' : `, \`${pattern}\``}`
}

const objectOf = ({ properties = {}, required = [], additionalProperties }: Schema): string => {
  const names = Object.entries(properties as Record<string, Schema>)
  if (names.length === 0) {
    const values = typeof additionalProperties === 'object' ? ` of ${typeOf(additionalProperties as Schema)}` : ''
    return `object${values}`
  }
  const optional = (name: string): string => ((required as string[]).includes(name) ? '' : '?')
  return `{ ${names.map(([name, schema]) => `${name}${optional(name)}: ${typeOf(schema)}`).join(', ')} }`
}

/** A type as one line of Markdown. What has a name of its own is a link to it. */
export const typeOf = (schema: Schema): string => {
  const {
    $ref,
    const: only,
    enum: choices,
    anyOf,
    oneOf,
    type,
    items,
  } = schema as Schema & { type?: string | string[]; items?: Schema }
  if (typeof $ref === 'string') return link($ref.slice($ref.lastIndexOf('/') + 1))
  if (only !== undefined) return `\`${JSON.stringify(only)}\``
  if (Array.isArray(choices)) return choices.map((choice) => `\`${JSON.stringify(choice)}\``).join(', ')
  const either = (anyOf ?? oneOf) as Schema[] | undefined
  if (either !== undefined) return either.map(typeOf).join(' or ')
  if (Array.isArray(type)) return (type as string[]).map((each) => typeOf({ ...schema, type: each })).join(' or ')
  if (type === 'array') return `list of ${typeOf(items ?? {})}`
  if (type === 'object') return objectOf(schema)
  if (type === 'string') return stringOf(schema)
  if (type === 'integer') return `whole number${boundsOf(schema)}`
  if (type === 'number') return `number${boundsOf(schema)}`
  return type ?? 'anything'
}
