/** The agents that live, found in SWITCHBOARD_HOME/agents: a folder with a `pid` and without an `exit` is one. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '../runtime/process.ts'

/** An agent's process by what its folder says. */
export interface AgentPid {
  readonly agent: number
  readonly pid: number
  /** When the pid was written, in milliseconds since 1970: the process started just before. */
  readonly noted_at: number
}

/** A process may write its pid so long after its start, and clocks may differ by that much. */
const NOTED_WITHIN_MS = 15_000

/**
 * Whether a process is the one that wrote the pid down: after a power cut folders without `exit` are left, and their numbers
 * belong to others. @param elapsed_ms since the process started
 */
export const isItself = ({ noted_at }: AgentPid, elapsed_ms: number, now: number): boolean =>
  Math.abs(now - elapsed_ms - noted_at) <= NOTED_WITHIN_MS

/** Looks through the folders. Those of agents that have left are remembered and not looked into again. */
export class Agents {
  readonly #root: string
  readonly #left = new Set<string>()

  /** @param root the folder of all agents */
  constructor(root: string) {
    this.#root = root
  }

  list(): AgentPid[] {
    const names = readdirSync(this.#root).filter((name) => /^\d+$/.test(name))
    const present = new Set(names)
    for (const name of this.#left) if (!present.has(name)) this.#left.delete(name)
    return names.flatMap((name) => (this.#left.has(name) ? [] : (this.#look(name) ?? [])))
  }

  #look(name: string): AgentPid | undefined {
    if (existsSync(join(this.#root, name, 'exit'))) {
      this.#left.add(name)
      return undefined
    }
    const file = join(this.#root, name, 'pid')
    try {
      const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
      // Killed with its keeper, which so wrote no `exit`: pidusage keeps a file open of each process that it is asked for, also of a dead one.
      return pid > 0 && isAlive(pid) ? { agent: Number(name), pid, noted_at: statSync(file).mtimeMs } : undefined
    } catch (error) {
      // Just being made, or just removed.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
}
