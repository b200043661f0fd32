/**
 * One program for one step: the Claude CLI, XeLaTeX, Typst. Each is started detached in a folder of its own and followed by
 * looking at that folder; closing lets go of it and ends nothing.
 *
 * - **A** A program is started at most once in a folder: who makes the file `runner` first decides (run.sh). The folder is
 *   written down before that, so that the next life of the service takes it up instead of paying for it again.
 * - **B** One that takes too long, too much memory, or is stopped, is ended with all that it has started.
 * - **C** The exit status decides. Where nobody will write one any more the program counts as killed.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runnerMark, signalAll } from '../../runtime/marked-processes.ts'
import { packageRoot } from '../../runtime/package-root.ts'
import { residentMb } from '../../runtime/process.ts'
import { isRunner, processesOf, STEP_VARIABLE } from './processes.ts'

const LOOK_MS = 50
const LOOK_FOR_LIFE_MS = 1_000
/** A runner that has not come by then is not waited for. */
const START_MS = 30_000
const OUTPUT_BYTES = 4 * 1024 * 1024

/** What is run, and within which bounds. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Its standard input. */
  readonly input: string
  /** Written into its folder before it starts, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Files that lie elsewhere and shall be found in its folder, by the name they have there. */
  readonly links?: Readonly<Record<string, string>>
}

export interface Bounds {
  readonly timeout_ms: number
  readonly cpu_s: number
  /** Of address space, where the system can limit it; 0: none. */
  readonly address_mb: number
  /** Resident, of all its processes together. */
  readonly resident_mb: number
}

/** How it ended. */
export interface Ended {
  readonly status: number | null
  /** Why we ended it; null when it ended by itself. */
  readonly reason: string | null
}

export class OneShot {
  readonly folder: string
  readonly #nonce: string
  readonly #bounds: Bounds

  /** @param root a folder of the report's own @param name of a folder in it, never used before or again: the nonce */
  constructor(root: string, name: string, bounds: Bounds) {
    this.folder = join(root, name)
    this.#nonce = name
    this.#bounds = bounds
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  /** What it wrote, cut at 4 MB. */
  output(name: 'out' | 'err'): string {
    if (!existsSync(this.file(name))) return ''
    const fd = openSync(this.file(name), 'r')
    try {
      const buffer = Buffer.alloc(OUTPUT_BYTES)
      return buffer.subarray(0, readSync(fd, buffer, 0, OUTPUT_BYTES, 0)).toString('utf8')
    } finally {
      closeSync(fd)
    }
  }

  /** Starts the program and resolves with how it ended; never, when `closing` is aborted before. */
  async start(program: Program, stopped: AbortSignal, closing: AbortSignal): Promise<Ended> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    for (const [name, text] of Object.entries({ ...program.files, in: program.input })) writeFileSync(this.file(name), text)
    for (const [name, target] of Object.entries(program.links ?? {})) {
      mkdirSync(dirname(this.file(name)), { recursive: true })
      symlinkSync(target, this.file(name))
    }
    await this.#spawn(program)
    return await this.#follow(0, stopped, closing)
  }

  /** Takes up a program of an earlier life. Null: it was never started, and now never will be. */
  takeUp(elapsed_ms: number, stopped: AbortSignal, closing: AbortSignal): Promise<Ended> | null {
    return this.#claim() ? null : this.#follow(elapsed_ms, stopped, closing)
  }

  async #spawn({ command, args, env }: Program): Promise<void> {
    const runner = join(packageRoot(import.meta.url), 'services/reports/one-shot/run.sh')
    const { cpu_s, address_mb } = this.#bounds
    const limits = [String(cpu_s), String(address_mb * 1_024)]
    await new Promise<void>((resolve, reject) => {
      // The outer shell puts the runner in the background and leaves: it is nobody's child. Values are arguments, never
      // part of a program's text.
      const words = ['-c', 'sh "$@" &', 'sh', runner, this.folder, this.#nonce, ...limits, command, ...args]
      const marked = { ...env, [STEP_VARIABLE]: runnerMark(this.#nonce) }
      const outer = spawn('/bin/sh', words, { cwd: this.folder, env: marked, detached: true, stdio: 'ignore' })
      outer.once('error', reject)
      outer.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the runner's shell ended with ${code}`))))
    })
  }

  #follow(elapsed_ms: number, stopped: AbortSignal, closing: AbortSignal): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const since = performance.now() - elapsed_ms
      let lifeAt = performance.now()
      let reason: string | null = null
      const leave = (): void => {
        clearInterval(timer)
        closing.removeEventListener('abort', leave)
      }
      const settle = (status: number | null): void => {
        leave()
        resolve({ status: reason === null ? status : null, reason })
      }
      const look = (): void => {
        const now = performance.now()
        if (stopped.aborted) reason ??= String(stopped.reason)
        const status = this.#number('exit')
        if (status !== null && reason === null) return settle(status)
        if (reason === null && now < lifeAt) return
        lifeAt = now + LOOK_FOR_LIFE_MS
        const left = processesOf(this.#nonce, this.#number('pid'))
        reason ??= this.#excess(left, now - since)
        if (reason !== null) {
          // Again and again: what is being ended may still start something.
          signalAll(left, 'SIGKILL')
          if (left.length === 0) settle(null)
        } else if (left.length === 0 && this.#isOver(now - since)) settle(this.#number('exit'))
      }
      const timer = setInterval(() => {
        try {
          look()
        } catch (error) {
          leave()
          reject(error)
        }
      }, LOOK_MS)
      closing.addEventListener('abort', leave, { once: true })
      if (closing.aborted) leave()
    })
  }

  /** B: what is too much; null when nothing is. */
  #excess(pids: readonly number[], elapsed_ms: number): string | null {
    const { timeout_ms, resident_mb } = this.#bounds
    // A program that has ended took no longer, however long its runner waits for room to write that down.
    const mayRun = pids.length > 0 || this.#number('pid') === null
    if (elapsed_ms >= timeout_ms && mayRun) return `it took longer than ${Math.round(timeout_ms / 1_000)} s and was ended`
    const resident = pids.reduce((sum, pid) => sum + (residentMb(pid) ?? 0), 0)
    return resident > resident_mb
      ? `it took ${resident} MB of memory, more than the ${resident_mb} MB it may have, and was ended`
      : null
  }

  /** C: nobody will write an exit status any more. */
  #isOver(elapsed_ms: number): boolean {
    const runner = this.#number('runner')
    // The place may be taken by a file that a loss of power has left empty: then nobody holds it.
    if (runner === null) return elapsed_ms >= START_MS && (this.#claim() || this.#number('runner') === null)
    return !isRunner(runner, this.#nonce, this.folder)
  }

  /** Takes the runner's place if none has come: true means that the program never ran and never will. */
  #claim(): boolean {
    try {
      writeFileSync(this.file('runner'), '0\n', { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'EEXIST') return false
      // The folder itself was never made: the start was never reached.
      if (code === 'ENOENT') return true
      throw error
    }
  }

  #number(name: 'exit' | 'pid' | 'runner'): number | null {
    try {
      const value = Number.parseInt(readFileSync(this.file(name), 'utf8'), 10)
      return Number.isFinite(value) ? value : null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }
}
