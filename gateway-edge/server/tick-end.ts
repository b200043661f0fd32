/** Putting off until the end of the tick, and waiting for what was put off. Shared by the adapters. */

/** What is to be done at the end of the tick, in order. */
export class TickEnd {
  #tasks: (() => void)[] = []

  add(task: () => void): void {
    if (this.#tasks.push(task) === 1) setImmediate(() => this.run())
  }

  run(): void {
    const tasks = this.#tasks
    this.#tasks = []
    for (const task of tasks) task()
  }
}

export interface Waiting {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

export const createWaiting = (): Waiting => {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
