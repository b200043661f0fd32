/** The folder of one attempt of a shell job: what the runner and the scheduler leave there for each other (runner.sh). */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type File = 'runner' | 'pid' | 'exit' | 'out' | 'err' | 'out.end' | 'err.end' | 'out.done' | 'err.done'

export type Stream = 'out' | 'err'

export class RunFolder {
  readonly path: string
  /** What of each stream's beginning is kept, and of its end. */
  readonly bytes: number

  constructor(root: string, name: string, bytes: number) {
    this.path = join(root, name)
    this.bytes = bytes
  }

  create(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 })
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }

  /** Takes the runner's place if none has come: true means that the command never ran and never will. */
  claim(): boolean {
    try {
      writeFileSync(this.#file('runner'), '0\n', { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'EEXIST') return false
      // The folder itself was never made: the start was never reached.
      if (code === 'ENOENT') return true
      throw error
    }
  }

  get exitStatus(): number | null {
    return this.#number('exit')
  }

  get runnerPid(): number | null {
    return this.#number('runner')
  }

  get pid(): number | null {
    return this.#number('pid')
  }

  /** Whether both streams were read to their end. */
  get isRead(): boolean {
    return existsSync(this.#file('out.done')) && existsSync(this.#file('err.done'))
  }

  /** What is kept of a stream; where its middle was left out, a line says so. */
  read(stream: Stream): Buffer {
    const begin = this.#bytes(stream, 0, 2 * this.bytes)
    const end = this.#bytes(`${stream}.end`, 0, this.bytes)
    const gap = end.length === this.bytes ? Buffer.from('\n[… the middle was left out …]\n') : Buffer.alloc(0)
    return Buffer.concat([begin, gap, end])
  }

  /** What the beginning of a stream holds from a byte on, at most `length` bytes. */
  piece(stream: Stream, from: number, length: number): Buffer {
    return this.#bytes(stream, from, length)
  }

  #bytes(name: File, from: number, length: number): Buffer {
    const size = statSync(this.#file(name), { throwIfNoEntry: false })?.size ?? 0
    const wanted = Math.max(0, Math.min(length, size - from))
    if (wanted === 0) return Buffer.alloc(0)
    const buffer = Buffer.alloc(wanted)
    const fd = openSync(this.#file(name), 'r')
    try {
      return buffer.subarray(0, readSync(fd, buffer, 0, wanted, from))
    } finally {
      closeSync(fd)
    }
  }

  #file(name: File): string {
    return join(this.path, name)
  }

  #number(name: 'exit' | 'pid' | 'runner'): number | null {
    try {
      const value = Number.parseInt(readFileSync(this.#file(name), 'utf8'), 10)
      return Number.isFinite(value) ? value : null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }
}
