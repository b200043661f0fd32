/**
 * Ending what outlives the services: agents with their tools, shell jobs, the programs of a report. On Linux each carries a mark
 * in its environment; elsewhere environments cannot be read, and what descends from a keeper or a runner of ours is taken.
 * Nothing else is signalled.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalAll } from '../../services/runtime/marked-processes.ts'
import { descendantsOf, isLinux, ps, readProc } from '../../services/runtime/process.ts'

const LOOK_MS = 100

const foldersIn = (folder: string): string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The folders of pieces of work, of each kind by its name in `SWITCHBOARD_RUN` or `SWITCHBOARD_REPORT`. */
const worksOf = (home: string): { readonly agents: string[]; readonly runs: string[]; readonly steps: string[] } => {
  const below = (folder: string): string[] => foldersIn(folder).map((name) => join(folder, name))
  return {
    agents: below(join(home, 'agents')),
    runs: below(join(home, 'cron')),
    steps: below(join(home, 'reports')).flatMap(below),
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const isDead = (pid: number): boolean => /^[ZX]/.test(readProc(pid, 'stat')?.split(') ').pop() ?? 'X')

/** By the marks that `agent-pool.ts`, `runner.sh` and `run.sh` leave in environments. */
const markedIn = (home: string): number[] => {
  const { runs, steps } = worksOf(home)
  const names = (works: readonly string[]): Set<string> => new Set(works.map(nameOf))
  const [ofRuns, ofSteps] = [names(runs), names(steps)]
  const agents = `${join(home, 'agents')}/`
  const isOurs = (variable: string): boolean => {
    const at = variable.indexOf('=')
    const value = variable.slice(at + 1)
    const mark = value.replace(/^runner:/, '')
    switch (variable.slice(0, at)) {
      case 'SWITCHBOARD_TURN_FILE':
        return value.startsWith(agents)
      case 'SWITCHBOARD_RUN':
        return ofRuns.has(mark)
      case 'SWITCHBOARD_REPORT':
        return ofSteps.has(mark)
      default:
        return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && (readProc(pid, 'environ') ?? '').split('\0').some(isOurs) && !isDead(pid))
}

const pidIn = (file: string): number => {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10)
  } catch {
    // It never started, or has ended and left nothing.
    return Number.NaN
  }
}

/** By the shells that look after the work, which have its folder in their command line. */
const descendingFrom = (home: string): number[] => {
  const { agents, runs, steps } = worksOf(home)
  const keepers = [
    ...agents.flatMap((folder) => ['keeper', 'holder'].map((file) => ({ folder, pid: pidIn(join(folder, file)) }))),
    ...[...runs, ...steps].map((folder) => ({ folder, pid: pidIn(join(folder, 'runner')) })),
  ]
  const ours = keepers.filter(({ folder, pid }) => pid > 0 && ps('-p', String(pid), '-o', 'command=').includes(folder))
  return [...new Set(ours.flatMap(({ pid }) => descendantsOf(pid)))]
}

/** The live processes of agents, shell jobs and reports of this home. @param home as the settings name it */
export const processesOf = (home: string): number[] => (isLinux ? markedIn(home) : descendingFrom(home))

/** Waits until they have ended by themselves; what has not after `patience_ms` is ended. Returns those that even so live. */
export const endProcesses = async (home: string, patience_ms: number): Promise<number[]> => {
  const until = async (deadline: number): Promise<number[]> => {
    for (;;) {
      const left = processesOf(home)
      if (left.length === 0 || performance.now() > deadline) return left
      await sleep(LOOK_MS)
    }
  }
  const left = await until(performance.now() + patience_ms)
  if (left.length === 0) return []
  signalAll(left, 'SIGKILL')
  // Whoever was just starting another process is dead now; what it started is found by a second look.
  const again = await until(performance.now() + 1_000)
  signalAll(again, 'SIGKILL')
  return await until(performance.now() + 1_000)
}
