/** One push: the payload goes to the dashboard's `api/push`, and what came of it is said in words. Never throws. */

import { z } from 'zod'
import type { Payload } from '../../../protocol/dashboard.ts'
import { withSignals } from '../../runtime/deadline.ts'

const TIMEOUT_MS = 30_000
/** Of an answer that is no success. */
const MAX_ANSWER_BYTES = 16_384
const MAX_RETRY_AFTER_S = 6 * 3_600

/**
 * How a push went.
 * - `written`: whether the store was written to: `no` is certain, `maybe` is not;
 * - `cure`: `wait` passes by itself; `owner` needs somebody to change something.
 */
export type Posted =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly problem: string
      readonly written: 'no' | 'maybe'
      readonly cure: 'wait' | 'owner'
      /** How long the other side asks us to stay away. */
      readonly retry_after_ms: number | null
    }

export interface PostOptions {
  readonly url: string
  readonly secret: string
  readonly payload: Payload
  readonly signal?: AbortSignal
  readonly timeout_ms?: number
}

/** What the dashboard's functions say. Anything else comes from somebody who stands before them. */
const Answer = z.object({ ok: z.boolean(), error: z.string().optional(), detail: z.string().optional() })

const answerOf = async (response: Response): Promise<z.output<typeof Answer> | null> => {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength
    if (bytes > MAX_ANSWER_BYTES) return null
    pieces.push(piece)
  }
  try {
    return Answer.safeParse(JSON.parse(Buffer.concat(pieces).toString('utf8'))).data ?? null
  } catch {
    return null
  }
}

const retryAfter = (response: Response): number | null => {
  const text = response.headers.get('retry-after')
  if (text === null) return null
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), MAX_RETRY_AFTER_S) * 1_000 : null
}

/** What each refusal means and what to do about it; the text follows the host's name. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'does not understand the payload (400). Deploy the dashboard of this version: npm run dashboard:build',
  401: 'refuses the secret (401). METRICS_SECRET must be the same here and in the settings of the Vercel project',
  403: 'refuses us (403). Look whether a firewall or Deployment Protection stands before it',
  404: 'has nothing at this address (404). DASHBOARD_PUSH_URL must end in /api/push, and the dashboard must be deployed',
  405: 'takes no push at this address (405). DASHBOARD_PUSH_URL must end in /api/push',
  413: 'finds the payload too large (413). Deploy the dashboard of this version: npm run dashboard:build',
}

const PROTECTED =
  'asks for a login before our function is reached (401). Turn off Deployment Protection for production, or give the public address of the project'

const refusalOf = (response: Response, answer: z.output<typeof Answer> | null): Extract<Posted, { ok: false }> => {
  const { status } = response
  const said = [answer?.error, answer?.detail].filter(Boolean).join(': ').slice(0, 300)
  const retry_after_ms = retryAfter(response)
  const refused = (problem: string, cure: 'wait' | 'owner', written: 'no' | 'maybe' = 'no') =>
    ({ ok: false, problem, cure, written, retry_after_ms }) as const
  if (status >= 300 && status < 400)
    return refused(`leads elsewhere (${status}); give DASHBOARD_PUSH_URL the address where it ends`, 'owner')
  if (status === 401 && answer === null) return refused(PROTECTED, 'owner')
  if (status === 429) return refused(`asks for patience (429)${said === '' ? '' : `: ${said}`}`, 'wait')
  const known = REFUSALS[status]
  if (known !== undefined) return refused(said === '' ? known : `${known}. It said: ${said}`, 'owner')
  if (status >= 500 && answer !== null) {
    // Our function answered: its store refused, or it has not been set up. Only it can know whether the store took the write.
    const isSetUp = status !== 500
    return refused(`could not keep the payload (${status}): ${said}`, isSetUp ? 'wait' : 'owner', isSetUp ? 'maybe' : 'no')
  }
  if (status < 300) return refused(`answered ${status} and did not say that it kept the payload`, 'owner', 'maybe')
  return refused(`answered ${status}`, 'wait', status >= 500 ? 'maybe' : 'no')
}

/** Errors of a connection that was never there: nothing can have been written. */
const NOT_REACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

const codeOf = (error: unknown): string => {
  const cause = (error as { cause?: { code?: unknown; errors?: { code?: unknown }[] } }).cause
  const code = cause?.code ?? cause?.errors?.[0]?.code
  return typeof code === 'string' ? code : 'no reason given'
}

/** Posts once. No word of it holds the secret or more of the address than its host. */
export const postPayload = async ({ url, secret, payload, signal, timeout_ms = TIMEOUT_MS }: PostOptions): Promise<Posted> => {
  const { host } = new URL(url)
  const deadline = AbortSignal.timeout(timeout_ms)
  try {
    return await withSignals([signal, deadline], async (until) => {
      const response = await fetch(url, {
        method: 'POST',
        // A redirect could carry the secret to somebody else.
        redirect: 'manual',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify(payload),
        signal: until,
      })
      const answer = await answerOf(response)
      if (response.ok && answer?.ok === true) return { ok: true }
      const refusal = refusalOf(response, answer)
      return { ...refusal, problem: `${host} ${refusal.problem}` }
    })
  } catch (error) {
    const late = deadline.aborted
    const code = codeOf(error)
    const problem = late
      ? `${host} did not answer within ${timeout_ms / 1_000} s`
      : `${host} could not be reached (${code}). Look whether this machine is online and DASHBOARD_PUSH_URL is right`
    const written = !late && NOT_REACHED.has(code) ? 'no' : 'maybe'
    return { ok: false, problem, written, cure: 'wait', retry_after_ms: null }
  }
}
