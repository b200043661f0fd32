/** Lets turns begin one after the other, so that there is traffic until the last kill. */
export class Gate {
  #open = 0
  #waiting: { readonly n: number; readonly go: () => void }[] = []

  /** How many turns may have begun. */
  get open(): number {
    return this.#open
  }

  /** Lets all turns with a number below `count` begin. */
  openUpTo(count: number): void {
    if (count <= this.#open) return
    this.#open = count
    const ready = this.#waiting.filter(({ n }) => n < count)
    this.#waiting = this.#waiting.filter(({ n }) => n >= count)
    for (const { go } of ready) go()
  }

  /** Resolves once this turn may begin. */
  passed(n: number): Promise<void> {
    if (n < this.#open) return Promise.resolve()
    return new Promise((go) => this.#waiting.push({ n, go }))
  }
}
