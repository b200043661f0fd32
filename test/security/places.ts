/** Where a name can stand: in the path, the query or the body of a route, in the params of a WebSocket call, in a tool's arguments. */
import { type Field, fieldsOf } from '../../gateway-edge/http/input.ts'
import { splitRoute } from '../../gateway-edge/http/routes.ts'
import { type Row, table } from '../../protocol/contract.ts'
import { type Asked, exampleOf, namesIn, requestOf } from './doors.ts'

/** What is said and not meant as a name: any text is right there. */
const FREE_TEXT = new Set(['message', 'content', 'command', 'lines', 'bot_token', 'decision'])

const isName = (name: string, { kind, values }: Field): boolean =>
  !FREE_TEXT.has(name) && ((kind === 'string' && values === undefined) || (kind === 'number' && /_id$|^before|^after/.test(name)))

/** A field that names something. */
export interface Place {
  readonly row: Row
  readonly field: string
  readonly isNumber: boolean
}

export const places = (): Place[] =>
  table.flatMap((row) =>
    [...fieldsOf(row)]
      .filter(([name, field]) => isName(name, field))
      .map(([field, { kind }]) => ({ row, field, isNumber: kind === 'number' })),
  )

const DIGITS = /^[+-]?\d+(\.\d+)?$/

/** Whether the contract itself refuses the value; `read`: as from a path or a query, where a number is a text. */
export const isRefused = ({ row, field, isNumber }: Place, value: string, read: boolean): boolean => {
  const meant = isNumber && read && DIGITS.test(value.trim()) ? Number(value) : value
  return !row.input.safeParse({ ...exampleOf(row), [field]: meant }).success
}

export interface Call extends Asked {
  readonly route: string
  readonly refused: boolean
}

/** Whether a URL can carry it so that it arrives as it was sent. */
const isWritable = (value: string): boolean => value.isWellFormed()

/** Every request that has the value in the field's place. */
export const callsOf = (place: Place, value: string): Call[] =>
  (place.row.http ?? []).flatMap(({ route }): Call[] => {
    const { row, field } = place
    const [method, pattern] = splitRoute(route)
    const values = { ...exampleOf(row, namesIn(pattern)), [field]: value }
    const inUrl = method === 'GET' || namesIn(pattern).includes(field)
    // Nothing, or dots alone, is another path.
    if (inUrl && (!isWritable(value) || (namesIn(pattern).includes(field) && ['', '.', '..'].includes(value)))) return []
    return [{ route, ...requestOf(route, values), refused: isRefused(place, value, true) }]
  })

/** What a WebSocket call or a tool is given. */
export const paramsOf = ({ row, field }: Place, value: string): Record<string, unknown> => ({ ...exampleOf(row), [field]: value })
