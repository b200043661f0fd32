/**
 * The processes of a run. On Linux each carries the run's nonce in its environment, also those that have left the process
 * group; elsewhere environments cannot be read, and the descendants of the command are taken. Nothing else is signalled.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Carries the nonce to all that a command starts; `runner:<nonce>` marks the runner and its readers. */
export const RUN_VARIABLE = 'SWITCHBOARD_RUN'

export const runnerMark = (nonce: string): string => `runner:${nonce}`

const isLinux = process.platform === 'linux'

const readProc = (pid: number | string, file: string): string | null => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    // Gone, or not ours to read: both mean that it is none of ours.
    return null
  }
}

const ps = (...args: string[]): string => {
  try {
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    // ps exits 1 when no process matches.
    return ''
  }
}

let knownBootId: string | undefined

/** Names the present life of the machine: no process of another one is alive. */
export const bootId = (): string => {
  knownBootId ??= isLinux
    ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
  return knownBootId
}

/** A zombie counts as dead. */
const isZombie = (pid: number): boolean => / [ZX] /.test(readProc(pid, 'stat')?.split(')').pop()?.slice(0, 3) ?? '')

const carries = (pid: number, mark: string): boolean =>
  `\0${readProc(pid, 'environ') ?? ''}`.includes(`\0${RUN_VARIABLE}=${mark}\0`) && !isZombie(pid)

const descendantsOf = (root: number): number[] => {
  const parents = ps('-axo', 'pid=,ppid=')
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const found = [root]
  for (const parent of found) for (const [pid, ppid] of parents) if (ppid === parent && !found.includes(pid)) found.push(pid)
  return found
}

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
