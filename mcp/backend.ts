/**
 * The HTTP API as the tools ask it. What is asked twice without harm is asked again while the API is away, within the time
 * of the call; what is not is asked again only where the first time cannot have arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { BackendFault, type Doubt, toAbsentFault, toBrokenFault, toStatusFault, toTimeoutFault } from './fault.ts'

/** How long nobody listening counts as a restart: PM2 brings the edge back within one to three seconds. */
const ABSENT_MS = 5_000
const RETRY_MS = 250

/** A larger answer is of no use to a model, and would have to be held in memory several times over. */
const ANSWER_MAX_BYTES = 16 * 1_048_576

/** Nothing was sent yet when one of these happens. */
const UNSENT: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Statuses after which the same question may be answered. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504])

export interface Question {
  readonly method: string
  /** Behind the API's base: `/cron/7`. */
  readonly path: string
  readonly query?: URLSearchParams
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly timeout_ms: number
  /** The variable that sets `timeout_ms`; told when it has passed. */
  readonly setting?: string
  /** Whether asking twice is the same as asking once; with a key, only for the attempts of this one call. */
  readonly repeatable: boolean
  /** What to say where nobody knows whether it was done; absent where a new call does no harm. */
  readonly doubt?: Doubt
  readonly signal?: AbortSignal
}

export interface Backend {
  readonly api_base: string
  /** The JSON of the answer. Throws {@link BackendFault}, and the signal's reason once that is aborted. */
  ask(question: Question): Promise<unknown>
  /** The answer as soon as its head is there; the body is the caller's to read or to cancel. `ask`'s errors. */
  open(question: Question): Promise<Response>
}

export interface BackendOptions {
  readonly api_base: string
  /** Go with every request: whoever is let in shows something here. */
  readonly headers?: Readonly<Record<string, string>>
  /** How long nobody listening counts as a restart. */
  readonly absent_ms?: number
}

const codeOf = (error: unknown): unknown => {
  const cause = (error as { cause?: { code?: unknown; errors?: { code?: unknown }[] } } | undefined)?.cause
  // A name with two addresses fails with both reasons.
  return cause?.code ?? cause?.errors?.[0]?.code
}

const readText = async (response: Response): Promise<string> => {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.byteLength
    if (size > ANSWER_MAX_BYTES)
      throw new BackendFault('garbage', `The answer is larger than ${ANSWER_MAX_BYTES / 1_048_576} MB: ask for less at once.`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** A URL leaves out such parts of its path and what stands before them: something else would be asked than was meant. */
const DOTS = /\/\.{1,2}(?=\/|$)/

/** Builds the way to an API. */
export const createBackend = ({ api_base, headers = {}, absent_ms = ABSENT_MS }: BackendOptions): Backend => {
  const once = async <T>(
    question: Question,
    doubt: Doubt,
    left_ms: number,
    read: (response: Response) => Promise<T>,
  ): Promise<T> => {
    const { method, path, query, body, signal } = question
    const clock = new AbortController()
    const timer = setTimeout(() => clock.abort(), left_ms)
    const signals = signal === undefined ? [clock.signal] : [clock.signal, signal]
    try {
      const response = await fetch(`${api_base}${path}${query === undefined || query.size === 0 ? '' : `?${query}`}`, {
        method,
        // A redirect would carry the token to wherever it points.
        redirect: 'manual',
        headers: { ...headers, ...question.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any(signals),
      })
      if (!response.ok) throw toStatusFault(response.status, await readText(response), response.headers.get('retry-after'), doubt)
      return await read(response)
    } catch (error) {
      signal?.throwIfAborted()
      if (clock.signal.aborted)
        throw toTimeoutFault(`${method} ${path}`, question.timeout_ms, question.setting ?? 'MCB_MCP_TIMEOUT', doubt)
      if (error instanceof BackendFault) throw error
      const code = codeOf(error)
      if (UNSENT.has(code)) throw toAbsentFault(api_base, doubt, error)
      // Not the network: a port or a header that no client may use.
      if (code === undefined)
        throw new BackendFault('refused', `${api_base} cannot be asked: look at MCB_API_BASE and MCB_TOKEN.`, { cause: error })
      throw toBrokenFault(api_base, doubt, error)
    } finally {
      // A body that is still to be read has a clock of its own.
      clearTimeout(timer)
    }
  }

  /** How long to wait before asking again; undefined: not again. */
  const pause = (fault: unknown, repeatable: boolean, waited_ms: number): number | undefined => {
    if (!(fault instanceof BackendFault)) return undefined
    if (fault.kind === 'absent') return waited_ms < absent_ms ? RETRY_MS : undefined
    if (!repeatable) return undefined
    if (fault.kind === 'broken') return RETRY_MS
    if (fault.kind !== 'status' || !PASSING.has(fault.status)) return undefined
    if (fault.retry_after_s !== undefined) return fault.retry_after_s * 1_000
    return waited_ms < absent_ms ? 4 * RETRY_MS : undefined
  }

  const insist = async <T>(question: Question, read: (response: Response) => Promise<T>): Promise<T> => {
    if (DOTS.test(question.path))
      throw new BackendFault('refused', 'An id cannot be "." or "..": nothing was asked. Correct it and call again.')
    const began = performance.now()
    let doubt = question.doubt ?? { arrived: false }
    for (;;) {
      const waited = performance.now() - began
      try {
        return await once(question, doubt, Math.max(1, question.timeout_ms - waited), read)
      } catch (fault) {
        const waited_ms = performance.now() - began
        const pause_ms = pause(fault, question.repeatable, waited_ms)
        if (pause_ms === undefined || waited_ms + pause_ms >= question.timeout_ms) throw fault
        if ((fault as BackendFault).mayHaveArrived) doubt = { ...doubt, arrived: true }
        await sleep(pause_ms, undefined, question.signal === undefined ? {} : { signal: question.signal })
      }
    }
  }

  return {
    api_base,
    open: (question) => insist(question, async (response) => response),
    ask: (question) =>
      insist(question, async (response) => {
        const text = await readText(response)
        try {
          return JSON.parse(text) as unknown
        } catch (cause) {
          throw new BackendFault(
            'garbage',
            `What answers at ${api_base} is not Switchboard: its answer to ${question.method} ${question.path} is not JSON. Set MCB_API_BASE.`,
            { cause },
          )
        }
      }),
  }
}
