/** Runs one of `programs/` as a process of its own and talks to it over its channel. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { packageRoot } from '../services/runtime/package-root.ts'
import type { Scope } from './scope.ts'

export interface BenchProgram {
  readonly pid: number
  /** The next thing it says. Rejects when it ends before. */
  next<T>(): Promise<T>
  close(): Promise<void>
}

/** @param name of the file without `-main.ts`; @param args its command line */
export const startProgram = (scope: Scope, name: string, args: readonly string[] = []): BenchProgram => {
  const child: ChildProcess = fork(join(packageRoot(import.meta.url), `dist/bench/programs/${name}-main.js`), args, {
    execArgv: [],
  })
  const said: unknown[] = []
  let wake: () => void = () => undefined
  let isOver = false
  child.on('message', (message) => {
    said.push(message)
    wake()
  })
  child.once('exit', () => {
    isOver = true
    wake()
  })
  const close = async (): Promise<void> => {
    if (isOver) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  scope.after(close)
  return {
    pid: child.pid ?? 0,
    next: async <T>() => {
      while (said.length === 0) {
        if (isOver) throw new Error(`${name} ended without a word`)
        await new Promise<void>((resolve) => (wake = resolve))
      }
      return said.shift() as T
    },
    close,
  }
}
