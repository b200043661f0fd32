/**
 * What of a request's head is judged before anybody sees it, the same in every adapter. Parsers differ in what they let
 * through; a header that may stand once and stands twice is two requests in one, and who reads the other one is misled.
 */
import { METHODS } from 'node:http'
import type { Exchange, Headers } from './server.ts'

/** The request line and all headers, in bytes. */
export const HEAD_MAX_BYTES = 32_768

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)

/** Headers that may stand once; each has its bit. */
const ONCE: ReadonlyMap<string, number> = new Map(
  [
    'host',
    'origin',
    'authorization',
    'content-length',
    'content-type',
    'transfer-encoding',
    'idempotency-key',
    'last-event-id',
    'upgrade',
    'sec-websocket-key',
    'sec-websocket-version',
  ].map((name, index) => [name, 1 << index]),
)

/** Calls `visit` with every header in turn, its name in lower case. */
export type EachHeader = (visit: (name: string, value: string) => void) => void

export interface Refusal {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

const refusal = (status: number, detail: string): Refusal => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ detail }),
})

/** What is answered to a head that nobody should read on; undefined for any other. */
export const judgeHead = (method: string, target: string, each: EachHeader): Refusal | undefined => {
  if (!KNOWN_METHODS.has(method)) return refusal(400, 'There is no such HTTP method')
  if (/[^\x21-\x7e]/.test(target)) return refusal(400, 'What is not ASCII must be percent-encoded in a path')
  let seen = 0
  let bytes = method.length + target.length + 12
  let twice = ''
  let length = true
  let coding = 'chunked'
  each((name, value) => {
    const bit = ONCE.get(name) ?? 0
    if ((seen & bit) !== 0) twice = name
    if (name === 'transfer-encoding') coding = value.trim().toLowerCase()
    seen |= bit
    if (name === 'content-length') length &&= /^\d{1,15}$/.test(value)
    bytes += name.length + value.length + 4
  })
  if (twice !== '') return refusal(400, `The header ${twice} stands there twice`)
  // uWebSockets.js takes any other coding for this one.
  if (coding !== 'chunked') return refusal(501, 'Only chunked is understood as a transfer encoding')
  if (!length) return refusal(400, 'The Content-Length is no number of bytes')
  if (bytes > HEAD_MAX_BYTES) return refusal(431, `The headers are larger than ${HEAD_MAX_BYTES} bytes`)
  return undefined
}

/** What is answered when handling a request threw. */
export const FAULT = refusal(500, 'Internal Server Error')

/** Whether a request asks to become a WebSocket, as RFC 6455 has it; any other is an ordinary one. */
export const asksForSocket = (exchange: Exchange, path: string): boolean =>
  exchange.method === 'GET' &&
  exchange.path === path &&
  exchange.header('upgrade').toLowerCase() === 'websocket' &&
  /\bupgrade\b/i.test(exchange.header('connection')) &&
  exchange.header('sec-websocket-version') === '13' &&
  /^[+/0-9A-Za-z]{22}==$/.test(exchange.header('sec-websocket-key'))
