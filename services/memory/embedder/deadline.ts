/** One signal from several and a time. `AbortSignal.any` on a signal that lives as long as the process keeps each of its children. */
import { ServiceError } from '../../../protocol/errors.ts'

/**
 * Runs the work with a signal that is aborted with any of the signals, for their reason, or with `timeout` when time is up, and
 * throws that then: work that cannot be broken off (a model that reads) goes on alone.
 */
export const withDeadline = async <T>(
  signals: readonly AbortSignal[],
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new ServiceError('timeout', `No answer within ${ms} ms`)), ms)
  const undo = signals.map((signal) => {
    const onAbort = (): void => controller.abort(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    return () => signal.removeEventListener('abort', onAbort)
  })
  try {
    controller.signal.throwIfAborted()
    const given_up = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true })
    })
    return await Promise.race([work(controller.signal), given_up])
  } finally {
    clearTimeout(timer)
    for (const each of undo) each()
  }
}
