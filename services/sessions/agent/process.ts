/**
 * Who a process is, beyond its number. Numbers are given again; (boot id, pid, start time) is not, and the nonce in
 * the environment tells our own from strangers (invariant F: nothing that is not ours is ever signalled).
 */
import { readdirSync } from 'node:fs'
import { bootId, descendantsOf, isLinux, ps, readProc } from '../../runtime/process.ts'

/** The variable that carries an agent's nonce, inherited by everything the agent starts. */
export const NONCE_VARIABLE = 'SWITCHBOARD_AGENT'

export interface ProcessIdentity {
  readonly boot_id: string
  readonly pid: number
  /** Linux: clock ticks since boot; macOS: the start time as `ps` prints it. */
  readonly start: string
}

/** When a process began, as text to compare; null when it does not exist or is a zombie (which counts as dead). */
export const startOf = (pid: number): string | null => {
  if (isLinux) {
    // Fields behind the command name, which is in brackets and may itself hold spaces and brackets: proc(5), stat.
    const fields = readProc(pid, 'stat')?.split(') ').pop()?.split(' ')
    if (!fields || fields[0] === 'Z' || fields[0] === 'X') return null
    return fields[19] ?? null
  }
  const line = ps('-p', String(pid), '-o', 'stat=,lstart=')
  if (line === '' || line.startsWith('Z')) return null
  return line.slice(line.indexOf(' ')).trim()
}

/** Whether exactly this process is alive. */
export const isAlive = (identity: ProcessIdentity): boolean =>
  identity.boot_id === bootId() && startOf(identity.pid) === identity.start

/** Whether the process carries this nonce. Where an environment cannot be read (macOS) the answer is true. */
export const carriesNonce = (pid: number, nonce: string): boolean => {
  if (!isLinux) return true
  return readProc(pid, 'environ')?.includes(`${NONCE_VARIABLE}=${nonce}\0`) ?? false
}

/** Sends a signal to exactly this process. Answers whether it was sent; never signals a stranger. */
export const signalProcess = (identity: ProcessIdentity, nonce: string, signal: NodeJS.Signals): boolean => {
  if (!isAlive(identity) || !carriesNonce(identity.pid, nonce)) return false
  try {
    process.kill(identity.pid, signal)
    return true
  } catch {
    // Gone between the look and the signal.
    return false
  }
}

/** The nonces that live processes carry; none where environments cannot be read (macOS). */
export const carriedNonces = (): ReadonlySet<string> => {
  const found = new Set<string>()
  if (!isLinux) return found
  const pattern = new RegExp(`(?:^|\0)${NONCE_VARIABLE}=([^\0]+)`)
  for (const name of readdirSync('/proc')) {
    const nonce = /^\d+$/.test(name) ? pattern.exec(readProc(Number(name), 'environ') ?? '')?.[1] : undefined
    if (nonce !== undefined) found.add(nonce)
  }
  return found
}

/**
 * Every live process that belongs to an agent: on Linux all that carry its nonce (tools run in process sessions of
 * their own, so groups do not find them: `claude-cli.md` 8), elsewhere the descendants of `root`.
 */
export const processesOf = (nonce: string, root: number | null): ProcessIdentity[] => {
  const pids = isLinux
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
        .filter((pid) => carriesNonce(pid, nonce))
    : root === null
      ? []
      : descendantsOf(root)
  return pids.flatMap((pid) => {
    const start = startOf(pid)
    return start === null || pid === process.pid ? [] : [{ boot_id: bootId(), pid, start }]
  })
}
