/** What is done now and then. One clock for all of it: monotonic, so that no change of the time of day makes it late or hasty. */

export interface Chore {
  readonly every_ms: number
  /** @param elapsed_ms how long ago it was done before; at most five times `every_ms`, since a machine that slept did not run */
  readonly run: (elapsed_ms: number) => void
}

/** Begins to do the chores; each is first done after its time. One that throws (the disk is full) is told of, and done again when it is due. */
export const startUpkeep = (chores: readonly Chore[], onError: (error: unknown) => void): { stop(): void } => {
  const timers = chores.map(({ every_ms, run }) => {
    let last = performance.now()
    return setInterval(() => {
      const now = performance.now()
      const elapsed = Math.min(now - last, 5 * every_ms)
      last = now
      try {
        run(elapsed)
      } catch (error) {
        onError(error)
      }
    }, every_ms)
  })
  return {
    stop: () => {
      for (const timer of timers) clearInterval(timer)
    },
  }
}
