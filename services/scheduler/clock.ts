/** The time of day, which a test may set; and the tick that looks at it. */

export interface Clock {
  /** Milliseconds since 1970. It may be set, in either direction, at any time. */
  now(): number
}

/** How long a tick may be. No long timer: the machine may sleep, or its clock be set. */
const TICK_MS = 1_000

/** Timers may come a little early; a tick before the second would find nothing due and wait for the next. */
const BEHIND_MS = 1

/** Calls `tick` now and just behind every full second, the moments at which jobs come due. */
export const startTicking = (clock: Clock, tick: () => void): { stop(): void } => {
  let timer: NodeJS.Timeout | undefined
  const arm = (): void => {
    timer = setTimeout(
      () => {
        arm()
        tick()
      },
      TICK_MS - (clock.now() % TICK_MS) + BEHIND_MS,
    )
  }
  arm()
  tick()
  return { stop: () => clearTimeout(timer) }
}
