/**
 * Turns: a message waits, is handed over, runs, and ends. One life of the service; the next one goes on from the rows.
 *
 * States (`turns.state`):
 * - waiting: committed (**A**), not handed over. Leaves to *handing* when its session has no other turn open before it
 *   (**B**) and there is a slot and memory; to *expired* when it waited too long; to *cancelled* by a stop.
 * - handing: the agent and the position of its log are on disk, the line may or may not have been written.
 * - running: the line was written as a whole, or the CLI has shown that it has it.
 * - answered, failed, cancelled, interrupted, expired: ends, reached once (**D**).
 *
 * From *handing* and *running* a turn goes back to *waiting* only when its agent is dead and neither the agent's log nor
 * the CLI's transcript knows its uuid: then the model cannot have seen it (**E**). After proof of the uuid, a dead agent
 * means *interrupted*.
 *
 * What is written before what: the row *handing* before the line, the line before *handed*, the log's bytes before the
 * end (**D**), the end with all that it owes in one transaction, and only then is anybody told.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../runtime/log.ts'
import { bootId } from './agent/process.ts'
import type { OwnTurn } from './agent/own-turns.ts'
import type { Transcripts } from './agent/transcript.ts'
import type { AgentPool } from './agent-pool.ts'
import { cancelledEnd, clearedEnd, expiredEnd, failedEnd, interruptedEnd, ownRecord, replyRecord, resultEnd } from './ends.ts'
import { OpenTurn } from './open-turn.ts'
import type { Outbox } from './outbox.ts'
import type { At } from './points.ts'
import type { Program } from './program.ts'
import { isClear, promptOf } from './prompt.ts'
import type { TurnEnd, TurnRow } from './rows.ts'
import type { Store } from './store.ts'
import { endEvent } from './turn-events.ts'
import type { WarmAgent } from './warm-agent.ts'
import { randomUUID } from 'node:crypto'

/** How often a message is handed over, at most, when agents die before they have taken it. */
const MAX_ATTEMPTS = 2
/** How long the CLI may take to break off before it is made to: it was measured to take 3 to 60 ms. */
const INTERRUPT_MS = 10_000
/** How long a client waits for history before it is told of an end that is already safe in the outbox. */
const HISTORY_WAIT_MS = 1_000
const RETRY_COMMIT_MS = 500
/** Wait time that a crash may forget, at most: it is written this often. */
const SAVE_WAIT_MS = 5_000

export interface TurnsOptions {
  readonly store: Store
  readonly pool: AgentPool
  readonly outbox: Outbox
  readonly transcripts: Transcripts
  readonly program: Program
  readonly log: Log
  readonly at: At
  readonly max_running: number
  readonly queue_wait_s: number
  readonly silence_s: number
  /** Null when there is memory for one more agent, else why not. */
  readonly shortage: () => string | null
  readonly globalMemory: () => string | null
  readonly onChange: (turn: TurnRow) => void
}

export class Turns {
  readonly #o: TurnsOptions
  readonly #open = new Map<string, OpenTurn>()
  /** In order of arrival. */
  #waiting: OpenTurn[] = []
  /** The turn of each session that was handed over or is about to be. */
  readonly #active = new Map<string, OpenTurn>()
  /** Sessions that are being stopped: nothing of theirs begins. */
  readonly #held = new Set<string>()
  readonly #ending = new Set<Promise<void>>()
  #isTaking = true
  #isRetiring = false
  /** Why the first waiting turn does not begin. */
  #shortage: string | null = null

  constructor(options: TurnsOptions) {
    this.#o = options
  }

  get counts(): { readonly running: number; readonly waiting: number } {
    return { running: this.#active.size, waiting: this.#waiting.length }
  }

  /** The turn while it has not ended, or null. */
  get(turnId: string): OpenTurn | null {
    return this.#open.get(turnId) ?? null
  }

  /** The turn that the session is in, or null. */
  active(key: string): OpenTurn | null {
    return this.#active.get(key) ?? null
  }

  /** The agent that works on a turn. */
  agentOf(turn: OpenTurn): WarmAgent | null {
    return turn.row.agent === null ? null : this.#o.pool.get(turn.row.agent)
  }

  /** Takes a turn that was just committed. */
  add(row: TurnRow): OpenTurn {
    const turn = new OpenTurn(row)
    this.#open.set(turn.id, turn)
    this.#waiting.push(turn)
    this.pump()
    return turn
  }

  /** Takes up what the last life left: agents first, so that their turns find them. */
  recover(): void {
    const { store, pool, log } = this.#o
    const rows = store.openTurns()
    const handed = new Map(rows.filter((row) => row.agent !== null).map((row) => [row.agent as number, row]))
    for (const agent of store.agentsAlive()) {
      const start = handed.get(agent.n)?.start_offset ?? agent.folded_offset
      pool.reopen(agent, Math.min(agent.folded_offset, start))
    }
    for (const row of rows) {
      const turn = new OpenTurn(row, store.notices(row.turn_id))
      this.#open.set(turn.id, turn)
      if (row.state === 'waiting') {
        this.#waiting.push(turn)
        continue
      }
      this.#active.set(turn.key, turn)
      const agentRow = store.agent(row.agent as number)
      const warm = pool.get(row.agent as number) ?? (agentRow && pool.reopen(agentRow, row.start_offset ?? 0))
      if (!warm) throw new Error(`turn ${row.turn_id} was handed to agent ${row.agent}, which has no row`)
      warm.give(turn)
      if (row.state === 'running') turn.setHanded(row)
      else this.#track(this.#recoverHanding(turn, warm))
    }
    if (rows.length > 0) log.info({ turns: rows.length, agents: pool.all.length }, 'taken up from the life before')
    this.pump()
  }

  /** Begins whatever may begin. Called whenever something has changed. */
  pump(): void {
    if (!this.#isTaking || this.#isRetiring) return
    this.#shortage = null
    for (const turn of [...this.#waiting]) {
      // B: the turns of a session run one after the other, in order of arrival.
      if (this.#active.has(turn.key) || this.#held.has(turn.key)) continue
      if (this.#active.size >= this.#o.max_running) {
        this.#shortage = `all ${this.#o.max_running} slots are busy`
        return
      }
      const lack = this.#needsAgent(turn) ? this.#o.shortage() : null
      if (lack !== null) {
        this.#shortage = lack
        continue
      }
      this.#waiting = this.#waiting.filter((other) => other !== turn)
      this.#active.set(turn.key, turn)
      this.#track(this.#begin(turn))
    }
  }

  #needsAgent(turn: OpenTurn): boolean {
    const session = this.#o.store.session(turn.row.bot_id, turn.row.chat_id)
    return session === null || this.#o.pool.usable(session) === null
  }

  /** Counts the time that turns wait (only while this runs: **B**) and ends those that waited too long. */
  tick(elapsedMs: number): void {
    for (const turn of [...this.#waiting]) {
      turn.unsavedWaitMs += elapsedMs
      const waitedMs = turn.row.waited_ms + turn.unsavedWaitMs
      if (waitedMs < this.#o.queue_wait_s * 1_000) continue
      const why = this.#active.has(turn.key) ? 'Claude is still at work on an earlier message of this chat' : (this.#shortage ?? 'there was no free slot')
      this.#track(this.#finish(turn, expiredEnd(`The message waited ${Math.round(waitedMs / 1_000)} s and was not handed to Claude: ${why}. Send it again later.`)))
    }
    this.#saveWaits(SAVE_WAIT_MS)
    for (const turn of this.#active.values()) this.#watchSilence(turn)
    this.pump()
  }

  #saveWaits(from: number): void {
    const due = this.#waiting.filter((turn) => turn.unsavedWaitMs > 0 && turn.unsavedWaitMs >= from)
    this.#o.store.addWaits(due.map((turn) => [turn.id, turn.unsavedWaitMs] as const))
    for (const turn of due) {
      turn.row = { ...turn.row, waited_ms: turn.row.waited_ms + turn.unsavedWaitMs }
      turn.unsavedWaitMs = 0
    }
  }

  /** Breaks off the turn a session is in; its end follows. False when it is in none. */
  async interrupt(key: string): Promise<boolean> {
    const turn = this.#active.get(key)
    if (!turn || turn.isEnding) return false
    this.#o.store.askCancel(turn.id)
    turn.row = { ...turn.row, cancel_asked: 1 }
    await this.#breakOff(turn)
    return true
  }

  /**
   * Ends everything of a session and calls `forget` while nothing of it can begin: waiting turns are cancelled, the
   * running one is broken off, its agents leave.
   */
  async clear(key: string, forget: () => void): Promise<void> {
    this.#held.add(key)
    try {
      for (const turn of this.#waiting.filter((waiting) => waiting.key === key)) await this.#finish(turn, cancelledEnd('', null))
      const active = this.#active.get(key)
      if (active) {
        await this.interrupt(key)
        while (this.#active.get(key) === active) await active.events.waitForMore(250, AbortSignal.timeout(250))
      }
      await Promise.all(
        this.#o.pool.ofSession(key).map(async (warm) => {
          // A tool in the background, or a turn of the CLI's own, belongs to what is being ended.
          if (!warm.isIdle) await this.#o.pool.kill(warm)
          await this.#o.pool.dismiss(warm)
        }),
      )
      forget()
    } finally {
      this.#held.delete(key)
      this.pump()
    }
  }

  /** No turn begins any more; agents finish what they have and leave. For a stop of everything. */
  retire(): void {
    this.#isRetiring = true
    for (const warm of this.#o.pool.all) this.#o.pool.retire(warm)
  }

  /** Stops beginning turns and waits for the ends that are being written. */
  async drain(): Promise<void> {
    this.#isTaking = false
    this.#saveWaits(0)
    while (this.#ending.size > 0) await Promise.allSettled([...this.#ending])
  }

  /** The result of a turn was seen, on the line at `offset`. */
  onResult(turn: OpenTurn, warm: WarmAgent, offset: number): void {
    this.#o.at('result_seen', turn.id)
    // Seen before *handed* is on disk: the hand-over goes on to `#afterHanded`, which looks again.
    if (turn.isHanded) this.#endByResult(turn, warm, offset)
    else turn.resultOffset = offset
  }

  onProof(turn: OpenTurn): void {
    this.#o.at('proof_seen', turn.id)
  }

  onFirstText(turn: OpenTurn): void {
    this.#o.at('first_text', turn.id)
  }

  /** The CLI has ended a turn that it began by itself: a turn of its own, recorded and shown. */
  onOwnTurn(warm: WarmAgent, own: OwnTurn, next: number): void {
    const { store, outbox } = this.#o
    const { result } = own
    const now = Date.now()
    const turn = { turn_id: randomUUID(), bot_id: warm.row.bot_id, chat_id: warm.row.chat_id, agent: warm.row.n, start_offset: own.start_offset, now }
    const { kind, text, total_cost_usd, turn_cost_usd, ...usage } = result
    const end: TurnEnd = {
      state: kind === 'answered' ? 'answered' : kind === 'failed' ? 'failed' : 'interrupted',
      reply: text,
      reason: kind === 'failed' ? text : null,
      end_offset: own.end_offset,
      ...usage,
      cost_usd: turn_cost_usd ?? (total_cost_usd === null ? null : Math.max(0, total_cost_usd - warm.cost_usd)),
    }
    warm.cost_usd = Math.max(warm.cost_usd, total_cost_usd ?? 0)
    const record = text === '' ? null : ownRecord({ ...turn, message: '', user_id: null, username: null }, text, now)
    store.addOwnTurn(turn, end, next, warm.cost_usd, record)
    outbox.poke()
    const row = store.turn(turn.turn_id)
    if (row) this.#o.onChange(row)
    this.pump()
  }

  /** An agent is dead and its log was read to the end. */
  onExit(warm: WarmAgent, status: number | null): void {
    this.#track(this.#afterExit(warm, status))
  }

  async #afterExit(warm: WarmAgent, status: number | null): Promise<void> {
    const turn = warm.turn
    if (turn && !turn.isEnding) await this.#settle(turn, warm, status)
    // The row last: as long as it is not dead, the next life looks at the turn again.
    this.#o.store.agentDead(warm.row.n, status, Date.now())
    this.pump()
  }

  /** Decides what a dead agent means for its turn. */
  async #settle(turn: OpenTurn, warm: WarmAgent, status: number | null): Promise<void> {
    const { store, transcripts, log } = this.#o
    const fold = turn.fold
    if (fold?.result) {
      this.#handed(turn)
      this.#endByResult(turn, warm, turn.resultOffset ?? warm.agent.position)
      return
    }
    const partial = fold?.text ?? ''
    const where = warm.agent.position
    const why = status === null ? 'its process is gone' : `its process ended with status ${status}`
    const interrupted = interruptedEnd(partial, warm.row.boot_id === bootId() ? why : 'the machine was restarted', where)
    if (turn.row.cancel_asked === 1) return await this.#finish(turn, cancelledEnd(partial, where))
    if (turn.timeoutReason !== null) return await this.#finish(turn, { ...failedEnd(turn.timeoutReason), end_offset: where })
    // E: after a reboot nothing says what the log lost, so handing counts as handed.
    if (warm.row.boot_id !== bootId() || fold?.isProven === true) return await this.#finish(turn, interrupted)
    const session = store.session(turn.row.bot_id, turn.row.chat_id)
    const known = session ? await transcripts.knows(session.cwd, warm.row.conversation_id, turn.id) : 'no'
    if (known !== 'no') return await this.#finish(turn, interrupted)
    const said = warm.agent.folder.errorText()
    log.warn({ turn: turn.id, agent: warm.row.n, status, said }, 'the agent died before it had the message')
    if (turn.row.attempts >= MAX_ATTEMPTS) {
      await this.#finish(turn, { ...failedEnd(`Claude could not be started: ${said || why}`), end_offset: where })
      return
    }
    turn.flipResume = /already in use|No conversation found/.test(said)
    warm.release()
    store.unhand(turn.id)
    turn.setWaiting(store.turn(turn.id) as TurnRow)
    this.#active.delete(turn.key)
    this.#waiting = [...this.#waiting, turn].sort((a, b) => a.row.seq - b.row.seq)
  }

  async #begin(turn: OpenTurn): Promise<void> {
    const { store, program, log } = this.#o
    try {
      if (program.about.problem !== null) return await this.#finish(turn, failedEnd(program.about.problem))
      if (isClear(turn.row.message)) return await this.#clearConversation(turn)
      const warm = await this.#agentFor(turn)
      if (this.#isGivenUp(turn)) return await this.#finish(turn, cancelledEnd('', null))
      // E: an agent that has gone in the meantime never had the message: it simply waits for another.
      if (!warm.agent.isOpen) return this.#waitAgain(turn)
      await this.#handOver(turn, warm)
    } catch (error) {
      log.error({ err: error, turn: turn.id }, 'a turn could not begin')
      const warm = this.agentOf(turn)
      // Once *handing* is on disk only the agent's log and transcript can tell (`#settle`).
      if (warm && store.turn(turn.id)?.state !== 'waiting') await this.#o.pool.kill(warm)
      else await this.#finish(turn, failedEnd(`Claude could not be started: ${(error as Error).message}`))
    }
  }

  #isGivenUp(turn: OpenTurn): boolean {
    return turn.row.cancel_asked === 1
  }

  #waitAgain(turn: OpenTurn): void {
    this.#active.delete(turn.key)
    this.#waiting = [...this.#waiting, turn].sort((a, b) => a.row.seq - b.row.seq)
    this.pump()
  }

  async #agentFor(turn: OpenTurn): Promise<WarmAgent> {
    const { store, pool, transcripts } = this.#o
    const session = store.session(turn.row.bot_id, turn.row.chat_id)
    if (!session) throw new Error('its session has no row')
    const usable = pool.usable(session)
    if (usable) return usable
    const exists = transcripts.find(session.cwd, session.conversation_id) !== null
    const resume = turn.flipResume ? !exists : exists
    const warm = await pool.start(session, resume)
    if (!resume && session.first_done === 1 && !turn.flipResume) {
      store.addNotice(turn.id, warm.row.n, 0, 'The earlier conversation of this chat is no longer on disk; a new one begins.')
    }
    return warm
  }

  async #handOver(turn: OpenTurn, warm: WarmAgent): Promise<void> {
    const { store, at } = this.#o
    at('before_handing', turn.id)
    const offset = warm.agent.position
    if (!store.handing(turn.id, warm.row.n, offset)) throw new Error('the turn was no longer waiting')
    turn.row = store.turn(turn.id) as TurnRow
    at('handing_committed', turn.id)
    warm.give(turn)
    try {
      await warm.agent.write(turn.id, promptOf(turn.row.message, this.#o.globalMemory()))
    } catch (error) {
      // The reader is gone, or half a line is in a FIFO that nobody should read on: what the dead agent's log and
      // transcript say decides (`#settle`).
      this.#o.log.warn({ err: error, turn: turn.id, agent: warm.row.n }, 'the message could not be written to the agent')
      await this.#o.pool.kill(warm)
      return
    }
    at('line_written', turn.id)
    // The agent died meanwhile and the turn went on without it.
    if (warm.turn !== turn) return
    this.#handed(turn)
    at('handed_committed', turn.id)
    this.#afterHanded(turn, warm)
  }

  /** Commits that the agent has the whole line. */
  #handed(turn: OpenTurn): void {
    if (turn.isHanded || turn.isEnding) return
    this.#o.store.handed(turn.row, Date.now())
    turn.setHanded(this.#o.store.turn(turn.id) as TurnRow)
    for (const notice of this.#o.store.notices(turn.id)) turn.addNotice(notice)
    this.#o.onChange(turn.row)
  }

  #afterHanded(turn: OpenTurn, warm: WarmAgent): void {
    if (turn.resultOffset !== null) this.#endByResult(turn, warm, turn.resultOffset)
    else if (this.#isGivenUp(turn)) this.#track(this.#breakOff(turn))
  }

  /** *handing* was found after a restart: only proof of our uuid says that the CLI has the message (**E**). */
  async #recoverHanding(turn: OpenTurn, warm: WarmAgent): Promise<void> {
    await warm.agent.drain()
    if (warm.agent.isDead || turn.isEnding) return
    const session = this.#o.store.session(turn.row.bot_id, turn.row.chat_id)
    const isKnown = async (): Promise<boolean> =>
      turn.fold?.isProven === true ||
      (session !== null && (await this.#o.transcripts.knows(session.cwd, warm.row.conversation_id, turn.id)) === 'yes')
    if (await isKnown()) {
      this.#handed(turn)
      this.#afterHanded(turn, warm)
      return
    }
    // Not an end of file: that would run a line without its newline. Its death is settled like any other's.
    await this.#o.pool.kill(warm)
  }

  #endByResult(turn: OpenTurn, warm: WarmAgent, offset: number): void {
    const result = turn.fold?.result
    if (!result || turn.isEnding) return
    const end = resultEnd(turn, result, warm.cost_usd, offset)
    warm.cost_usd = Math.max(warm.cost_usd, result.total_cost_usd ?? 0)
    this.#track(this.#finish(turn, end, warm))
  }

  /** Writes the end of a turn, with what it owes, and then tells. */
  async #finish(turn: OpenTurn, end: TurnEnd, given: WarmAgent | null = null): Promise<void> {
    if (turn.isEnding) return
    turn.isEnding = true
    this.#waiting = this.#waiting.filter((other) => other !== turn)
    const { store, log, outbox, at } = this.#o
    const warm = given ?? this.agentOf(turn)
    const folded = warm && warm.turn === turn ? warm : null
    if (folded && !folded.agent.isDead) {
      // D: an end must not be remembered longer than the words it rests on.
      await folded.agent.sync().catch((error) => log.warn({ err: error, agent: folded.row.n }, 'an agent log could not be forced to disk'))
    }
    const position = folded ? { n: folded.row.n, folded: folded.agent.position, cost_usd: folded.cost_usd } : null
    const now = Date.now()
    const record = replyRecord(turn.row, end.reply, now)
    for (;;) {
      try {
        store.end(turn.row, end, position, record, now)
        break
      } catch (error) {
        // A full disk passes; an end that was seen must not be dropped.
        log.error({ err: error, turn: turn.id }, 'the end of a turn could not be written; it is tried again')
        await delay(RETRY_COMMIT_MS)
      }
    }
    at('end_committed', turn.id)
    folded?.release()
    if (this.#active.get(turn.key) === turn) this.#active.delete(turn.key)
    this.pump()
    this.#o.pool.trim()
    outbox.poke()
    await outbox.arrived(record.record_id, HISTORY_WAIT_MS)
    const row = store.turn(turn.id) as TurnRow
    turn.row = row
    if (turn.isHanded) turn.flushNotices()
    turn.events.append([endEvent(row)])
    this.#open.delete(turn.id)
    this.#o.onChange(row)
  }

  /** `/clear` is our own reset of the conversation; it takes its place in the queue like any message. */
  async #clearConversation(turn: OpenTurn): Promise<void> {
    const { store, pool } = this.#o
    await Promise.all(pool.ofSession(turn.key).map((warm) => pool.dismiss(warm)))
    store.newConversation(turn.row.bot_id, turn.row.chat_id, randomUUID())
    await this.#finish(turn, clearedEnd())
  }

  /** Asks the agent to break off; ends it when it does not. */
  async #breakOff(turn: OpenTurn): Promise<void> {
    const warm = this.agentOf(turn)
    // Not handed over yet: `#begin` and `#afterHanded` look at the wish themselves.
    if (!warm || !turn.isHanded) return
    try {
      await warm.agent.interrupt()
    } catch (error) {
      this.#o.log.warn({ err: error, agent: warm.row.n }, 'the agent could not be asked to break off')
    }
    const timer = setTimeout(() => {
      if (warm.turn === turn && !turn.isEnding) void this.#o.pool.kill(warm)
    }, INTERRUPT_MS)
    timer.unref()
  }

  /** A turn in which nothing was heard for too long is broken off. */
  #watchSilence(turn: OpenTurn): void {
    const warm = this.agentOf(turn)
    if (!warm || !turn.isHanded || turn.isEnding || turn.timeoutReason !== null) return
    if (Date.now() - warm.lastLineAt < this.#o.silence_s * 1_000) return
    turn.timeoutReason = `Claude said nothing for ${this.#o.silence_s} s and was stopped. The conversation goes on with the next message.`
    this.#o.log.warn({ turn: turn.id, agent: warm.row.n }, 'an agent was silent for too long')
    this.#track(this.#breakOff(turn))
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error) => this.#o.log.error({ err: error }, 'a turn could not go on'))
      .finally(() => this.#ending.delete(tracked))
    this.#ending.add(tracked)
  }
}
