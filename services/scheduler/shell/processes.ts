/**
 * The processes of a run. On Linux each carries the run's nonce in its environment, also those that have left the process
 * group; elsewhere environments cannot be read, and the descendants of the command are taken. Nothing else is signalled.
 */
import { readdirSync } from 'node:fs'
import { descendantsOf, isLinux, ps, readProc } from '../../runtime/process.ts'

/** Carries the nonce to all that a command starts; `runner:<nonce>` marks the runner and its readers. */
export const RUN_VARIABLE = 'SWITCHBOARD_RUN'

export const runnerMark = (nonce: string): string => `runner:${nonce}`

/** A zombie counts as dead. */
const isZombie = (pid: number): boolean => / [ZX] /.test(readProc(pid, 'stat')?.split(')').pop()?.slice(0, 3) ?? '')

const carries = (pid: number, mark: string): boolean =>
  `\0${readProc(pid, 'environ') ?? ''}`.includes(`\0${RUN_VARIABLE}=${mark}\0`) && !isZombie(pid)

/** Whether this process is the runner of the folder. */
export const isRunner = (pid: number, nonce: string, folder: string): boolean =>
  isLinux ? carries(pid, runnerMark(nonce)) : ps('-p', String(pid), '-o', 'command=').includes(folder)

/** The live processes of a run. @param root the command's own pid, where it is known */
export const processesOf = (nonce: string, root: number | null): number[] => {
  if (isLinux)
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => carries(pid, nonce))
  if (root === null || ps('-p', String(root), '-o', 'stat=').replace(/^Z.*/, '') === '') return []
  return descendantsOf(root)
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
