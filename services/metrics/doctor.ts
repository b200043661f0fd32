/**
 * Runs `switchboard doctor --json` as a program and tells what it found: the checks are the command's, so that terminal and
 * panel never say different things, and a check that hangs holds up nobody here.
 *
 * - **A** One run at a time; whoever asks meanwhile gets what it finds.
 * - **B** A run ends by its deadline: it is killed with all that it started.
 * - **C** A run that fails is a finding like any other, and is not kept.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { z } from 'zod'
import { DoctorFinding, type Examination, FindingState } from '../../protocol/doctor.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { Log } from '../runtime/log.ts'
import { packageRoot } from '../runtime/package-root.ts'

/** A look costs a process of 60 MB for a second or two; several panels that open at once share one. */
const FRESH_MS = 10_000
/** The command takes three seconds; on a machine that swaps, several times that. */
const DEADLINE_MS = 40_000
/** Twenty findings are 4 kB. */
const MAX_OUTPUT_CHARS = 262_144

/** What the command prints; advice is left out where there is none. */
const Printed = z.object({
  state: FindingState,
  findings: z.array(DoctorFinding.extend({ advice: z.string().nullable().default(null) })),
})

export interface DoctorOptions {
  readonly log: Log
  /** Every variable that is set: the command reads the same settings as the services. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** SWITCHBOARD_HOME. */
  readonly home: string
  /** What is run; for tests. */
  readonly command?: readonly [program: string, ...args: string[]]
  readonly deadline_ms?: number
  readonly fresh_ms?: number
  readonly now?: () => number
}

/** A run that led to no findings, and how that came. */
class Failed extends Error {}

const failure = (error: unknown): Pick<Examination, 'state' | 'findings'> => {
  const what = error instanceof Failed ? error.message : 'it could not be run; the log of metrics says why'
  const advice = 'Run it by hand to see why: npx switchboard doctor'
  return { state: 'fail', findings: [{ check: 'doctor', state: 'fail', what, advice }] }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // No JSON is no answer; whoever asks says so.
    return undefined
  }
}

export class Doctor {
  readonly #options: DoctorOptions
  #running: Promise<Examination> | undefined
  #child: ChildProcess | undefined
  #last: Examination | undefined
  #isClosed = false

  constructor(options: DoctorOptions) {
    this.#options = options
  }

  /** What a run finds; the last one's where that is seconds old and nothing else is asked for. Throws `closing` at the end. */
  async examine({ anew = false }: { anew?: boolean } = {}): Promise<Examination> {
    const { now = Date.now, fresh_ms = FRESH_MS } = this.#options
    const last = this.#last
    if (!anew && this.#running === undefined && last !== undefined && now() - last.examined_at - last.took_ms < fresh_ms)
      return last
    // A
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return await this.#running
  }

  /** Ends a run that goes on. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#kill()
    await this.#running?.catch(() => undefined)
  }

  async #run(): Promise<Examination> {
    const { log, now = Date.now } = this.#options
    const [examined_at, began] = [now(), performance.now()]
    const timed = (found: Pick<Examination, 'state' | 'findings'>): Examination => ({
      ...found,
      ...{ examined_at, took_ms: Math.round(performance.now() - began) },
    })
    try {
      const printed = Printed.safeParse(parsed(await this.#output()))
      if (!printed.success) throw new Failed('it gave no answer that can be read', { cause: printed.error })
      this.#last = timed(printed.data)
      return this.#last
    } catch (error) {
      if (this.#isClosed) throw new ServiceError('closing')
      // C
      log.error({ err: error }, 'The doctor could not be run to its end')
      return timed(failure(error))
    }
  }

  /** What the command prints to standard output, up to a length. Its other words may hold anything and go nowhere. */
  async #output(): Promise<string> {
    const { environment, home, deadline_ms = DEADLINE_MS } = this.#options
    const [program, ...args] = this.#options.command ?? [
      process.execPath,
      join(packageRoot(import.meta.url), 'cli', 'switchboard.mjs'),
      'doctor',
      '--json',
    ]
    // A process group of its own: what it started goes with it.
    const child = spawn(program, args, {
      env: { ...environment, SWITCHBOARD_HOME: home },
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.#child = child
    let output = ''
    let stopped: string | undefined
    const stop = (why: string): void => {
      stopped ??= why
      this.#kill()
      // Somebody in another group may hold the other end.
      child.stdout.destroy()
    }
    const deadline = setTimeout(() => stop(`it gave no answer within ${deadline_ms / 1_000} s and was stopped`), deadline_ms)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (output.length + text.length > MAX_OUTPUT_CHARS) stop('it said far too much and was stopped')
      else output += text
    })
    try {
      await once(child, 'close')
    } finally {
      clearTimeout(deadline)
      this.#child = undefined
    }
    if (stopped !== undefined) throw new Failed(stopped)
    return output
  }

  /** B. A group that has gone is nobody's: its number is not given away while we have not heard of the end. */
  #kill(): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
