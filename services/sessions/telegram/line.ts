/** One after the other, for one chat: does what is due, sleeps until the next is, and goes when nothing is left. */

/** A longer sleep is cut in two: timers know nothing of a clock that was set. */
const LONGEST_SLEEP_MS = 60_000

export interface LineOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Does one thing. Gives the moment at which to look again (0: at once), or null when nothing is left. */
  readonly serve: () => Promise<number | null>
  readonly onIdle: () => void
  /** Gives the moment at which to try again. */
  readonly onError: (error: unknown) => number
}

export class Line {
  readonly #o: LineOptions
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #again = false
  #stopped = false
  /** When it wakes by itself; infinite while it does not sleep. */
  dueAt = Number.POSITIVE_INFINITY

  constructor(options: LineOptions) {
    this.#o = options
  }

  /** Looks at once what is to be done. While something is being done it looks again afterwards. */
  wake(): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.dueAt = Number.POSITIVE_INFINITY
    if (this.#running === undefined) this.#running = this.#run()
    else this.#again = true
  }

  /** Resolves when what is being done is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #run(): Promise<void> {
    let lookAt: number | null = 0
    while (!this.#stopped) {
      this.#again = false
      try {
        lookAt = await this.#o.serve()
      } catch (error) {
        lookAt = this.#o.onError(error)
      }
      if (lookAt !== null && lookAt <= this.#o.now()) continue
      if (!this.#again) break
    }
    this.#running = undefined
    if (this.#stopped) return
    if (lookAt === null) this.#o.onIdle()
    else this.#sleep(lookAt)
  }

  #sleep(until: number): void {
    this.dueAt = until
    const ms = Math.min(LONGEST_SLEEP_MS, Math.max(1, until - this.#o.now()))
    this.#timer = setTimeout(() => this.wake(), ms)
  }
}
