/** What the system tells of processes: `/proc` on Linux, `ps` elsewhere. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export const isLinux = process.platform === 'linux'

/** A file of `/proc/<pid>`; null where the process is gone or not ours to read: both mean that nothing may be concluded. */
export const readProc = (pid: number, file: string): string | null => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    // Gone, or not ours to read.
    return null
  }
}

/** What `ps` prints; empty when no process matches. */
export const ps = (...args: string[]): string => {
  try {
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    // ps exits 1 when no process matches.
    return ''
  }
}

/** Whether a process with this pid exists (also when it is not ours to signal). */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

let knownBootId: string | undefined

/** Names the present life of the machine: another value means that no process of before is alive. */
export const bootId = (): string => {
  knownBootId ??= isLinux
    ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
  return knownBootId
}

/** A process and all that descend from it, itself first, as `ps` sees them now. */
export const descendantsOf = (root: number): number[] => {
  const parents = ps('-axo', 'pid=,ppid=')
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const found = [root]
  for (const parent of found) for (const [pid, ppid] of parents) if (ppid === parent && !found.includes(pid)) found.push(pid)
  return found
}

/** Resident memory of a process in MB, or null where it cannot be told. */
export const residentMb = (pid: number): number | null => {
  const kb = isLinux ? /VmRSS:\s+(\d+)/.exec(readProc(pid, 'status') ?? '')?.[1] : ps('-p', String(pid), '-o', 'rss=')
  return kb === undefined || kb === '' ? null : Math.round(Number(kb) / 1_024)
}
