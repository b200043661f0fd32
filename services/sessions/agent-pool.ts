/**
 * The agents that live: found again after a restart, started when a session needs one, let go when they are idle for
 * too long, too many, or keep settings of the past.
 *
 * Invariant F: an agent's row is on disk before its process exists, and names the nonce in its environment; so no life
 * of this service leaves an agent that the next one does not know.
 */

import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../runtime/log.ts'
import { bootId, residentMb } from '../runtime/process.ts'
import { Agent, spawnKeeper } from './agent/agent.ts'
import { AgentFolder } from './agent/folder.ts'
import { type LogLine, linesWith } from './agent/log.ts'
import { carriedNonces, processesOf, signalProcess } from './agent/process.ts'
import { sessionKey } from './open-turn.ts'
import { makePlace } from './places.ts'
import type { Begin, Program } from './program.ts'
import type { AgentRow, SessionRef, SessionRow } from './rows.ts'
import type { Store } from './store.ts'
import { WarmAgent, type WarmAgentEvents } from './warm-agent.ts'

/** How long an agent that was told to leave may take before it is made to. The CLI waits 5 s for background tools. */
const LEAVE_MS = 10_000
const MB = 1024 * 1024

export interface AgentPoolOptions {
  /** SWITCHBOARD_HOME, and the folder of agents in it. */
  readonly home: string
  readonly root: string
  readonly store: Store
  readonly program: Program
  readonly log: Log
  readonly orphan_s: number
  readonly log_max_mb: number
  readonly max_warm: number
  readonly permission_mode: string
  /** Above this an agent is replaced between turns, in MB. */
  readonly max_mb: number
  readonly events: (warm: () => WarmAgent) => WarmAgentEvents & { onExit(status: number | null): void }
}

/** How what an agent starts finds out for whom: the loop guard needs it (protocol/chain.ts). It changes no rights. */
const selfOf = ({ bot_id, chat_id }: SessionRow, folder: AgentFolder): Record<string, string> => {
  const turnFile = folder.file('turn')
  return { SWITCHBOARD_CHAT: `${bot_id}/${chat_id}`, SWITCHBOARD_TURN_FILE: turnFile }
}

export class AgentPool {
  readonly #options: AgentPoolOptions
  readonly #agents = new Map<number, WarmAgent>()

  constructor(options: AgentPoolOptions) {
    this.#options = options
  }

  get all(): readonly WarmAgent[] {
    return [...this.#agents.values()]
  }

  get(n: number): WarmAgent | null {
    return this.#agents.get(n) ?? null
  }

  folder(n: number): AgentFolder {
    return new AgentFolder(this.#options.root, n)
  }

  /** Takes up an agent of an earlier life. @param from where in its log to begin, a line boundary */
  reopen(row: AgentRow, from: number): WarmAgent {
    const folder = this.folder(row.n)
    folder.create()
    // The lease first, the look whether it was given up (`isClosed`) after it: see keeper.sh.
    folder.touchLease()
    // Killed between the row and the keeper's start, or its folder is gone (a backup was put back): taking the keeper's place
    // decides that it never runs.
    folder.claim()
    const warm = this.#open(row, folder, from)
    // A tool that was put into the background then may still run: such an agent is not idle.
    for (const line of linesWith(folder.file('out'), '"task_', from)) warm.remember(line)
    return warm
  }

  /** The agent that may be given the session's next message, or null. */
  usable(session: SessionRow): WarmAgent | null {
    const found = this.#ofSession(sessionKey(session)).find(
      (warm) =>
        !warm.isRetiring &&
        warm.agent.isOpen &&
        warm.row.conversation_id === session.conversation_id &&
        warm.row.fingerprint === this.#options.program.fingerprint &&
        warm.agent.position < this.#options.log_max_mb * MB,
    )
    return found ?? null
  }

  /**
   * Starts an agent for the session. No other agent of the session may live: two writers of one conversation lose a
   * branch of it without a word (`claude-cli.md` 4), so those that do are waited for.
   */
  async start(session: SessionRow, begin: Begin): Promise<WarmAgent> {
    await Promise.all(this.#ofSession(sessionKey(session)).map((warm) => this.dismiss(warm)))
    const { program, store, orphan_s } = this.#options
    makePlace(session.cwd, this.#options.home)
    const row = store.addAgent({
      bot_id: session.bot_id,
      chat_id: session.chat_id,
      lane: session.lane,
      conversation_id: session.conversation_id,
      nonce: randomUUID(),
      boot_id: bootId(),
      fingerprint: program.fingerprint,
      permission_mode: this.#options.permission_mode,
      started_at: Date.now(),
    })
    const folder = this.folder(row.n)
    try {
      folder.createNew()
    } catch (error) {
      // There is no process and never will be, and where the disk is full this is tried again and again.
      this.#note(row.n, () => store.forgetAgent(row.n))
      throw error
    }
    const warm = this.#open(row, folder, 0)
    try {
      await spawnKeeper(folder, row.nonce, {
        command: program.command,
        args: program.args({ id: session.conversation_id, begin }),
        env: { ...program.env, ...selfOf(session, folder) },
        cwd: session.cwd,
        orphan_minutes: Math.ceil(orphan_s / 60),
      })
    } catch (error) {
      // Whatever the shell got done: with its place taken no keeper comes any more.
      await warm.agent.kill()
      throw error
    }
    return warm
  }

  /** It takes no more messages, finishes what it does, and leaves. */
  retire(warm: WarmAgent): void {
    if (warm.isRetiring) return
    this.#markRetiring(warm)
    warm.agent.closeInput()
  }

  #markRetiring(warm: WarmAgent): void {
    if (warm.isRetiring) return
    warm.isRetiring = true
    this.#note(warm.row.n, (store) => store.agentRetiring(warm.row.n))
  }

  /** Writes down what the agent's folder says as well: where it can't be (the disk is full), the next life finds it there. */
  #note(agent: number, write: (store: Store) => void): void {
    try {
      write(this.#options.store)
    } catch (error) {
      this.#options.log.warn({ err: error, agent }, 'a note on an agent could not be written down')
    }
  }

  /** Retires an agent and waits until it has gone; one that stays though it has nothing to do is ended. */
  async dismiss(warm: WarmAgent): Promise<void> {
    this.retire(warm)
    // Found retiring after a restart: its keeper may not have been told yet.
    warm.agent.closeInput()
    const gone = warm.agent.exited().then(() => true)
    for (;;) {
      const isGone = await Promise.race([gone, delay(LEAVE_MS, false, { ref: false })])
      if (isGone) return
      if (warm.isInOwnTurn || warm.turn !== null) continue
      await warm.agent.kill()
      await gone
      return
    }
  }

  /** Makes an agent leave that does not break off: asked by SIGTERM, then by SIGKILL, its tools with it. */
  async terminate(warm: WarmAgent): Promise<void> {
    this.#markRetiring(warm)
    await warm.agent.terminate()
  }

  /** Ends an agent and all it started, at once. */
  async kill(warm: WarmAgent): Promise<void> {
    this.#markRetiring(warm)
    await warm.agent.kill()
  }

  /** Ends all agents of a session; what they do of their own accord, and their tools in the background, with them. */
  async endAll(key: string): Promise<void> {
    await Promise.all(
      this.#ofSession(key).map(async (warm) => {
        if (!warm.isIdle) await this.kill(warm)
        await this.dismiss(warm)
      }),
    )
  }

  /** Ends the agents of a session that were told to leave and are held up by turns of their own: a message may wait for that. */
  async endLate(key: string): Promise<void> {
    const late = this.#ofSession(key).filter((warm) => warm.isRetiring && warm.isInOwnTurn)
    await Promise.all(late.map((warm) => this.kill(warm)))
  }

  /** The agents that could leave without anybody noticing, longest idle first. */
  idle(): WarmAgent[] {
    return this.all.filter((warm) => warm.isIdle && !warm.isRetiring).sort((a, b) => a.idleSince - b.idleSince)
  }

  /** Between turns: an agent that has grown too large is replaced at the next message. */
  recycle(warm: WarmAgent): void {
    const size = warm.agent.pid === null ? null : residentMb(warm.agent.pid)
    if (size === null || size <= this.#options.max_mb) return
    this.#options.log.info({ agent: warm.row.n, size }, 'an agent is above AGENT_MAX_MB and is replaced')
    this.retire(warm)
  }

  /** Lets go of the agents that were idle for longer than they may, and gives them. @param limit in seconds */
  reap(limit: (session: SessionRef) => number): WarmAgent[] {
    const now = performance.now()
    const reaped = this.idle().filter((warm) => now - warm.idleSince >= limit(warm.row) * 1_000)
    for (const warm of reaped) this.retire(warm)
    return reaped
  }

  /** Ends agents that were told to leave, have nothing to do and stay. */
  endLeftovers(): void {
    const now = performance.now()
    for (const warm of this.#agents.values()) {
      if (!warm.isRetiring || !warm.isIdle || now - Math.max(warm.idleSince, warm.lastLineAt) < LEAVE_MS) continue
      this.terminate(warm).catch((error) =>
        this.#options.log.error({ err: error, agent: warm.row.n }, 'an agent could not be ended'),
      )
    }
  }

  /**
   * Ends what dead agents have left running (**F**): only what carries a nonce of ours, and only where the agent did not
   * leave by itself, since what Claude put in the background on purpose may outlive it.
   */
  sweep(): void {
    for (const nonce of carriedNonces()) {
      const row = this.#options.store.agentByNonce(nonce)
      const isLost = row?.state === 'dead' && (row.exit_status === null || row.exit_status > 128)
      if (isLost) this.#endProcesses(nonce)
    }
  }

  #endProcesses(nonce: string): void {
    for (const process of processesOf(nonce, null)) {
      if (signalProcess(process, nonce, 'SIGKILL'))
        this.#options.log.warn({ pid: process.pid }, 'an orphan of an agent was ended')
    }
  }

  /** Lets go of the longest idle ones where more stay warm than may. */
  trim(): void {
    const idle = this.idle()
    for (const warm of idle.slice(0, Math.max(0, idle.length - this.#options.max_warm))) this.retire(warm)
  }

  /** Tells every keeper that somebody still cares. */
  touchLeases(): void {
    for (const warm of this.#agents.values()) {
      try {
        warm.agent.folder.touchLease()
      } catch (error) {
        this.#options.log.warn({ err: error, agent: warm.row.n }, 'the lease of an agent could not be touched')
      }
      // Its keeper gave it up while nobody touched the lease (the machine slept): it will leave by itself.
      if (warm.agent.folder.isClosed) this.retire(warm)
    }
  }

  /** Lets go of all agents without touching them: they outlive us. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((warm) => warm.agent.close()))
  }

  ofSession(key: string): WarmAgent[] {
    return this.#ofSession(key)
  }

  #ofSession(key: string): WarmAgent[] {
    return this.all.filter((warm) => sessionKey(warm.row) === key)
  }

  #open(row: AgentRow, folder: AgentFolder, from: number): WarmAgent {
    const { log } = this.#options
    const events = this.#options.events(() => warm)
    const open = (onLine: (line: LogLine) => void): Agent =>
      new Agent(row, folder, from, {
        onLine,
        onProcess: (process) => this.#note(row.n, (store) => store.agentProcess(row.n, process)),
        onExit: (status) => {
          this.#agents.delete(row.n)
          // Nobody wrote a status down, or a signal ended it: what it had started has no one left to end it.
          if (status === null || status > 128) this.#endProcesses(row.nonce)
          events.onExit(status)
        },
        onError: (error) => log.error({ err: error, agent: row.n }, 'an agent could not be followed'),
      })
    const warm: WarmAgent = new WarmAgent(row, open, events)
    if (folder.isClosed) warm.isRetiring = true
    this.#agents.set(row.n, warm)
    return warm
  }
}
