/**
 * Every way in, from the tables that the edge itself walks: the contract's routes, the edge's own, the panel's files, the MCP
 * server and the WebSocket. What each is given by way of example comes from the contract's schemas.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fieldsOf } from '../../gateway-edge/http/input.ts'
import { OWN_ROUTES, type OwnSpec } from '../../gateway-edge/http/own-routes.ts'
import { splitRoute } from '../../gateway-edge/http/routes.ts'
import { LIVE_PATH } from '../../gateway-edge/live/live.ts'
import { MCP_PATH } from '../../gateway-edge/mcp/mount.ts'
import { type Row, table } from '../../protocol/contract.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'

export interface Door {
  /** As the tables write it: `GET /api/cron/{job_id}`. */
  readonly route: string
  readonly method: string
  /** With an example for each `{name}`. */
  readonly path: string
  readonly kind: 'contract' | 'own' | 'panel' | 'mcp' | 'live'
  /** Whether it is opened to whoever shows no token. */
  readonly isPublic: boolean
  readonly body: string | undefined
}

const UUID = '3f0c7a52-9b1d-4c8e-a6f4-5d2e8b7c9a10'

/** Where the schema's own examples say nothing, or something that should not be done in earnest. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  session_id: 'gw-default-1',
  approval_id: '1-1',
  delivery_id: 'x',
  // Once in four years: nothing that is created here ever runs.
  cron_expression: '0 0 29 2 *',
  timezone: 'UTC',
  names: 'system.cpu_percent',
  command: 'true',
  lines: '',
}

interface Shape {
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly examples?: readonly unknown[]
}

/** The least that a method takes: its required fields, and those of `more`. */
export const exampleOf = (row: Row, more: readonly string[] = []): Record<string, unknown> => {
  const shapes = row.input.toJSONSchema({ io: 'input', unrepresentable: 'any' }).properties as Readonly<Record<string, Shape>>
  const wanted = [...fieldsOf(row)].filter(([name, { required }]) => required || more.includes(name))
  return Object.fromEntries(
    wanted.map(([name]) => {
      const { type, format, enum: values, examples = [] } = shapes[name] ?? {}
      const [example = format === 'uuid' ? UUID : type === 'string' ? 'x' : 1] = values ?? examples
      return [name, EXAMPLES[name] ?? example]
    }),
  )
}

/** The path of a route with these values in it. */
export const pathWith = (pattern: string, values: Readonly<Record<string, unknown>>): string =>
  pattern.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(String(values[name])))

export const namesIn = (pattern: string): string[] => [...pattern.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)

const queryOf = (values: Readonly<Record<string, unknown>>): string => {
  const text = new URLSearchParams(Object.entries(values).map(([name, one]): [string, string] => [name, String(one)])).toString()
  return text === '' ? '' : `?${text}`
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: string | undefined
}

/** The request by which a route is asked with these values: in its path, else in the body, or the query of what has none. */
export const requestOf = (route: string, values: Readonly<Record<string, unknown>>): Asked => {
  const [method, pattern] = splitRoute(route)
  const inPath = namesIn(pattern)
  const rest = Object.fromEntries(Object.entries(values).filter(([name]) => !inPath.includes(name)))
  const path = pathWith(pattern, values)
  return method === 'GET' ? { method, path: path + queryOf(rest), body: undefined } : { method, path, body: JSON.stringify(rest) }
}

const contractDoors = (): Door[] =>
  table.flatMap((row) =>
    (row.http ?? []).map(({ route }): Door => {
      const asked = requestOf(route, exampleOf(row, namesIn(route)))
      return { route, ...asked, kind: 'contract', isPublic: false }
    }),
  )

const ownDoors = (): Door[] =>
  Object.entries<OwnSpec>(OWN_ROUTES).map(([route, { public: isPublic = false, input }]) => {
    const [method, path] = splitRoute(route)
    const body = input === undefined ? undefined : '{"token":"no token at all"}'
    return { route, method, path, kind: 'own', isPublic, body }
  })

const panelDoors = (): Door[] => {
  const [asset = ''] = readdirSync(join(packageRoot(import.meta.url), 'dist/web/assets'))
  return ['/', `/assets/${asset}`].map((path) => {
    return { route: `GET ${path}`, method: 'GET', path, kind: 'panel', isPublic: true, body: undefined }
  })
}

const LIST_TOOLS = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

/** All doors there are. */
export const everyDoor = (): Door[] => [
  ...contractDoors(),
  ...ownDoors(),
  ...panelDoors(),
  { route: `POST ${MCP_PATH}`, method: 'POST', path: MCP_PATH, kind: 'mcp', isPublic: false, body: LIST_TOOLS },
  { route: `GET ${LIVE_PATH}`, method: 'GET', path: LIVE_PATH, kind: 'live', isPublic: false, body: undefined },
]

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
