/** The folder of one agent, `agents/<n>/`: what the keeper and the service leave there for each other. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

export class AgentFolder {
  readonly path: string

  /** @param root the `agents` folder of our home; @param n the agent's number, never used before or again */
  constructor(root: string, n: number) {
    this.path = join(root, String(n))
  }

  readonly file = (name: 'in' | 'out' | 'err' | 'pid' | 'keeper' | 'holder' | 'exit' | 'lease' | 'closed' | 'turn'): string =>
    join(this.path, name)

  /** Makes the folder of a new agent. What may lie there is of an agent whose row a power cut took: no turn knows it. */
  createNew(): void {
    rmSync(this.path, { recursive: true, force: true })
    this.create()
  }

  /** Makes what is missing of the folder: empty logs and a lease. */
  create(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 })
    for (const name of ['out', 'err', 'lease'] as const) closeSync(openSync(this.file(name), 'a', 0o600))
  }

  /**
   * Tells what the agent starts, of which nobody else knows which turn it serves, about the turn that begins. Readers see
   * the old or the new one whole; nothing is flushed, since no agent lives on behind a power cut.
   */
  writeTurn(turn: { readonly chain: string }): void {
    const fresh = `${this.file('turn')}.new`
    writeFileSync(fresh, JSON.stringify(turn), { mode: 0o600 })
    renameSync(fresh, this.file('turn'))
  }

  /** Tells the keeper that somebody still cares; without it the agent leaves after AGENT_ORPHAN_TIMEOUT. */
  touchLease(): void {
    const now = new Date()
    utimesSync(this.file('lease'), now, now)
  }

  /** Whether nobody holds the input open any more: what is written now may never be read. */
  get isClosed(): boolean {
    return existsSync(this.file('closed'))
  }

  /** How the CLI ended, or null while the keeper has not written it. */
  get exitStatus(): number | null {
    return this.#number('exit')
  }

  get pid(): number | null {
    return this.#number('pid')
  }

  get keeperPid(): number | null {
    return this.#number('keeper')
  }

  /** The child of the keeper that holds the input open. */
  get holderPid(): number | null {
    return this.#number('holder')
  }

  /**
   * Takes the keeper's place if no keeper has come yet. True: it never started and now never will, so nothing of this
   * agent has run. False: a keeper was there first.
   */
  claim(): boolean {
    try {
      writeFileSync(this.file('keeper'), '0\n', { flag: 'wx' })
      return true
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'EEXIST') return false
      // The folder itself was never made: the spawn was never reached.
      if (code === 'ENOENT') return true
      throw error
    }
  }

  /** Whether a keeper has come, though it may not have written its number yet. */
  get isClaimed(): boolean {
    return existsSync(this.file('keeper'))
  }

  /** Bytes in the log so far; 0 when there is none. */
  get logSize(): number {
    return statSync(this.file('out'), { throwIfNoEntry: false })?.size ?? 0
  }

  /** The end of what the CLI wrote to its error output, at most `limit` characters. */
  errorText(limit = 500): string {
    const size = statSync(this.file('err'), { throwIfNoEntry: false })?.size ?? 0
    if (size === 0) return ''
    // Only the tail is read: a CLI in trouble may have written gigabytes. Four bytes are the most a character takes.
    const tail = Buffer.alloc(Math.min(size, limit * 4))
    const fd = openSync(this.file('err'), 'r')
    try {
      const read = readSync(fd, tail, 0, tail.length, size - tail.length)
      return tail.toString('utf8', 0, read).trim().slice(-limit)
    } finally {
      closeSync(fd)
    }
  }

  #number(name: 'exit' | 'pid' | 'keeper' | 'holder'): number | null {
    try {
      const value = Number.parseInt(readFileSync(this.file(name), 'utf8'), 10)
      return Number.isFinite(value) ? value : null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }
}
