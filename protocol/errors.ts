/**
 * The one error class and the one table of codes.
 *
 * A code states a condition that a caller may want to tell apart. Compare `error.code`, never the text and never
 * `instanceof` across a wire: an error that arrives over the wire is made anew from its code.
 */

/** When asking again makes sense: never; later (the condition passes); with a fresh look (somebody else changed it). */
export type Retry = 'never' | 'later' | 'after_reading'

interface Meaning {
  /** What the code states, for people. */
  readonly meaning: string
  /** The HTTP status the edge answers with. */
  readonly status: number
  readonly retry: Retry
}

/** Every code that may cross a boundary. Adding one is adding a row. */
export const ERRORS = {
  invalid_input: { meaning: 'The input does not fit the contract', status: 422, retry: 'never' },
  not_found: { meaning: 'There is no such thing', status: 404, retry: 'never' },
  conflict: { meaning: 'It collides with what is already there', status: 409, retry: 'after_reading' },
  unauthorized: { meaning: 'A token is needed and none, or a wrong one, was given', status: 401, retry: 'never' },
  forbidden: { meaning: 'The caller may not do this', status: 403, retry: 'never' },
  too_large: { meaning: 'The message is larger than the limit', status: 413, retry: 'never' },
  rate_limited: { meaning: 'Too many requests from this caller', status: 429, retry: 'later' },
  unknown_method: { meaning: 'The service does not know this method', status: 404, retry: 'never' },
  unavailable: { meaning: 'Nobody there: the service is not running or has just restarted', status: 503, retry: 'later' },
  timeout: { meaning: 'There, but silent: no answer within the deadline', status: 504, retry: 'later' },
  closing: { meaning: 'There, but shutting down: new work is refused', status: 503, retry: 'later' },
  cancelled: { meaning: 'The caller took the call back', status: 499, retry: 'never' },
  busy: { meaning: 'At work on something that must end first', status: 503, retry: 'later' },
  low_memory: { meaning: 'Too little free memory to start more work', status: 503, retry: 'later' },
  over_budget: {
    meaning: 'The spending limit of the day leaves nothing for work that nobody waits for',
    status: 402,
    retry: 'later',
  },
  low_disk: { meaning: 'Too little free disk to record more work', status: 507, retry: 'later' },
  gone: { meaning: 'It was there, and is no longer kept', status: 410, retry: 'never' },
  lagging: { meaning: 'The reader did not keep up; resume from the last event seen', status: 503, retry: 'later' },
  bad_output: { meaning: 'The service answered something that the contract does not allow', status: 500, retry: 'never' },
  internal: { meaning: 'Something that nobody foresaw; the log has the detail', status: 500, retry: 'later' },
} as const satisfies Record<string, Meaning>

/** One of the codes of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS

/** Whether a text is one of our codes (codes arrive as text over a wire). */
export const isErrorCode = (text: unknown): text is ErrorCode => typeof text === 'string' && Object.hasOwn(ERRORS, text)

/** The one error that crosses boundaries. `data` must survive JSON; `cause` stays in this process. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly data: unknown

  constructor(code: ErrorCode, message: string = ERRORS[code].meaning, options: { data?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.data = options.data
  }
}

/** What SQLite and file systems call a full disk. */
const DISK_FULL: ReadonlySet<unknown> = new Set(['SQLITE_FULL', 'ENOSPC', 'EDQUOT'])

/** Whether something could not be written since the disk is full. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && DISK_FULL.has((error as { readonly code?: unknown }).code)

/**
 * What of an error may leave a service. Declared codes pass with text and data, a full disk is `low_disk`; every other error
 * becomes `internal` without detail, so that no path, secret or stack leaves by accident.
 */
export const toPublicError = (error: unknown, declared: readonly ErrorCode[]): ServiceError => {
  if (error instanceof ServiceError && (ALWAYS_PUBLIC.has(error.code) || declared.includes(error.code))) return error
  if (isDiskFull(error))
    return new ServiceError('low_disk', 'The disk is full, so this could not be written down: make room and try again', {
      cause: error,
    })
  return new ServiceError('internal', ERRORS.internal.meaning, { cause: error })
}

/** Codes that any method may answer, whatever it declares: they come from the wire, the schema or the edge itself. */
export const ALWAYS_PUBLIC: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'invalid_input',
  'unknown_method',
  'unavailable',
  'timeout',
  'closing',
  'cancelled',
  'bad_output',
  'internal',
  'too_large',
  'low_disk',
])
