/**
 * A stand-in of Vercel's Edge Config on 127.0.0.1: the read API that `@vercel/edge-config` speaks and the part of Vercel's REST
 * API that writes (docs of Vercel: `PATCH /v1/edge-config/{id}/items`, also as `/v1/global-config`).
 *
 * - Reading needs the read token (401 without it); a store that is there sets `x-edge-config-digest` on every answer, also on
 *   404 for a key that is not; a store that is not there is a 404 without it.
 * - Writing needs the API token (403 without it); all operations of a request are done or none; the whole store has 8 KB.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type StoreBehaviour =
  | 'ok'
  | 'hang'
  | 'reset'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }

export interface EdgeConfigFake {
  readonly url: string
  readonly id: string
  readonly read_token: string
  readonly api_token: string
  /** What `EDGE_CONFIG` holds. */
  readonly connection: string
  readonly items: Map<string, unknown>
  /** Requests to write, whatever became of them. */
  readonly writes: { readonly body: string; readonly path: string; readonly team_id: string | null }[]
  /** Requests to read, by their path. */
  readonly reads: string[]
  reading: StoreBehaviour
  writing: StoreBehaviour
  close(): Promise<void>
}

const LIMIT_BYTES = 8_192
const KEY = /^[\w-]{1,256}$/

interface Operation {
  readonly operation: string
  readonly key: string
  readonly value?: unknown
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}

const json = (response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(value))
}

const failure = (code: string, message: string) => ({ error: { code, message } })

const bytesOf = (items: ReadonlyMap<string, unknown>): number => Buffer.byteLength(JSON.stringify(Object.fromEntries(items)))

/** The items as they are after all operations, or why none is done. */
const applied = (
  items: ReadonlyMap<string, unknown>,
  operations: readonly Operation[],
): Map<string, unknown> | [number, unknown] => {
  const next = new Map(items)
  for (const { operation, key, value } of operations) {
    if (!KEY.test(key)) return [400, failure('bad_request', `Invalid key ${key}`)]
    if (operation === 'create' && next.has(key)) return [409, failure('conflict', `Item ${key} exists`)]
    if (operation === 'update' && !next.has(key)) return [404, failure('not_found', `Item ${key} not found`)]
    if (!['create', 'update', 'upsert', 'delete'].includes(operation)) return [400, failure('bad_request', 'Invalid operation')]
    if (operation === 'delete') next.delete(key)
    else next.set(key, value)
  }
  if (bytesOf(next) > LIMIT_BYTES) return [413, failure('edge_config_size_exceeded', 'The Edge Config exceeds its size limit')]
  return next
}

/** Whether the request was dealt with by the script. */
const behaves = (response: ServerResponse, behaviour: StoreBehaviour): boolean => {
  if (behaviour === 'ok') return false
  if (behaviour === 'hang') return true
  if (behaviour === 'reset') response.socket?.resetAndDestroy()
  else json(response, behaviour.status, behaviour.body ?? failure('error', `status ${behaviour.status}`), behaviour.headers)
  return true
}

/** Starts one with an empty store on a free port; to be closed by who started it. */
export const startEdgeConfig = async (): Promise<EdgeConfigFake> => {
  const [id, read_token, api_token] = ['ecfg_0test0store0', 'read-token-of-the-store', 'api-token-of-the-account']
  const items = new Map<string, unknown>()
  const writes: EdgeConfigFake['writes'] = []
  const reads: string[] = []
  const sockets = new Set<Socket>()

  const read = (request: IncomingMessage, response: ServerResponse, path: string, given: string): void => {
    reads.push(path)
    if (behaves(response, fake.reading)) return
    if (given !== read_token) return json(response, 401, failure('unauthorized', 'Unauthorized'))
    if (!path.startsWith(`/${id}/`)) return json(response, 404, failure('edge_config_not_found', 'Edge Config not found'))
    const text = JSON.stringify(Object.fromEntries(items))
    const headers = { 'x-edge-config-digest': createHash('sha256').update(text).digest('hex') }
    const key = /^\/[^/]+\/item\/([^/]+)$/.exec(path)?.[1]
    if (key === undefined && path.endsWith('/items')) return json(response, 200, Object.fromEntries(items), headers)
    if (key === undefined && path.endsWith('/digest')) return json(response, 200, headers['x-edge-config-digest'], headers)
    if (key === undefined || !items.has(key))
      return json(response, 404, failure('edge_config_item_not_found', 'No such item'), headers)
    if (request.method === 'HEAD') return void response.writeHead(200, headers).end()
    json(response, 200, items.get(key), headers)
  }

  const write = async (request: IncomingMessage, response: ServerResponse, url: URL, given: string): Promise<void> => {
    const [body, path] = [await bodyOf(request), url.pathname]
    writes.push({ body, path, team_id: url.searchParams.get('teamId') })
    if (behaves(response, fake.writing)) return
    if (given !== api_token) return json(response, 403, failure('forbidden', 'Not authorized'))
    if (/\/([^/]+)\/items$/.exec(path)?.[1] !== id)
      return json(response, 404, failure('not_found', 'The Edge Config was not found'))
    const next = applied(items, (JSON.parse(body) as { items: Operation[] }).items)
    if (Array.isArray(next)) return json(response, next[0], next[1])
    items.clear()
    for (const [key, value] of next) items.set(key, value)
    json(response, 200, { status: 'ok' })
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://store')
    const { pathname } = url
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (/^\/v1\/(edge|global)-config\//.test(pathname)) {
      if (request.method === 'PATCH') return await write(request, response, url, given)
      return json(response, 405, failure('method_not_allowed', 'Method not allowed'))
    }
    return read(request, response, pathname, given)
  }

  const server = createServer((request, response) => {
    // A caller that went away cannot be answered.
    serve(request, response).catch((error: Error) => response.destroy(error))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: EdgeConfigFake = {
    ...{ url: base, id, read_token, api_token, items, writes, reads },
    connection: `${base}/${id}?token=${read_token}`,
    reading: 'ok',
    writing: 'ok',
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return fake
}
