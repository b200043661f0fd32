/**
 * The processes of a step. On Linux each carries the step's nonce in its environment, also those that have left the process
 * group; elsewhere environments cannot be read, and the descendants of the program are taken. Nothing else is signalled.
 */
import { readdirSync } from 'node:fs'
import { descendantsOf, isLinux, ps, readProc } from '../../runtime/process.ts'

/** Carries the nonce to all that a program starts; `runner:<nonce>` marks its runner. */
export const STEP_VARIABLE = 'SWITCHBOARD_REPORT'

export const runnerMark = (nonce: string): string => `runner:${nonce}`

/** A zombie counts as dead. */
const isZombie = (pid: number): boolean => / [ZX] /.test(readProc(pid, 'stat')?.split(')').pop()?.slice(0, 3) ?? '')

const carries = (pid: number, mark: string): boolean =>
  `\0${readProc(pid, 'environ') ?? ''}`.includes(`\0${STEP_VARIABLE}=${mark}\0`) && !isZombie(pid)

/** Whether this process is the runner of the folder. */
export const isRunner = (pid: number, nonce: string, folder: string): boolean =>
  isLinux ? carries(pid, runnerMark(nonce)) : ps('-p', String(pid), '-o', 'command=').includes(folder)

/** The live processes of a step. @param root the program's own pid, where it is known */
export const processesOf = (nonce: string, root: number | null): number[] => {
  if (isLinux)
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => carries(pid, nonce))
  if (root === null || ps('-p', String(root), '-o', 'stat=').replace(/^Z.*/, '') === '') return []
  return descendantsOf(root)
}

/** Resident memory of these together, in MB. */
export const residentMb = (pids: readonly number[]): number => {
  const kb = pids.map((pid) =>
    Number(isLinux ? (/VmRSS:\s+(\d+)/.exec(readProc(pid, 'status') ?? '')?.[1] ?? 0) : ps('-p', String(pid), '-o', 'rss=') || 0),
  )
  return Math.round(kb.reduce((sum, one) => sum + one, 0) / 1_024)
}

/** Ends processes that were found a moment ago. */
export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // Gone between the look and the signal.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
