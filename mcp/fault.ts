/** What can go wrong between a tool and the HTTP API, and the sentence that tells a model what to do about it. */

/**
 * absent: nobody listens, so nothing arrived. broken: the connection ended before the answer did. timeout: no answer in time.
 * status: an answer that is not a success. garbage: an answer that cannot be read. refused: we did not even ask.
 */
export type FaultKind = 'absent' | 'broken' | 'timeout' | 'status' | 'garbage' | 'refused'

/** One fault of an input, as the API tells it. */
interface InputFault {
  readonly loc?: readonly (string | number)[]
  readonly msg?: string
}

export class BackendFault extends Error {
  override readonly name = 'BackendFault'
  readonly kind: FaultKind
  /** The HTTP status, where there was one. */
  readonly status: number
  /** Seconds after which the API wants to be asked again, where it said so. */
  readonly retry_after_s: number | undefined

  constructor(kind: FaultKind, message: string, options: { status?: number; retry_after_s?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.kind = kind
    this.status = options.status ?? 0
    this.retry_after_s = options.retry_after_s
  }

  /** Whether what was asked may have been done all the same. */
  get mayHaveArrived(): boolean {
    return this.kind !== 'absent' && this.kind !== 'refused' && this.status !== 429
  }
}

const DETAIL_MAX = 500

const toWords = (fault: InputFault): string => {
  const [, ...path] = fault.loc ?? []
  return `${path.join('.') || 'the input'}: ${fault.msg ?? 'does not fit'}`
}

/** The API's own words; of bad input, field by field, without the values. */
const detailOf = (body: string): string => {
  try {
    const { detail } = JSON.parse(body) as { detail?: unknown }
    if (Array.isArray(detail)) return (detail as InputFault[]).map(toWords).join('; ').slice(0, DETAIL_MAX)
    if (typeof detail === 'string') return detail.slice(0, DETAIL_MAX)
  } catch {
    return body.slice(0, DETAIL_MAX)
  }
  return body.slice(0, DETAIL_MAX)
}

/** What is not known of a call that fails. */
export interface Doubt {
  /** What tells whether it was done, where a new call would do it a second time; undefined where that does no harm. */
  readonly look?: string | undefined
  /** Whether it may have arrived before the attempt that failed. */
  readonly arrived: boolean
}

/** What to do next. `arrived`: whether the attempt that failed may have arrived. */
const next = (doubt: Doubt, arrived: boolean, otherwise: string): string =>
  doubt.look === undefined || !(arrived || doubt.arrived)
    ? otherwise
    : `Look whether it was done (${doubt.look}) before you call again.`

const later = (retry_after_s: number | undefined): string =>
  retry_after_s === undefined ? 'Try again in a few seconds.' : `Try again in ${retry_after_s} s.`

const adviceFor = (status: number, retry_after_s: number | undefined, doubt: Doubt): string => {
  switch (status) {
    case 401:
      return 'Set MCB_TOKEN in the configuration of this MCP server to the GATEWAY_TOKEN of Switchboard, and start the client anew.'
    case 409:
      return 'Look at what is there first, then decide.'
    case 413:
      return 'Send less at once.'
    case 422:
      return 'Correct that and call again.'
    case 429:
      // Refused at the door.
      return next(doubt, false, later(retry_after_s))
    case 502:
    case 503:
    case 504:
      // Also 503 is no proof: a service that dies in the middle of a call is as unavailable as one that never was there.
      return next(doubt, true, later(retry_after_s))
    case 507:
      return 'Free disk space on the machine of Switchboard, then try again.'
    default:
      return status >= 500 ? 'The log of Switchboard has the reason: npx switchboard logs.' : ''
  }
}

/** The fault of an answer that is not a success. */
export const toStatusFault = (status: number, body: string, retry_after: string | null, doubt: Doubt): BackendFault => {
  const retry_after_s = retry_after !== null && /^\d{1,6}$/.test(retry_after) ? Number(retry_after) : undefined
  const detail = detailOf(body).trim().replace(/\.$/, '')
  const words = [`HTTP ${status}: ${detail || 'no reason was given'}.`, adviceFor(status, retry_after_s, doubt)]
  return new BackendFault('status', words.join(' ').trim(), { status, ...(retry_after_s === undefined ? {} : { retry_after_s }) })
}

/** The fault of an API that nobody answers for. */
export const toAbsentFault = (api_base: string, doubt: Doubt, cause: unknown): BackendFault =>
  new BackendFault(
    'absent',
    `Cannot connect to Switchboard at ${api_base}: nothing answers there. Start it with "npm start" in its folder ("npx switchboard status" says what runs). ${next(doubt, false, 'Then call again.')} If it listens elsewhere, set MCB_API_BASE.`,
    { cause },
  )

/** The fault of an answer that did not come in time. `path` without its query, which may hold what is nobody's business. */
export const toTimeoutFault = (path: string, timeout_ms: number, setting: string, doubt: Doubt): BackendFault =>
  new BackendFault(
    'timeout',
    `Timed out: ${path} gave no answer within ${timeout_ms / 1_000} s (${setting}). ${next(doubt, true, 'Try again.')}`,
  )

/** The fault of a connection that ended before the answer did. */
export const toBrokenFault = (api_base: string, doubt: Doubt, cause: unknown): BackendFault =>
  new BackendFault(
    'broken',
    `The connection to Switchboard at ${api_base} broke off before the answer was there. ${next(doubt, true, 'Try again.')}`,
    { cause },
  )
