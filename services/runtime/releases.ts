/** What was opened and must be let go of, last opened first. */
import type { Log } from './log.ts'

export interface Releases {
  add(name: string, release: () => void | Promise<void>): void
  /** Lets go of everything, once. One that throws or hangs does not keep the others; false when there was such a one. */
  run(deadline_ms: number): Promise<boolean>
}

/** Whether the promise settles in time. Its failure is passed on. */
export const settledWithin = async (promise: Promise<unknown>, deadline_ms: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, deadline_ms, false)
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

export const createReleases = (log: Log): Releases => {
  const stack: { readonly name: string; readonly release: () => void | Promise<void> }[] = []
  return {
    add: (name, release) => void stack.push({ name, release }),
    run: async (deadline_ms) => {
      let allWell = true
      for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
        try {
          const inTime = await settledWithin(Promise.resolve(top.release()), deadline_ms)
          if (!inTime) log.error({ what: top.name }, 'Letting go of it took too long and was given up')
          allWell &&= inTime
        } catch (error) {
          allWell = false
          log.error({ err: error, what: top.name }, 'Letting go of it failed')
        }
      }
      return allWell
    },
  }
}
