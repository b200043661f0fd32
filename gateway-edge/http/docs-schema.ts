/** Schemas as compact tables of fields. */
import { type Html, html, type Part, prose } from './html.ts'
import { type Document, type Ref, resolve, type Schema } from './openapi-document.ts'

interface Known {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly const?: unknown
  readonly default?: unknown
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

/** Where a schema of this name is told of. */
export const schemaAnchor = (name: string): string => `schema-${name}`

const between = (parts: readonly Html[], glue: string): Part =>
  parts.map((part, index) => (index === 0 ? part : html`${glue}${part}`))

const literal = (value: unknown): Html => html`<code class="literal">${JSON.stringify(value)}</code>`

/** What a value is, in a few words. */
export const typeOf = (schema: Schema): Html => {
  const known: Known = schema
  if (known.$ref !== undefined) return html`<a href="#${schemaAnchor(nameOf(known.$ref))}">${nameOf(known.$ref)}</a>`
  if (known.const !== undefined) return literal(known.const)
  if (known.enum !== undefined) return html`${between(known.enum.map(literal), ' | ')}`
  const options = known.anyOf ?? known.oneOf
  if (options !== undefined) return html`${between(options.map(typeOf), ' | ')}`
  if (known.type === 'array') return html`list of ${known.items === undefined ? 'anything' : typeOf(known.items)}`
  if (known.format !== undefined) return html`${known.format}`
  const types = typeof known.type === 'string' ? [known.type] : known.type
  return html`${types?.join(' | ') ?? 'anything'}`
}

const range = (from: number | undefined, to: number | undefined, unit: string): string | undefined => {
  if (from === undefined && to === undefined) return undefined
  const number = (value: number): string => value.toLocaleString('en-GB')
  if (to === undefined) return `at least ${number(from ?? 0)}${unit}`
  return from === undefined ? `at most ${number(to)}${unit}` : `${number(from)} to ${number(to)}${unit}`
}

const limitsOf = (schema: Schema): Html | undefined => {
  const known: Known = schema
  const limits = [
    range(known.minLength, known.maxLength, ' characters'),
    range(known.minimum, known.maximum, ''),
    known.default === undefined ? undefined : html`default ${literal(known.default)}`,
  ].flatMap((limit) => (limit === undefined ? [] : [html`<span class="limit">${limit}</span>`]))
  return limits.length === 0 ? undefined : html`${between(limits, ' · ')}`
}

/** One line of a table of fields. */
export interface FieldRow {
  readonly name: string
  readonly required: boolean
  readonly schema: Schema
  readonly description?: string | undefined
  /** Where it is sent. */
  readonly place?: string
}

const rowOf = ({ name, required, schema, description, place }: FieldRow): Html => html`<tr>
<th scope="row"><code>${name}</code>${required ? undefined : html` <span class="optional">optional</span>`}</th>
<td class="type">${typeOf(schema)}${place === undefined ? undefined : html` <span class="limit">in ${place}</span>`}</td>
<td>${description === undefined ? undefined : html`${prose(description)} `}${limitsOf(schema)}</td>
</tr>`

/** Fields as a table; nothing where there are none. */
export const fieldTable = (rows: readonly FieldRow[]): Html | undefined =>
  rows.length === 0 ? undefined : html`<div class="wide"><table class="fields"><tbody>${rows.map(rowOf)}</tbody></table></div>`

const variantsTable = (variants: readonly Schema[]): Html => {
  const rows = variants.map((variant) => {
    const { properties = {}, description = '' }: Known = variant
    const { type, ...fields } = properties
    const rest = Object.entries(fields).map(
      ([name, field]) => html`<span class="pair"><code>${name}</code> ${typeOf(field)}</span>`,
    )
    return html`<tr><th scope="row">${typeOf(type ?? variant)}</th><td class="type">${rest}</td><td>${prose(description)}</td></tr>`
  })
  return html`<div class="wide"><table class="fields"><tbody>${rows}</tbody></table></div>`
}

/** The fields of an object, and below each those of an object that stands nowhere else. */
const fieldsOf = (schema: Known, prefix = ''): readonly FieldRow[] =>
  Object.entries(schema.properties ?? {}).flatMap(([field, value]) => {
    const name = prefix + field
    const known: Known = value
    const row = { name, required: schema.required?.includes(field) ?? false, schema: value, description: known.description }
    return [row, ...(known.type === 'array' && known.items ? fieldsOf(known.items, `${name}[].`) : fieldsOf(known, `${name}.`))]
  })

/** The fields of an object, of the objects in a list, or the variants that are told apart by their `type`. */
export const schemaTable = (document: Document, schema: Schema | Ref): Html | undefined => {
  const known: Known = resolve<Schema>(document, schema as Schema)
  if (known.type === 'array' && known.items !== undefined) return schemaTable(document, known.items)
  const variants = known.anyOf?.map((option) => resolve<Schema>(document, option))
  if (variants?.every((variant) => (variant as Known).properties?.type !== undefined)) return variantsTable(variants)
  return fieldTable(fieldsOf(known))
}

/** A value that fits, where the schema has examples or leaves little choice; `<name>` where it does not. */
export const sampleOf = (name: string, schema: Schema): unknown => {
  const known: Known & { readonly examples?: readonly unknown[] } = schema
  if (known.examples !== undefined) return known.examples[0]
  return known.const ?? known.default ?? known.enum?.[0] ?? (known.type === 'integer' ? (known.minimum ?? 1) : `<${name}>`)
}
