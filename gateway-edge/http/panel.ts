/**
 * The panel: the files that Vite made of `web/`, held in memory from the start. So no path of a request ever reaches the disk, and a build
 * beside a running edge does not mix two versions. They are public, since whoever logs in needs them first; they hold no secret.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Exchange, Headers } from '../server/server.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * What a browser may do with the page. No script but our files, none that stands in the page or is made of a text
 * (`trusted-types` names the two that may make markup: Lit's templates and the sanitizer), no picture from elsewhere that would tell
 * somebody what was read, and nobody's frame around it. A report's PDF is shown in a frame of ours.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "frame-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types lit-html dompurify',
].join('; ')

const ALWAYS: Headers = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'accept-encoding',
}

const PAGE: Headers = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  // The page names its assets by their hashes: it is asked for each time, they never again.
  'cache-control': 'no-cache',
}

const ASSET: Headers = { 'cache-control': 'public, max-age=31536000, immutable' }

interface Asset {
  readonly plain: Uint8Array
  readonly gzipped: Uint8Array
  readonly headers: Headers
}

export interface Panel {
  /** Whether this request is for a file of the panel. */
  has(visitor: Pick<Exchange, 'method' | 'path'>): boolean
  /** Answers what it has. */
  answer(exchange: Exchange): void
}

const readAsset = (file: string, headers: Headers): Asset => {
  const plain = readFileSync(file)
  const type = TYPES[path.extname(file)] ?? 'application/octet-stream'
  return { plain, gzipped: gzipSync(plain, { level: 9 }), headers: { ...ALWAYS, ...headers, 'content-type': type } }
}

/** Reads the built panel; undefined where there is none. Only kinds of files that the panel is made of are taken. */
export const readPanel = (folder: string): Panel | undefined => {
  const page = path.join(folder, 'index.html')
  if (!existsSync(page)) return undefined
  const assets = path.join(folder, 'assets')
  const files = new Map<string, Asset>([['/', readAsset(page, PAGE)]])
  for (const name of existsSync(assets) ? readdirSync(assets) : []) {
    if (TYPES[path.extname(name)] !== undefined) files.set(`/assets/${name}`, readAsset(path.join(assets, name), ASSET))
  }
  return {
    has: ({ method, path: wanted }) => (method === 'GET' || method === 'HEAD') && files.has(wanted),
    answer: (exchange) => {
      const { plain, gzipped, headers } = files.get(exchange.path) as Asset
      if (/\bgzip\b/.test(exchange.header('accept-encoding')))
        exchange.reply(200, { ...headers, 'content-encoding': 'gzip' }, gzipped)
      else exchange.reply(200, headers, plain)
    },
  }
}
