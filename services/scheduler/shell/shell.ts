/**
 * Shell jobs: a detached runner for each, followed by looking at its folder. Closing lets go of them and ends none.
 *
 * - **A** A command is started at most once: who makes the file `runner` first decides (runner.sh).
 * - **B** A command that ran too long, or was stopped, is ended with all that it has started: SIGTERM, and SIGKILL to what
 *   is left after five seconds. What it leaves behind after an end of its own is not touched, as with any cron.
 * - **C** The exit status decides. Where there is none (the runner was killed, the machine restarted) the run was
 *   interrupted, once nothing of it lives any more; it is not begun again.
 */

import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { constants, homedir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../runtime/log.ts'
import { runnerMark, signalAll } from '../../runtime/marked-processes.ts'
import { packageRoot } from '../../runtime/package-root.ts'
import { bootId } from '../../runtime/process.ts'
import type { At } from '../points.ts'
import type { Outcome } from '../rows.ts'
import { RunFolder } from './folder.ts'
import { isRunner, processesOf, RUN_VARIABLE } from './processes.ts'

/** Kept of each stream's beginning (up to 128 KiB more), and of its end: 1 MB together. */
const KEPT_BYTES = 448 * 1024
/** The contract's measure of a result. */
export const RESULT_CHARACTERS = 10_000

const LOOK_MS = 50
const LOOK_FOR_LIFE_MS = 1_000
/** Looking through all processes of the machine took 6 ms with 300 of them. */
const LOOK_AT_END_MS = 200
const TERM_MS = 5_000
/** What the readers may take after the command has ended; a process left behind may hold a stream open for ever. */
const LAST_WORDS_MS = 1_000
/** A runner that has not come by then is not waited for. */
const START_MS = 30_000

export interface ShellPlan {
  /** Names the folder and, as the nonce, all processes of the attempt. */
  readonly name: string
  readonly command: string
  readonly cwd: string | null
  readonly timeout_ms: number
  /** Aborted with the reason when somebody stops it (B). */
  readonly stopped: AbortSignal
}

interface Followed {
  readonly folder: RunFolder
  readonly nonce: string
  readonly timeout_ms: number
  /** Monotonic; what of its time has passed before we looked counts, too. */
  readonly since: number
  readonly settle: (outcome: Outcome) => void
  lifeAt: number
  exitAt: number | null
  ending: { readonly reason: string; readonly killAt: number; lookAt: number; readonly told: Set<number> } | null
}

const PASSED = ['HOME', 'USER', 'LOGNAME', 'PATH', 'SHELL', 'LANG', 'TZ', 'TMPDIR']

/** What a command finds in its environment: nothing of ours beyond what a login shell has, and what the owner names. */
export const shellEnvironment = (
  environment: Readonly<Record<string, string | undefined>>,
  pass: string,
): Record<string, string> => {
  const names = new Set([...PASSED, ...pass.split(',').map((name) => name.trim())])
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && (names.has(entry[0]) || entry[0].startsWith('LC_')),
    ),
  )
}

/** A shell says so of a command that a signal ended; an exit code may be as high. */
const SIGNALLED = 128
const SIGNALS: ReadonlySet<number> = new Set(Object.values(constants.signals))

const failedBy = (status: number): string =>
  SIGNALS.has(status - SIGNALLED) ? `Signal ${status - SIGNALLED} ended it` : `Exit code ${status}`

const failure = (reason: string): Outcome => ({
  state: 'failed',
  reason,
  exit_code: null,
  result: '',
  stderr: '',
  cost_usd: null,
  output: null,
})

export class Shell {
  readonly #root: string
  readonly #env: Readonly<Record<string, string>>
  readonly #log: Log
  readonly #at: At
  readonly #followed = new Map<string, Followed>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param root a folder of our own for the attempts' folders */
  constructor(deps: {
    readonly root: string
    readonly env: Readonly<Record<string, string>>
    readonly log: Log
    readonly at: At
  }) {
    this.#root = deps.root
    this.#env = deps.env
    this.#log = deps.log
    this.#at = deps.at
  }

  /** Starts a command and resolves with how it ended; never, when we close before. */
  async start(plan: ShellPlan): Promise<Outcome> {
    const folder = this.#folder(plan.name)
    const cwd = plan.cwd ?? this.#env.HOME ?? homedir()
    if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return failure(`Its working directory ${cwd} is not there`)
    folder.create()
    this.#at('folder_made')
    await this.#spawn(folder, plan, cwd)
    this.#at('command_started')
    return await this.#follow(plan, 0)
  }

  /**
   * Takes up a command of an earlier life of ours. Null: it was never started, and now never will be.
   * @param boot_id the life of the machine in which it was begun @param elapsed_ms how long ago
   */
  takeUp(plan: Omit<ShellPlan, 'command' | 'cwd'>, boot_id: string | null, elapsed_ms: number): Promise<Outcome> | null {
    const folder = this.#folder(plan.name)
    // C: a folder that a power cut has taken proves nothing, so what is written down as begun counts as begun.
    if (boot_id !== bootId() && folder.exitStatus === null) return Promise.resolve(this.#outcome(folder, null, null))
    if (folder.claim()) {
      // The next start finds an empty place. A runner of this one that comes late finds none, or shares the next one's
      // claim: still only one of them starts the command.
      folder.remove()
      return null
    }
    return this.#follow(plan, elapsed_ms)
  }

  /**
   * Forgets what an attempt has left on disk; to be called when its end is recorded. A reader that still writes there may
   * make it fail: what is left is found by a later sweep.
   */
  forget(name: string): void {
    try {
      this.#folder(name).remove()
    } catch (error) {
      this.#log.debug({ err: error, run: name }, 'The folder of a run could not be removed yet')
    }
  }

  /** Removes the folders that nobody knows. */
  sweep(known: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#root)) if (!known.has(name)) this.forget(name)
  }

  /** What a running command has written so far to the beginning of a stream. */
  piece(name: string, stream: 'out' | 'err', from: number, length: number): Buffer {
    return this.#folder(name).piece(stream, from, length)
  }

  /** Lets go of all commands; they run on. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#followed.clear()
  }

  #folder(name: string): RunFolder {
    return new RunFolder(this.#root, name, KEPT_BYTES)
  }

  async #spawn(folder: RunFolder, plan: ShellPlan, cwd: string): Promise<void> {
    const runner = join(packageRoot(import.meta.url), 'services/scheduler/shell/runner.sh')
    await new Promise<void>((resolve, reject) => {
      // The outer shell puts the runner in the background and leaves: it is nobody's child. Values are arguments, never
      // part of a program's text.
      const args = ['-c', 'sh "$@" &', 'sh', runner, folder.path, String(KEPT_BYTES), plan.name, plan.command]
      const env = { ...this.#env, [RUN_VARIABLE]: runnerMark(plan.name) }
      const outer = spawn('/bin/sh', args, { cwd, env, detached: true, stdio: 'ignore' })
      outer.once('error', reject)
      outer.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the runner's shell ended with ${code}`))))
    })
  }

  #follow({ name, timeout_ms, stopped }: Omit<ShellPlan, 'command' | 'cwd'>, elapsed_ms: number): Promise<Outcome> {
    return new Promise((settle) => {
      // Closed while the command was on its way: nobody would stop the timer any more.
      if (this.#isClosed) return
      const now = performance.now()
      const followed: Followed = {
        folder: this.#folder(name),
        nonce: name,
        timeout_ms,
        since: now - elapsed_ms,
        settle,
        lifeAt: Math.min(now + LOOK_FOR_LIFE_MS, now - elapsed_ms + timeout_ms),
        exitAt: null,
        ending: null,
      }
      this.#followed.set(name, followed)
      this.#timer ??= setInterval(() => this.#lookAtAll(), LOOK_MS)
      const stop = (): void => {
        if (this.#followed.has(name) && followed.ending === null) this.#end(followed, String(stopped.reason))
      }
      stopped.addEventListener('abort', stop, { once: true })
      if (stopped.aborted) stop()
    })
  }

  #lookAtAll(): void {
    for (const followed of this.#followed.values()) {
      try {
        this.#look(followed)
      } catch (error) {
        this.#log.error({ err: error, run: followed.nonce }, 'A shell job could not be looked at')
      }
    }
    if (this.#followed.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #look(followed: Followed): void {
    const { folder, ending } = followed
    const now = performance.now()
    const status = folder.exitStatus
    if (ending !== null) {
      if (now < ending.lookAt) return
      ending.lookAt = now + LOOK_AT_END_MS
      // Again and again: what is being ended may still start something.
      const left = processesOf(followed.nonce, folder.pid)
      if (now >= ending.killAt) signalAll(left, 'SIGKILL')
      else
        signalAll(
          left.filter((pid) => !ending.told.has(pid)),
          'SIGTERM',
        )
      for (const pid of left) ending.told.add(pid)
      if (left.length > 0) return
    }
    if (status !== null) {
      followed.exitAt ??= now
      if (folder.isRead || now - followed.exitAt >= LAST_WORDS_MS) this.#done(followed, status)
      return
    }
    if (now < followed.lifeAt) return
    const left_ms = followed.since + followed.timeout_ms - now
    followed.lifeAt = now + (left_ms > 0 ? Math.min(LOOK_FOR_LIFE_MS, left_ms) : LOOK_FOR_LIFE_MS)
    if (ending === null && left_ms <= 0 && this.#mayRun(followed))
      this.#end(followed, `It ran longer than ${Math.round(followed.timeout_ms / 1_000)} s (timeout_s) and was ended`)
    else this.#lookForLife(followed, now)
  }

  /** Not a command that has ended, and whose runner waits for room to write that down. */
  #mayRun({ folder, nonce }: Followed): boolean {
    const { pid } = folder
    return pid === null || processesOf(nonce, pid).includes(pid)
  }

  /** C: nobody will write an exit status any more. */
  #lookForLife(followed: Followed, now: number): void {
    const { folder, nonce } = followed
    const runner = folder.runnerPid
    if (runner === null) {
      if (now - followed.since < START_MS) return
      // The place may be taken by a file without a number, which a full disk has left empty: then nobody holds it.
      if (!folder.claim() && (folder.runnerPid !== null || processesOf(nonce, folder.pid).length > 0)) return
      this.#settle(followed, failure('It could not be started: the shell that runs it never came'))
      return
    }
    if (isRunner(runner, nonce, folder.path) || processesOf(nonce, folder.pid).length > 0) return
    // It may have written the status between the two looks.
    if (folder.exitStatus === null) this.#done(followed, null)
  }

  #end(followed: Followed, reason: string): void {
    followed.ending = { reason, killAt: performance.now() + TERM_MS, lookAt: 0, told: new Set() }
  }

  #done(followed: Followed, status: number | null): void {
    this.#settle(followed, this.#outcome(followed.folder, status, followed.ending?.reason ?? null))
  }

  #settle(followed: Followed, outcome: Outcome): void {
    this.#followed.delete(followed.nonce)
    followed.settle(outcome)
  }

  #outcome(folder: RunFolder, status: number | null, ended: string | null): Outcome {
    const [stdout, stderr] = [folder.read('out'), folder.read('err')]
    const texts = { out: stdout.toString('utf8'), err: stderr.toString('utf8') }
    const isLong = texts.out.length > RESULT_CHARACTERS || texts.err.length > RESULT_CHARACTERS
    // The row cannot tell two equal streams from an empty standard output.
    const isKept = isLong || (texts.out !== '' && texts.out === texts.err)
    const how: Pick<Outcome, 'state' | 'reason'> =
      ended !== null
        ? { state: 'failed', reason: ended }
        : status === null
          ? { state: 'interrupted', reason: 'It ended without an exit status: it was killed, or the machine restarted' }
          : status === 0
            ? { state: 'ran', reason: null }
            : { state: 'failed', reason: failedBy(status) }
    return {
      ...how,
      exit_code: ended === null ? status : null,
      result: (texts.out === '' ? texts.err : texts.out).slice(0, RESULT_CHARACTERS),
      stderr: texts.err.slice(0, RESULT_CHARACTERS),
      cost_usd: null,
      output: isKept ? { stdout, stderr } : null,
    }
  }
}
