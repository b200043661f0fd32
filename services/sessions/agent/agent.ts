/**
 * One agent as the service holds it: the CLI process behind its keeper, the way into it and its log.
 *
 * The process is nobody's child (design §5): a service that starts anew opens the same agent again by its folder and
 * reads its log from where the rows end. So an Agent object is a view; closing it ends nothing.
 *
 * Life: opened (spawned now, or found) → follows the log → `onExit` once, after the whole log was given to `onLine`.
 */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { packageRoot } from '../../runtime/package-root.ts'
import { bootId } from '../../runtime/process.ts'
import type { AgentFolder } from './folder.ts'
import { LogFollower, type LogLine } from './log.ts'
import { carriesNonce, isAlive, NONCE_VARIABLE, type ProcessIdentity, processesOf, signalProcess, startOf } from './process.ts'
import { type AgentWriter, answerLine, controlLine, messageLine, openWriter } from './writer.ts'

/** How an agent is started. */
export interface SpawnPlan {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly orphan_minutes: number
  /** How often the keeper looks whether the agent was abandoned, in seconds. */
  readonly tick_s?: number
}

/** What the rows know of an agent. */
export interface AgentIdentity {
  readonly n: number
  readonly nonce: string
  readonly boot_id: string
  readonly pid: number | null
  readonly pid_start: string | null
}

export interface AgentEvents {
  /** Lines in order, from the given offset; called synchronously. */
  onLine(line: LogLine): void
  /** The CLI's process is known: to be recorded, so that it is recognised later. */
  onProcess(process: ProcessIdentity): void
  /** The CLI is dead and every whole line of its log was given to `onLine`. Status null: nobody wrote it down. */
  onExit(status: number | null): void
  onError(error: unknown): void
}

const KEEPER_TICK_S = 20
/** The files whose change may mean that the CLI has come or gone. */
const TELLING: ReadonlySet<string> = new Set(['pid', 'exit', 'keeper'])
/** Between two looks for the reader of the FIFO while the CLI starts, in milliseconds. */
const OPEN_RETRY_MS = 2
/** How long the CLI may take to leave when told to: it was measured to take 30 to 120 ms. */
const TERM_MS = 5_000

/** Starts the keeper, detached: an outer shell puts it in the background and leaves, so that it is nobody's child. */
export const spawnKeeper = (folder: AgentFolder, nonce: string, plan: SpawnPlan): Promise<void> => {
  const keeper = join(packageRoot(import.meta.url), 'services/sessions/agent/keeper.sh')
  // Values reach the shell as arguments, never inside its program text.
  const args = [
    '-c',
    'sh "$@" &',
    'sh',
    keeper,
    folder.path,
    String(plan.orphan_minutes),
    String(plan.tick_s ?? KEEPER_TICK_S),
    plan.command,
    ...plan.args,
  ]
  return new Promise((resolve, reject) => {
    const outer = spawn('/bin/sh', args, {
      cwd: plan.cwd,
      env: { ...plan.env, [NONCE_VARIABLE]: nonce },
      // A process session of its own: a terminal's hang-up does not reach it.
      detached: true,
      stdio: 'ignore',
    })
    outer.once('error', reject)
    outer.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the keeper's shell ended with ${code}`))))
  })
}

export class Agent {
  readonly n: number
  readonly folder: AgentFolder
  readonly #nonce: string
  readonly #bootId: string
  readonly #events: AgentEvents
  readonly #log: LogFollower
  #process: ProcessIdentity | null
  #writer: AgentWriter | null = null
  #isInputOpen = true
  #isEnding = false
  #exit: { readonly status: number | null } | null = null
  #controlCount = 0
  readonly #exitWaiters: (() => void)[] = []

  /** @param from where to follow the log from, a line boundary */
  constructor(identity: AgentIdentity, folder: AgentFolder, from: number, events: AgentEvents) {
    this.n = identity.n
    this.folder = folder
    this.#nonce = identity.nonce
    this.#bootId = identity.boot_id
    this.#events = events
    this.#process =
      identity.pid !== null && identity.pid_start !== null
        ? { boot_id: identity.boot_id, pid: identity.pid, start: identity.pid_start }
        : null
    this.#log = new LogFollower({
      path: folder.file('out'),
      from,
      onLine: (line) => events.onLine(line),
      onFolderChange: (name) => {
        if (name === null || TELLING.has(name)) this.#look()
      },
      onError: (error) => events.onError(error),
    })
    // Not now: whoever opens an agent of an earlier life gives it its turn before the first line is heard.
    setImmediate(() => this.#look())
  }

  /** The offset of the first log line not yet given to `onLine`. */
  get position(): number {
    return this.#log.position
  }

  /** The CLI's process, once it is known. */
  get pid(): number | null {
    return this.#process?.pid ?? null
  }

  get isDead(): boolean {
    return this.#exit !== null
  }

  /** Whether it may be given messages: alive, and somebody holds its input open. */
  get isOpen(): boolean {
    return this.#exit === null && this.#isInputOpen && !this.folder.isClosed
  }

  /** Resolves once the agent is dead and its log was read to the end. */
  exited(): Promise<void> {
    if (this.#exit) return Promise.resolve()
    return new Promise((resolve) => this.#exitWaiters.push(resolve))
  }

  /** Hands over a message. Resolves when the kernel has the whole line; rejects when the reader is gone. */
  async write(uuid: string, text: string): Promise<void> {
    const writer = await this.#openInput()
    await writer.write(messageLine(uuid, text))
  }

  /** Asks the CLI to break off what it is doing. The process stays usable. */
  async interrupt(): Promise<void> {
    const writer = await this.#openInput()
    await writer.write(controlLine(`interrupt-${this.n}-${++this.#controlCount}`, 'interrupt'))
  }

  /** Answers a request of the CLI. Rejects when the agent takes no more input. @param response JSON */
  async answer(requestId: string, response: string): Promise<void> {
    const writer = await this.#openInput()
    await writer.write(answerLine(requestId, response))
  }

  /** No more messages: the CLI finishes its turn and leaves. */
  closeInput(): void {
    this.#isInputOpen = false
    this.#writer?.close()
    this.#writer = null
    if (this.#bootId !== bootId()) return
    // The holder itself where it is known: it can be told though the keeper was killed.
    const holder = this.folder.holderPid ?? this.folder.keeperPid
    const start = holder === null || holder === 0 ? null : startOf(holder)
    if (holder !== null && start !== null) signalProcess({ boot_id: bootId(), pid: holder, start }, this.#nonce, 'SIGTERM')
  }

  /**
   * Ends the CLI and all that it started, at once. Resolves when the signals are sent; see {@link exited}. A CLI that is
   * just being started is waited for, unless its keeper had not come yet: then it never will.
   */
  async kill(): Promise<void> {
    this.#isInputOpen = false
    if (this.#bootId !== bootId()) return
    while (this.pid === null && !this.#isEnding && !this.folder.claim()) {
      await delay(OPEN_RETRY_MS)
      this.#look()
    }
    // Collected before the CLI dies: tools live in process sessions of their own and would be orphans after it.
    const all = processesOf(this.#nonce, this.pid)
    const keeper = this.folder.keeperPid
    const cli = this.#process
    if (cli) signalProcess(cli, this.#nonce, 'SIGKILL')
    for (const process of all) {
      // The keeper stays to write down the exit status.
      if (process.pid !== keeper) signalProcess(process, this.#nonce, 'SIGKILL')
    }
  }

  /**
   * Asks the process to leave, then makes it. What it had started is collected before and ended after it: tools live in
   * process sessions of their own and survive a CLI that is told to leave (`claude-cli.md` 8).
   */
  async terminate(): Promise<void> {
    const cli = this.#process
    if (cli === null || this.#bootId !== bootId()) return await this.kill()
    this.#isInputOpen = false
    const keeper = this.folder.keeperPid
    const all = processesOf(this.#nonce, cli.pid).filter(({ pid }) => pid !== keeper && pid !== cli.pid)
    signalProcess(cli, this.#nonce, 'SIGTERM')
    await Promise.race([this.exited(), delay(TERM_MS, undefined, { ref: false })])
    // The CLI before its tools: it would take the end of a tool for an answer and go on.
    if (!this.isDead) await this.kill()
    for (const process of all) signalProcess(process, this.#nonce, 'SIGKILL')
  }

  /** Everything that the log holds by now was given to `onLine`. */
  async drain(): Promise<void> {
    await this.#log.drain()
  }

  /** Forces the log to the disk. */
  async sync(): Promise<void> {
    await this.#log.sync()
  }

  /** Lets go of the agent without touching it. */
  async close(): Promise<void> {
    this.#writer?.close()
    this.#writer = null
    this.#log.close()
  }

  /** Waits for the reader of the FIFO: the CLI opens it right after its pid was written, before it is ready. */
  async #openInput(): Promise<AgentWriter> {
    while (this.#writer === null) {
      if (!this.isOpen) throw new Error('the agent takes no more messages')
      try {
        this.#writer = openWriter(this.folder.file('in'))
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code
        if (code !== 'ENXIO' && code !== 'ENOENT') throw error
        await delay(OPEN_RETRY_MS)
        this.#look()
      }
    }
    return this.#writer
  }

  /** Learns who the CLI is and whether it lives; called when its folder changes and, for a keeper that died, every second. */
  #look(): void {
    if (this.#isEnding) return
    this.#process ??= this.#recognise()
    if (this.#hasEnded()) {
      this.#isEnding = true
      this.#end().catch((error) => this.#events.onError(error))
    }
  }

  #recognise(): ProcessIdentity | null {
    if (this.#bootId !== bootId()) return null
    const pid = this.folder.pid
    if (pid === null) return null
    const start = startOf(pid)
    if (start === null || !carriesNonce(pid, this.#nonce)) return null
    const process = { boot_id: this.#bootId, pid, start }
    this.#events.onProcess(process)
    return process
  }

  #hasEnded(): boolean {
    if (this.#bootId !== bootId() || this.folder.exitStatus !== null) return true
    if (this.#process && isAlive(this.#process)) return false
    const keeper = this.folder.keeperPid
    // Its number comes a moment after its file; with a file and no process of ours it died in that moment.
    if (keeper === null)
      return this.folder.isClaimed && processesOf(this.#nonce, null).length === 0 && this.#hasEndedWithoutKeeper()
    // Its place was taken before it came: the CLI never ran.
    if (keeper === 0) return true
    // While the keeper lives it will write the exit status down, or start the CLI.
    if (startOf(keeper) !== null && carriesNonce(keeper, this.#nonce)) return false
    return this.#hasEndedWithoutKeeper()
  }

  /** The keeper is dead and wrote nothing down. */
  #hasEndedWithoutKeeper(): boolean {
    if (this.#process !== null) return true
    // Its pid may have come since we looked.
    if (this.folder.pid !== null) {
      this.#process = this.#recognise()
      return this.#process === null
    }
    // Without a pid on disk no CLI runs, and nothing may become one any more: the rest of a keeper that died in between is
    // ended, and the next look tells.
    const left = processesOf(this.#nonce, this.folder.holderPid)
    for (const process of left) signalProcess(process, this.#nonce, 'SIGKILL')
    return left.length === 0
  }

  async #end(): Promise<void> {
    this.#isInputOpen = false
    await this.#log.drain()
    const status = this.folder.exitStatus
    this.#exit = { status }
    await this.close()
    for (const resolve of this.#exitWaiters.splice(0)) resolve()
    this.#events.onExit(status)
  }
}
