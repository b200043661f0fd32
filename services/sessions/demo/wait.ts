/** The turn was interrupted. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** The longest delay a timer takes. */
const FOREVER_MS = 2 ** 31 - 1

/**
 * Waits, or throws `Interrupted` as soon as the signal says so. A plain timer: the one of `timers/promises` with a signal takes a
 * tenth of all that this program does for a word.
 */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Interrupted())
    const stop = () => {
      clearTimeout(timer)
      reject(new Interrupted())
    }
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', stop)
        resolve()
      },
      Math.min(ms, FOREVER_MS),
    )
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** Waits until interrupted. The timer keeps the process alive meanwhile. */
export async function waitForever(signal: AbortSignal): Promise<never> {
  for (;;) await wait(FOREVER_MS, signal)
}
