/**
 * Serves a built dashboard as Vercel would: its files with the headers that `config.json` names, its functions below `/api`.
 * A process of its own, started with the folder as its argument, so that its environment is that of the functions.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface Route {
  readonly src?: string
  readonly headers?: Readonly<Record<string, string>>
}

const output = path.resolve(process.argv[2] ?? '')
const { routes } = JSON.parse(readFileSync(path.join(output, 'config.json'), 'utf8')) as { routes: Route[] }

const headersOf = (pathname: string): Record<string, string> =>
  Object.assign(
    {},
    ...routes.filter(({ src }) => src !== undefined && new RegExp(`^${src}$`).test(pathname)).map(({ headers }) => headers),
  )

const listeners = new Map<string, Promise<Listener>>()

const functionAt = (name: string): Promise<Listener> => {
  const folder = path.join(output, 'functions', 'api', `${name}.func`)
  const load = async (): Promise<Listener> => {
    const { handler } = JSON.parse(readFileSync(path.join(folder, '.vc-config.json'), 'utf8')) as { handler: string }
    const module = (await import(pathToFileURL(path.join(folder, handler)).href)) as { default: Listener }
    return module.default
  }
  const known = listeners.get(name) ?? load()
  listeners.set(name, known)
  return known
}

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { pathname } = new URL(request.url ?? '/', 'http://site')
  for (const [name, value] of Object.entries(headersOf(pathname))) response.setHeader(name, value)
  const api = /^\/api\/(\w+)$/.exec(pathname)?.[1]
  if (api === 'push' || api === 'metrics') return await (await functionAt(api))(request, response)
  const file = path.join(output, 'static', pathname === '/' ? 'index.html' : pathname)
  response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream')
  response.end(readFileSync(file))
}

const server = createServer((request, response) => {
  serve(request, response).catch(() => response.writeHead(404).end())
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
