/** Those who wait for a report to change. */
export class Watchers {
  readonly #waiting = new Map<string, Set<() => void>>()

  /** Resolves when it has changed, or after `ms`, or when the signal is aborted. */
  async changed(report_id: string, ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(report_id) ?? new Set()
      this.#waiting.set(report_id, waiting)
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        waiting.delete(done)
        if (waiting.size === 0) this.#waiting.delete(report_id)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done, { once: true })
      waiting.add(done)
    })
  }

  tell(report_id: string): void {
    for (const done of [...(this.#waiting.get(report_id) ?? [])]) done()
  }

  close(): void {
    for (const report_id of [...this.#waiting.keys()]) this.tell(report_id)
  }
}
