/** The log lines of what the guard refuses: the first ones, then a count, or any stranger could fill the disk. */
import type { WireLog } from '../../protocol/wire/log.ts'

/** Lines in a span, and how long a span is. */
const LINES_MAX = 10
const SPAN_MS = 10_000

export interface Refusals {
  /** Whether this one gets a line of its own; if not, it is counted, and the count is told with the next that does. */
  isWorthALine(): boolean
}

/** Builds the count. `now` is a clock in milliseconds. */
export const createRefusals = (log: WireLog, now: () => number = () => performance.now()): Refusals => {
  let began = now()
  let lines = 0
  let untold = 0
  return {
    isWorthALine: () => {
      if (now() - began >= SPAN_MS) {
        if (untold > 0) log.warn({ refused: untold }, 'More requests were refused than have lines here')
        began = now()
        lines = 0
        untold = 0
      }
      lines += 1
      if (lines > LINES_MAX) untold += 1
      return lines <= LINES_MAX
    },
  }
}
