/** Work that has to be written down: a full disk passes, and what was seen must not be dropped. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'

const RETRY_MS = 500

/** {@link untilWritten} for one log and one life. */
export type UntilWritten = <R>(what: string, fields: Readonly<Record<string, unknown>>, work: () => R | Promise<R>) => Promise<R>

/**
 * Does the work, and does it again until it goes through; the first try is made before this returns. The work must leave
 * nothing half done when it throws. @param what names it in the log: "the end of a turn" @param ending aborted when there is no
 * time left: then this throws what the last try has thrown, and the next life has to find out
 */
export const untilWritten = async <R>(
  log: Log,
  what: string,
  fields: Readonly<Record<string, unknown>>,
  work: () => R | Promise<R>,
  ending?: AbortSignal,
): Promise<R> => {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (ending?.aborted) throw error
      log.error({ err: error, ...fields }, `${what} could not be written; it is tried again`)
      await delay(RETRY_MS, undefined, { signal: ending }).catch(() => undefined)
      if (ending?.aborted) throw error
    }
  }
}
