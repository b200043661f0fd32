/** The schemas of a tool, made from those of its row. */
import type { Row } from '../protocol/contract.ts'
import { inputSchema, outputSchema } from '../protocol/json-schema.ts'
import { type Difference, NEVER_SHOWN } from './differences.ts'
import type { ObjectSchema } from './tool.ts'

/** A piece of JSON Schema, as far as it is looked into. */
interface Piece {
  readonly type?: string | readonly string[]
  readonly anyOf?: readonly Piece[]
  readonly properties?: Readonly<Record<string, Piece>>
  readonly required?: readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly [keyword: string]: unknown
}

const admitsNull = (piece: Piece): boolean =>
  piece.type === 'null' || piece.anyOf?.some(admitsNull) === true || (Array.isArray(piece.type) && piece.type.includes('null'))

/** The same, and null, which stands for absent: models and the predecessor's clients send it. */
const nullable = (piece: Piece): Piece => {
  if (admitsNull(piece)) return piece
  const { description, default: fallback, ...rest } = piece
  return {
    anyOf: [rest, { type: 'null' }],
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  }
}

const BOT_WORDS = { own: 'which bot; null: the one this server is set to (MCB_BOT_ID)', all: 'which bot; null: all of them' }

/** Whether a field is a text, or null. */
export const isText = (piece: object | undefined): boolean => {
  const { type, anyOf } = (piece ?? {}) as Piece
  return type === 'string' || anyOf?.every((option) => option.type === 'string' || option.type === 'null') === true
}

/** What a caller of the tool may give. */
export const toInputSchema = (row: Row, difference: Difference): ObjectSchema => {
  const { properties = {}, required = [] } = inputSchema(row) as Piece
  const names = new Map(Object.entries(difference.rename ?? {}).map(([shown, field]) => [field, shown]))
  const hidden = new Set([...NEVER_SHOWN, ...(difference.hide ?? [])])
  const shown: Record<string, object> = {}
  for (const [field, piece] of Object.entries(properties)) {
    if (hidden.has(field)) continue
    const name = names.get(field) ?? field
    const fallback = difference.defaults?.[name]
    if (field === 'bot_id' && difference.bot !== undefined) {
      const { default: _default, ...rest } = piece
      shown[name] = { ...nullable({ ...rest, description: BOT_WORDS[difference.bot] }), default: null }
    } else if (required.includes(field)) shown[name] = piece
    else if (fallback !== undefined) shown[name] = { ...piece, default: fallback }
    else shown[name] = piece.default === undefined ? { ...nullable(piece), default: null } : piece
  }
  const needed = required.map((field) => names.get(field) ?? field)
  return { type: 'object', properties: shown, ...(needed.length === 0 ? {} : { required: needed }) }
}

/** Without what would refuse a field that a newer service answers. */
const open = (piece: unknown): unknown => {
  if (Array.isArray(piece)) return piece.map(open)
  if (typeof piece !== 'object' || piece === null) return piece
  const entries = Object.entries(piece).filter(([keyword, value]) => !(keyword === 'additionalProperties' && value === false))
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, open(value)]))
}

/** What a caller of the tool gets as structured content: an object; a list or anything else is its `result`. */
export const toOutputSchema = (row: Pick<Row, 'output'>): ObjectSchema => {
  const { $schema: _dialect, ...piece } = open(outputSchema(row)) as Piece
  const isObject = piece.type === 'object' || (piece.anyOf?.length ?? 0) > 0
  return isObject
    ? ({ ...piece, type: 'object' } as ObjectSchema)
    : { type: 'object', properties: { result: piece }, required: ['result'] }
}
