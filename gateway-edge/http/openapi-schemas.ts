/**
 * The contract's schemas as components of the description: every schema with a title is written once and referred to
 * from there on.
 */
import { z } from 'zod'
import type { Ref, Schema } from './openapi-document.ts'

/** Gathers components while a description is built. */
export interface Schemas {
  /** All components so far, by name. */
  readonly named: Readonly<Record<string, Schema>>
  /** What stands for a type: its schema, or a reference where it has a title. `input`: a field with a default may be left out. */
  of(type: z.ZodType, io: 'input' | 'output'): Schema
  /** Makes a schema a component, unless it is a reference already. */
  name(name: string, schema: Schema): Schema
}

/**
 * What says nothing that does not stand there already: bounds that `integer` has anyway, the pattern behind a format. An
 * object is left open, since one day it may have more fields.
 */
const isIdle = (schema: Schema, keyword: string, value: unknown): boolean =>
  (keyword === 'minimum' && value === Number.MIN_SAFE_INTEGER) ||
  (keyword === 'maximum' && value === Number.MAX_SAFE_INTEGER) ||
  (keyword === 'pattern' && schema.format !== undefined) ||
  (keyword === 'additionalProperties' && value === false)

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Keywords whose value is one schema, a list of them, or a map of them. */
const ONE = new Set(['items', 'additionalProperties', 'propertyNames', 'contentSchema'])
const LIST = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems'])
const MAP = new Set(['properties'])

export const createSchemas = (): Schemas => {
  const named: Record<string, Schema> = {}

  const refer = (name: string, schema: Schema): Ref => {
    const known = named[name]
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema))
      throw new Error(`Two different schemas are called ${name}`)
    named[name] = schema
    return { $ref: `#/components/schemas/${name}` }
  }

  const within = (keyword: string, value: unknown): unknown => {
    if (ONE.has(keyword) && isObject(value)) return lift(value)
    if (LIST.has(keyword) && Array.isArray(value)) return value.map((item: Schema) => lift(item))
    if (MAP.has(keyword) && isObject(value))
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, lift(item as Schema)]))
    return value
  }

  /** The schema with all that has a title taken out of it. */
  const lift = ({ $schema: _dialect, title, ...schema }: Schema): Schema => {
    const kept = Object.entries(schema).filter(([keyword, value]) => !isIdle(schema, keyword, value))
    const lifted = Object.fromEntries(kept.map(([keyword, value]) => [keyword, within(keyword, value)]))
    return typeof title === 'string' ? { ...refer(title, lifted) } : lifted
  }

  return {
    named,
    of: (type, io) => lift(z.toJSONSchema(type, { io, unrepresentable: 'any' }) as Schema),
    name: (name, schema) => ('$ref' in schema ? schema : { ...refer(name, schema) }),
  }
}
