/**
 * The processes of a piece of work that outlives the service which began it. On Linux each carries the work's nonce in its
 * environment, also those that have left the process group; elsewhere environments cannot be read, and the descendants of the
 * program are taken. Nothing else is signalled.
 */
import { readdirSync } from 'node:fs'
import { descendantsOf, isLinux, ps, readProc } from './process.ts'

/** What the variable holds for a runner and its readers, in place of the nonce alone. */
export const runnerMark = (nonce: string): string => `runner:${nonce}`

/** A zombie counts as dead. */
const isZombie = (pid: number): boolean => / [ZX] /.test(readProc(pid, 'stat')?.split(')').pop()?.slice(0, 3) ?? '')

/** Looks for processes by the variable of the environment that carries the nonce. */
export const markedBy = (variable: string) => {
  const carries = (pid: number, mark: string): boolean =>
    `\0${readProc(pid, 'environ') ?? ''}`.includes(`\0${variable}=${mark}\0`) && !isZombie(pid)
  return {
    /** Whether this process is the runner of the folder. */
    isRunner: (pid: number, nonce: string, folder: string): boolean =>
      isLinux ? carries(pid, runnerMark(nonce)) : ps('-p', String(pid), '-o', 'command=').includes(folder),

    /** The live processes of a piece of work. @param root the program's own pid, where it is known */
    processesOf: (nonce: string, root: number | null): number[] => {
      if (isLinux)
        return readdirSync('/proc')
          .filter((name) => /^\d+$/.test(name))
          .map(Number)
          .filter((pid) => carries(pid, nonce))
      if (root === null || ps('-p', String(root), '-o', 'stat=').replace(/^Z.*/, '') === '') return []
      return descendantsOf(root)
    },
  }
}

/** Sends a signal to processes that were found a moment ago. */
export const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      // Gone between the look and the signal.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
