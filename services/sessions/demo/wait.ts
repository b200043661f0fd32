import { setTimeout as sleep } from 'node:timers/promises'

/** The turn was interrupted. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** The longest delay a timer takes. */
const FOREVER_MS = 2 ** 31 - 1

/** Waits, or throws `Interrupted` as soon as the signal says so. */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.min(ms, FOREVER_MS), undefined, { signal })
  } catch (error) {
    if (signal.aborted) throw new Interrupted()
    throw error
  }
}

/** Waits until interrupted. The timer keeps the process alive meanwhile. */
export async function waitForever(signal: AbortSignal): Promise<never> {
  for (;;) await wait(FOREVER_MS, signal)
}
