/** The description of everything that can be asked over HTTP, generated from the contract and the edge's own routes. */
import { contract, type ServiceName, table } from '../../protocol/contract.ts'
import type { ServiceSpec } from '../../protocol/method.ts'
import { COOKIE } from './logins.ts'
import type { Document, Operation } from './openapi-document.ts'
import { createErrorResponses } from './openapi-errors.ts'
import { contractOperation, type Gathered, ownOperation } from './openapi-operation.ts'
import { createSchemas } from './openapi-schemas.ts'
import { OWN_ROUTES } from './own-routes.ts'
import { splitRoute } from './routes.ts'

/** What the description takes from `package.json`. */
export interface Package {
  readonly version: string
  readonly description: string
}

const RULES = `JSON in, JSON out. Ids may hold letters, digits, \`_\`, \`-\` and \`.\`, at most 128 of them. Unknown fields are left out; what is \
not required may also stand in the query. A body has at most 32 MB unless set otherwise, and is JSON by its content type. An error is \`{"detail"}\` and has an \
\`X-Call-Id\`, under which the logs tell more. Where no token is set, none is needed, and requests from elsewhere than this machine are \
refused. The same methods are there as JSON-RPC 2.0 over WebSocket, at \`/ws\`.`

const HEADERS: Document['components']['headers'] = {
  'X-Turn-Id': { description: 'The turn that answers', schema: { type: 'string', format: 'uuid' } },
  'X-Call-Id': { description: 'Names the request in our logs', schema: { type: 'string', format: 'uuid' } },
}

/** The three ways to show the token. */
const SECURITY_SCHEMES: Document['components']['securitySchemes'] = {
  bearer: { type: 'http', scheme: 'bearer', description: 'The token' },
  basic: { type: 'http', scheme: 'basic', description: 'The token as password; the name does not matter' },
  cookie: { type: 'apiKey', in: 'cookie', name: COOKIE, description: 'What the panel got for the token' },
}

const pathsOf = (gathered: Gathered): Document['paths'] => {
  const paths: Record<string, Record<string, Operation>> = {}
  const put = (route: string, operation: Operation): void => {
    const [verb, path] = splitRoute(route)
    paths[path] = { ...paths[path], [verb.toLowerCase()]: operation }
  }
  for (const row of table) for (const binding of row.http ?? []) put(binding.route, contractOperation(row, binding, gathered))
  for (const [route, spec] of Object.entries(OWN_ROUTES)) put(route, ownOperation(route, spec, gathered))
  return paths
}

const tagOf = (name: ServiceName): { name: string; description?: string } => {
  const { summary }: ServiceSpec = contract[name]
  return summary === undefined ? { name } : { name, description: summary }
}

/** Generates the description. It names no host: it is for whoever asked, where they asked. */
export const createOpenApi = ({ version, description }: Package): Document => {
  const schemas = createSchemas()
  const errors = createErrorResponses(schemas)
  const paths = pathsOf({ schemas, errors })
  return {
    openapi: '3.1.0',
    info: {
      title: 'Switchboard',
      version,
      description: `${description}\n\n${RULES}`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{}, ...Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] }))],
    tags: [
      ...(Object.keys(contract) as ServiceName[]).map(tagOf),
      { name: 'edge', description: 'The way in: how it is doing, and what it describes itself as' },
    ],
    paths,
    components: { schemas: schemas.named, responses: errors.named, headers: HEADERS, securitySchemes: SECURITY_SCHEMES },
  }
}
