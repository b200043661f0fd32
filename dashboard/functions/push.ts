/**
 * `POST /api/push`: takes a payload from whoever knows the secret and writes it to the store (Vercel's Edge Config) through
 * Vercel's API. Looks at the secret first: strangers learn nothing about the payload's shape.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { ITEM_KEY, PAYLOAD_LIMIT_BYTES, Payload } from '../../protocol/dashboard.ts'
import { answer, firstWords } from './answer.ts'

export interface PushOptions {
  /** What the pusher must show. */
  readonly secret: string | undefined
  /** A token of a Vercel account that may write to the store. */
  readonly api_token: string | undefined
  /** The store: `ecfg_…`. */
  readonly store_id: string | undefined
  /** The team that owns the store, where it is not the account itself. */
  readonly team_id?: string | undefined
  /** `https://api.vercel.com` and `/v1/edge-config`, which is on its way to another name. */
  readonly api_base: string
  readonly api_path: string
  readonly timeout_ms?: number
}

const TIMEOUT_MS = 10_000

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Takes the same time for every wrong secret, however much of it is right and however long it is. */
const isSame = (given: string, secret: string): boolean => timingSafeEqual(digest(given), digest(secret))

const bearerOf = (request: Request): string => /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''

/** The body as text, or null where it is longer than a payload may be; what is longer is not read. */
const textOf = async (request: Request): Promise<string | null> => {
  if (Number(request.headers.get('content-length') ?? 0) > PAYLOAD_LIMIT_BYTES) return null
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength
    if (bytes > PAYLOAD_LIMIT_BYTES) return null
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

const refuse = (status: number, error: string, detail?: string, headers?: Readonly<Record<string, string>>): Response =>
  answer(status, { ok: false, error, ...(detail === undefined ? {} : { detail }) }, headers)

const parsePayload = (text: string): { payload: Payload } | { problem: string } => {
  try {
    const parsed = Payload.safeParse(JSON.parse(text))
    return parsed.success ? { payload: parsed.data } : { problem: z.prettifyError(parsed.error).slice(0, 500) }
  } catch {
    return { problem: 'it is no JSON' }
  }
}

/** What Vercel's refusals mean for the owner of the page. */
const MEANINGS: Readonly<Record<number, string>> = {
  401: 'VERCEL_API_TOKEN is wrong',
  402: 'the writes of the plan are used up',
  // Vercel's answer to an expired token, too.
  403: 'VERCEL_API_TOKEN has expired (npx switchboard refresh-vercel-token), or may not write to this store (VERCEL_TEAM_ID)',
  404: 'there is no such store; look at EDGE_CONFIG',
  413: 'the store is full',
}

/** The handler of `POST /api/push`. It answers 200 `{"ok":true}` only when the store has taken the payload. */
export const createPush = (options: PushOptions) => {
  const { secret, api_token, store_id, team_id, api_base, api_path, timeout_ms = TIMEOUT_MS } = options

  const write = async (payload: Payload): Promise<Response> => {
    const query = team_id === undefined ? '' : `?teamId=${encodeURIComponent(team_id)}`
    return await fetch(`${api_base}${api_path}/${store_id}/items${query}`, {
      method: 'PATCH',
      redirect: 'error',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${api_token}` },
      body: JSON.stringify({ items: [{ operation: 'upsert', key: ITEM_KEY, value: payload }] }),
      signal: AbortSignal.timeout(timeout_ms),
    })
  }

  return async (request: Request): Promise<Response> => {
    if (request.method !== 'POST') return refuse(405, 'method not allowed', undefined, { allow: 'POST' })
    if (!secret) return refuse(500, 'server misconfigured', 'METRICS_SECRET is not set in the Vercel project')
    if (!isSame(bearerOf(request), secret)) return refuse(401, 'unauthorized', undefined, { 'www-authenticate': 'Bearer' })
    if (!api_token) return refuse(500, 'missing VERCEL_API_TOKEN', 'set it in the Vercel project')
    if (!store_id) return refuse(500, 'missing EDGE_CONFIG', 'connect an Edge Config to the Vercel project')
    const text = await textOf(request)
    if (text === null) return refuse(413, 'payload too large', `${PAYLOAD_LIMIT_BYTES} bytes are allowed`)
    const parsed = parsePayload(text)
    if ('problem' in parsed) return refuse(400, 'invalid payload', parsed.problem)

    let response: Response
    try {
      response = await write(parsed.payload)
    } catch (error) {
      const late = (error as Error).name === 'TimeoutError'
      return refuse(502, 'edge config: unreachable', late ? `no answer within ${timeout_ms / 1_000} s` : 'no connection')
    }
    if (response.ok) {
      await response.body?.cancel()
      return answer(200, { ok: true })
    }
    const words = await firstWords(response)
    const detail = [MEANINGS[response.status], words].filter(Boolean).join('; ')
    const wait = response.headers.get('retry-after')
    if (response.status === 429) return refuse(429, 'edge config: 429', detail, wait === null ? {} : { 'retry-after': wait })
    return refuse(502, `edge config: ${response.status}`, detail)
  }
}
