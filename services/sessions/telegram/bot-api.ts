/**
 * Calls of Telegram's Bot API. What matters about a failed call is whether the message may have arrived, and that is told apart
 * as sharply as can be: each call has a connection of its own, so that one which was never made proves that nothing arrived, while on
 * a connection kept open a lost request and a lost answer look alike.
 */
import { withSignals } from '../../runtime/deadline.ts'
import { takeLogin } from '../../runtime/login-url.ts'

/** What came of a call. No reason holds the token. */
export type Outcome =
  | { readonly kind: 'sent'; readonly message_id: number }
  /** Telegram answered, and did not take it. @property retry_after in seconds */
  | { readonly kind: 'refused'; readonly status: number; readonly description: string; readonly retry_after?: number }
  /** It is certain that nothing arrived. */
  | { readonly kind: 'not_sent'; readonly reason: string }
  /** It may have arrived. */
  | { readonly kind: 'ambiguous'; readonly reason: string }

export interface TextMessage {
  readonly chat_id: string
  readonly text: string
  /** Whether `text` is Telegram's HTML. */
  readonly html: boolean
}

export interface DocumentMessage {
  readonly chat_id: string
  readonly caption: string
  readonly filename: string
  readonly contents: string
}

export interface BotApiOptions {
  /** The address of Telegram's own server or of a local one; it may hold a name and a password. */
  readonly base: string
  /** How long a call may take, in milliseconds. The predecessor's value is the default. */
  readonly deadline_ms?: number
}

const DEADLINE_MS = 30_000
const MAX_DESCRIPTION_CHARS = 500

/** How a connection fails to come about, by Node's, undici's and OpenSSL's codes. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EHOSTDOWN',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

interface Failure {
  readonly name?: string
  readonly code?: string
  readonly syscall?: string
  readonly cause?: unknown
  readonly errors?: readonly unknown[]
}

/** The errors at the bottom: fetch wraps them, and where several addresses were tried there are several. */
const rootsOf = (error: unknown): Failure[] => {
  const failure = (error ?? {}) as Failure
  if (Array.isArray(failure.errors) && failure.errors.length > 0) return failure.errors.flatMap(rootsOf)
  return failure.cause === undefined ? [failure] : rootsOf(failure.cause)
}

const neverConnected = ({ code = '', syscall = '' }: Failure): boolean =>
  NEVER_CONNECTED.has(code) || syscall === 'connect' || syscall === 'getaddrinfo'

/** Only codes are told: the message of such an error may hold the URL, and with it the token. */
const codesOf = (roots: readonly Failure[]): string =>
  [...new Set(roots.map(({ code, name }) => code ?? name ?? 'unknown error'))].join(', ')

const isTimeout = (error: unknown): boolean => ['TimeoutError', 'AbortError'].includes((error as Failure | null)?.name ?? '')

interface Answer {
  readonly ok?: unknown
  readonly description?: unknown
  readonly parameters?: { readonly retry_after?: unknown } | null
  readonly result?: { readonly message_id?: unknown } | null
}

const parseAnswer = (body: string): Answer | null => {
  try {
    const answer = JSON.parse(body) as unknown
    return typeof answer === 'object' && answer !== null ? answer : null
  } catch {
    // A proxy's page, or an answer that broke off: the status says the rest.
    return null
  }
}

const retryAfterOf = (answer: Answer | null, header: string | null): number | undefined => {
  const told = answer?.parameters?.retry_after ?? (header === null ? undefined : Number(header))
  return typeof told === 'number' && Number.isFinite(told) && told >= 0 ? told : undefined
}

/** A gateway that gave up may have passed the request on before. */
const GATEWAY_FAILURES = [502, 504]

const toOutcome = (response: Response, body: string): Outcome => {
  const answer = parseAnswer(body)
  const { status } = response
  if (status === 200) {
    const message_id = answer?.result?.message_id
    if (answer?.ok === true && typeof message_id === 'number' && Number.isSafeInteger(message_id))
      return { kind: 'sent', message_id }
    if (answer?.ok !== false) return { kind: 'ambiguous', reason: 'the answer was 200 and could not be read' }
  }
  if (GATEWAY_FAILURES.includes(status)) return { kind: 'ambiguous', reason: `a gateway on the way answered ${status}` }
  const description = typeof answer?.description === 'string' ? answer.description : response.statusText || 'no description'
  const retry_after = retryAfterOf(answer, response.headers.get('retry-after'))
  return { kind: 'refused', status, description, ...(retry_after === undefined ? {} : { retry_after }) }
}

/** A Bot API server may repeat what it was asked. */
const withoutToken = (outcome: Outcome, token: string): Outcome => {
  if (outcome.kind !== 'refused') return outcome
  const description = outcome.description.replaceAll(token, '<token>').slice(0, MAX_DESCRIPTION_CHARS).toWellFormed()
  return { ...outcome, description }
}

export class BotApi {
  readonly #base: string
  readonly #deadlineMs: number

  constructor({ base, deadline_ms = DEADLINE_MS }: BotApiOptions) {
    this.#base = base
    this.#deadlineMs = deadline_ms
  }

  /** Sends a text. Never throws. @param signal gives up; the outcome is ambiguous then */
  async sendMessage(token: string, message: TextMessage, signal?: AbortSignal): Promise<Outcome> {
    const body = JSON.stringify({
      chat_id: message.chat_id,
      text: message.text,
      ...(message.html ? { parse_mode: 'HTML' } : {}),
      link_preview_options: { is_disabled: true },
    })
    return await this.#call(token, 'sendMessage', body, { 'content-type': 'application/json' }, signal)
  }

  /** Sends a file. Never throws. */
  async sendDocument(token: string, message: DocumentMessage, signal?: AbortSignal): Promise<Outcome> {
    const form = new FormData()
    form.set('chat_id', message.chat_id)
    form.set('caption', message.caption)
    form.set('document', new Blob([message.contents], { type: 'text/markdown; charset=utf-8' }), message.filename)
    return await this.#call(token, 'sendDocument', form, {}, signal)
  }

  async #call(
    token: string,
    method: string,
    body: string | FormData,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<Outcome> {
    const deadline = AbortSignal.timeout(this.#deadlineMs)
    try {
      const { address, headers: login } = takeLogin(this.#base)
      return await withSignals([deadline, signal], async (until) => {
        const response = await fetch(`${address}/bot${token}/${method}`, {
          method: 'POST',
          headers: { ...login, ...headers, connection: 'close' },
          body,
          // Another host must not be told the token.
          redirect: 'manual',
          signal: until,
        })
        return withoutToken(toOutcome(response, await response.text()), token)
      })
    } catch (error) {
      if (signal?.aborted) return { kind: 'ambiguous', reason: 'the service ended while the answer was awaited' }
      if (isTimeout(error)) return { kind: 'ambiguous', reason: `no answer within ${Math.round(this.#deadlineMs / 1_000)} s` }
      const roots = rootsOf(error)
      const codes = codesOf(roots)
      return roots.every(neverConnected)
        ? { kind: 'not_sent', reason: `no connection came about (${codes})` }
        : { kind: 'ambiguous', reason: `the connection broke before an answer came (${codes})` }
    }
  }
}
