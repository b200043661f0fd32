/**
 * One signal from several, and from a time. `AbortSignal.any` on a signal that lives as long as the process keeps each of its
 * children: 1 KB for each that somebody listened to (Node.js 20).
 */
import { setMaxListeners } from 'node:events'
import { ServiceError } from '../../protocol/errors.ts'

/** What says that a part of the service closes: heard by as many as are at work, where Node.js takes eleven for a leak. */
export const createClosing = (): AbortController => {
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  return closing
}

/** Runs the work with a signal that is aborted with the first of the signals, for its reason, for as long as the work takes. */
export const withSignals = async <T>(
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController()
  const undo = signals.map((signal) => {
    const onAbort = (): void => controller.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    return () => signal?.removeEventListener('abort', onAbort)
  })
  try {
    return await work(controller.signal)
  } finally {
    for (const each of undo) each()
  }
}

/**
 * Runs the work with a signal that is aborted with any of the signals, for their reason, or with `timeout` when time is up, and
 * throws that then: work that cannot be broken off (a model that reads) goes on alone.
 */
export const withDeadline = async <T>(
  signals: readonly (AbortSignal | undefined)[],
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new ServiceError('timeout', `No answer within ${ms} ms`)), ms)
  try {
    return await withSignals([...signals, late.signal], async (signal) => {
      signal.throwIfAborted()
      const given_up = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      return await Promise.race([work(signal), given_up])
    })
  } finally {
    clearTimeout(timer)
  }
}
