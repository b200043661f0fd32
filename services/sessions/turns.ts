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

import { randomUUID } from 'node:crypto'
import type { OwnTurn } from './agent/own-turns.ts'
import { cancelledEnd, clearedEnd, expiredEnd, failedEnd, replyRecord, resultEnd } from './ends.ts'
import type { Outcome } from './hand-over.ts'
import { OpenTurn } from './open-turn.ts'
import { recordOwnTurn } from './own-turn-record.ts'
import { isClear } from './prompt.ts'
import { isDue, Queue, waitedMs } from './queue.ts'
import { RecentTurns } from './recent-turns.ts'
import type { TurnEnd, TurnRow } from './rows.ts'
import { endEvent } from './turn-events.ts'
import type { TurnsOptions } from './turns-options.ts'
import type { WarmAgent } from './warm-agent.ts'

/** Wait time that a crash may forget, at most: it is written this often. */
const SAVE_WAITS_MS = 5_000
/** How long a client waits for history before it is told of an end that is already safe in the outbox. */
const HISTORY_WAIT_MS = 1_000

export class Turns {
  readonly #o: TurnsOptions
  readonly #open = new Map<string, OpenTurn>()
  readonly #recent = new RecentTurns()
  readonly #queue: Queue
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
    this.#queue = new Queue(options.store)
  }

  /** Of chats and tasks together. */
  get counts(): { readonly running: number; readonly waiting: number } {
    return { running: this.#active.size, waiting: this.#queue.size }
  }

  /** How many slots are taken. */
  running(kind: 'chats' | 'tasks'): number {
    let count = 0
    for (const turn of this.#active.values()) if (turn.isTask === (kind === 'tasks')) count += 1
    return count
  }

  /** The turn while it has not ended, and for a while after, or null: whoever waits for a short answer asks when it is there. */
  get(turnId: string): OpenTurn | null {
    return this.#open.get(turnId) ?? this.#recent.get(turnId) ?? null
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
    this.#queue.add(turn)
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
        this.#queue.add(turn)
        continue
      }
      this.#active.set(turn.key, turn)
      const agentRow = store.agent(row.agent as number)
      const warm = pool.get(row.agent as number) ?? (agentRow && pool.reopen(agentRow, row.start_offset ?? 0))
      if (!warm) throw new Error(`turn ${row.turn_id} was handed to agent ${row.agent}, which has no row`)
      warm.give(turn)
      if (row.state === 'running') turn.setHanded(row)
      if (row.state === 'handing' || row.cancel_asked === 1) this.#track(this.#takeUp(turn, warm))
    }
    for (const warm of pool.all) this.#track(this.#o.watchdog.narrow(warm))
    if (rows.length > 0) log.info({ turns: rows.length, agents: pool.all.length }, 'taken up from the life before')
    this.pump()
  }

  /** Finds out how far a hand-over came, and breaks off what was asked to stop when nobody was left to do it. */
  async #takeUp(turn: OpenTurn, warm: WarmAgent): Promise<void> {
    if (turn.isHanded) {
      // It may have ended, or broken off, long ago.
      await warm.agent.drain()
      if (!turn.isEnding) await this.#o.watchdog.breakOff(turn, warm)
      return
    }
    const { untilWritten, handOver } = this.#o
    const outcome = await untilWritten('a hand-over', { turn: turn.id }, () => handOver.recover(turn, warm))
    await this.#goOn(turn, outcome)
  }

  /** Begins whatever may begin. Called whenever something has changed. */
  pump(): void {
    if (!this.#isTaking || this.#isRetiring) return
    this.#shortage = null
    const now = Date.now()
    const { max_running, max_tasks } = this.#o
    const free = { chats: max_running - this.running('chats'), tasks: max_tasks - this.running('tasks') }
    for (const turn of this.#queue.all) {
      // B: the turns of a session run one after the other, in order of arrival.
      if (this.#active.has(turn.key) || this.#held.has(turn.key) || this.#held.has(turn.chatKey) || !isDue(turn, now)) continue
      const kind = turn.isTask ? 'tasks' : 'chats'
      if (free[kind] <= 0) {
        if (!turn.isTask) this.#shortage = `all ${max_running} slots are busy`
        continue
      }
      const lack = this.#needsAgent(turn) ? this.#o.shortage() : null
      if (lack !== null) {
        this.#shortage = lack
        continue
      }
      free[kind] -= 1
      this.#queue.remove(turn)
      this.#active.set(turn.key, turn)
      this.#track(this.#begin(turn))
    }
  }

  #needsAgent(turn: OpenTurn): boolean {
    const session = this.#o.store.session(turn.row)
    return session === null || this.#o.pool.usable(session) === null
  }

  /** Counts the time that turns wait (only while this runs: **B**) and ends those that waited too long. */
  tick(elapsedMs: number): void {
    for (const turn of this.#queue.wait(elapsedMs, this.#o.queue_wait_s * 1_000)) {
      const isBehind = this.#active.has(turn.key)
      const why = isBehind
        ? 'Claude is still at work on an earlier message of this chat'
        : (this.#shortage ?? 'there was no free slot')
      this.#track(this.#finish(turn, expiredEnd(waitedMs(turn), why)))
    }
    for (const turn of this.#active.values()) this.#track(this.#o.watchdog.watch(turn, this.agentOf(turn)))
    for (const warm of this.#o.pool.all) this.#track(this.#o.watchdog.watchOwnTurn(warm))
    this.pump()
    this.#queue.save(SAVE_WAITS_MS)
  }

  /** Breaks off the turn a session is in; its end follows. False when it is in none. */
  async interrupt(key: string): Promise<boolean> {
    const turn = this.#active.get(key)
    if (!turn || turn.isEnding) return false
    const { store, pool, watchdog, log } = this.#o
    try {
      store.askCancel(turn.id)
    } catch (error) {
      // The disk is full, say. Only a crash before the break-off would forget the wish.
      log.error({ err: error, turn: turn.id }, 'that a turn is to stop could not be written down')
    }
    turn.row = { ...turn.row, cancel_asked: 1 }
    await watchdog.breakOff(turn, this.agentOf(turn))
    if (this.agentOf(turn) === null) await pool.endLate(key)
    return true
  }

  /** Ends one turn that has not ended: a waiting one never begins, a running one is broken off. False where there is none. */
  async cancel(turnId: string): Promise<boolean> {
    const turn = this.#open.get(turnId)
    if (!turn || turn.isEnding) return false
    if (this.#active.get(turn.key) === turn) return await this.interrupt(turn.key)
    await this.#finish(turn, cancelledEnd('', null))
    return true
  }

  /**
   * Ends everything of these sessions and calls `forget` while nothing of them can begin: waiting turns are cancelled,
   * running ones are broken off, their agents leave.
   */
  async clear(keys: readonly string[], forget: () => void): Promise<void> {
    for (const key of keys) this.#held.add(key)
    try {
      await Promise.all(keys.map((key) => this.#clear(key)))
      forget()
    } finally {
      for (const key of keys) this.#held.delete(key)
      this.pump()
    }
  }

  /** Ends what waits by now and is meant. */
  async cancelWaiting(isMeant: (turn: OpenTurn) => boolean): Promise<void> {
    for (const turn of this.#queue.all.filter(isMeant)) await this.#finish(turn, cancelledEnd('', null))
  }

  async #clear(key: string): Promise<void> {
    await this.cancelWaiting((turn) => turn.key === key)
    const active = this.#active.get(key)
    if (active) {
      await this.interrupt(key)
      while (this.#active.get(key) === active) await active.events.waitForMore(250, AbortSignal.timeout(250))
      // The batch that its end has led to, where that came first. Nobody sent it: what people send now is for after the stop.
      await this.cancelWaiting((turn) => turn.key === key && turn.row.due_at !== null)
    }
    await this.#o.pool.endAll(key)
  }

  /** No turn begins any more; agents finish what they have and leave. For a stop of everything. */
  retire(): void {
    this.#isRetiring = true
    for (const warm of this.#o.pool.all) this.#o.pool.retire(warm)
  }

  /** Stops beginning turns and waits for the ends that are being written. */
  async drain(): Promise<void> {
    this.#isTaking = false
    while (this.#ending.size > 0) await Promise.allSettled([...this.#ending])
    this.#queue.save()
  }

  /** The result of a turn was seen, on the line at `offset`. */
  onResult(turn: OpenTurn, warm: WarmAgent, offset: number): void {
    this.#o.at('result_seen', turn.id)
    turn.resultOffset = offset
    // Before *handed* is on disk nobody may be told: the hand-over goes on to `#goOn`, which looks again.
    if (turn.isHanded) this.#endByResult(turn, warm, offset)
  }

  onProof(turn: OpenTurn): void {
    this.#o.at('proof_seen', turn.id)
  }

  onFirstText(turn: OpenTurn): void {
    this.#o.at('first_text', turn.id)
  }

  /** The CLI has ended a turn that it began by itself: a turn of its own, recorded and shown. */
  onOwnTurn(warm: WarmAgent, own: OwnTurn, next: number): void {
    const { onChange, log } = this.#o
    warm.recorded = recordOwnTurn(this.#o, warm, own, next, (row) => this.add(row))
      .then(onChange)
      .catch((error) => log.error({ err: error, agent: warm.row.n }, 'a turn that an agent began by itself could not be told of'))
      .then(() => this.pump())
    this.#track(warm.recorded)
  }

  /** An agent is dead and its log was read to the end. */
  onExit(warm: WarmAgent, status: number | null): void {
    this.#track(this.#afterExit(warm, status))
  }

  async #afterExit(warm: WarmAgent, status: number | null): Promise<void> {
    const turn = warm.turn
    const { store, untilWritten, handOver } = this.#o
    const of = { agent: warm.row.n, turn: turn?.id }
    if (turn && !turn.isEnding) {
      const settle = () => handOver.settle(turn, warm, status)
      await this.#goOn(turn, await untilWritten('what an end of an agent means for its turn', of, settle))
    }
    await warm.recorded
    // The row last: as long as it is not dead, the next life looks at the turn again.
    await untilWritten('the end of an agent', of, () => store.agentDead(warm.row.n, status, Date.now()))
    this.pump()
  }

  async #begin(turn: OpenTurn): Promise<void> {
    const problem = this.#o.program.about.problem
    if (problem !== null) return await this.#finish(turn, failedEnd(problem))
    if (isClear(turn.row.message)) return await this.#clearConversation(turn)
    await this.#goOn(turn, await this.#o.handOver.deliver(turn))
  }

  /** What follows from how far a hand-over came. */
  async #goOn(turn: OpenTurn, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case 'end':
        return await this.#finish(turn, outcome.end)
      case 'again':
        this.#active.delete(turn.key)
        this.#queue.add(turn)
        return this.pump()
      case 'handed':
        this.#o.onChange(turn.row)
        if (turn.resultOffset !== null) this.#endByResult(turn, outcome.warm, turn.resultOffset)
        else if (turn.row.cancel_asked === 1 || turn.timeoutReason !== null)
          await this.#o.watchdog.breakOff(turn, this.agentOf(turn))
        return
      case 'lost':
        // The agent is dead or being killed: `onExit` settles what that means.
        return
    }
  }

  #endByResult(turn: OpenTurn, warm: WarmAgent, offset: number): void {
    const result = turn.fold?.result
    if (!result) return
    const end = resultEnd(turn, result, warm.cost_usd, offset)
    warm.cost_usd = Math.max(warm.cost_usd, result.total_cost_usd ?? 0)
    this.#track(this.#finish(turn, end, warm))
  }

  /** Writes the end of a turn, with what it owes, and then tells. */
  async #finish(turn: OpenTurn, end: TurnEnd, given: WarmAgent | null = null): Promise<void> {
    if (turn.isEnding) return
    turn.isEnding = true
    this.#queue.remove(turn)
    const { store, log, outbox, at } = this.#o
    const warm = given ?? this.agentOf(turn)
    const folded = warm && warm.turn === turn ? warm : null
    if (folded && !folded.agent.isDead) {
      // D: an end must not be remembered longer than the words it rests on.
      await folded.agent
        .sync()
        .catch((error) => log.warn({ err: error, agent: folded.row.n }, 'an agent log could not be forced to disk'))
    }
    const position = folded ? { n: folded.row.n, folded: folded.agent.position, cost_usd: folded.cost_usd } : null
    const now = Date.now()
    const record = replyRecord(turn.row, end.reply, now)
    // With it the log counts as folded up to here: what the agent did of its own accord before must be on disk.
    await folded?.recorded
    const followUp = await this.#o.untilWritten('the end of a turn', { turn: turn.id }, () => {
      const follows = this.#o.follow(turn.row, end)
      store.end(turn.row, end, position, record, now, () => follows?.commit())
      return follows
    })
    at('end_committed', turn.id)
    folded?.release()
    if (folded && !folded.agent.isDead) {
      this.#o.pool.recycle(folded)
      // Nobody will write to a task's agent for hours. One that still has a tool in the background stays and tells of it.
      if (turn.isTask && followUp?.goesOn !== true && folded.isIdle) this.#o.pool.retire(folded)
    }
    if (this.#active.get(turn.key) === turn) this.#active.delete(turn.key)
    followUp?.done((row) => this.add(row))
    this.pump()
    this.#o.pool.trim()
    outbox.poke()
    await outbox.arrived(record.record_id, HISTORY_WAIT_MS)
    const row = store.turn(turn.id) as TurnRow
    // What the log of the agent says is part of the turn, also when the hand-over was never confirmed.
    if (!turn.isHanded && row.agent !== null) turn.setHanded(row)
    turn.row = row
    if (turn.isHanded) turn.flushNotices()
    turn.events.append([endEvent(row)])
    this.#open.delete(turn.id)
    this.#recent.add(turn)
    this.#o.onChange(row)
  }

  /** `/clear` is our own reset of the conversation; it takes its place in the queue like any message. */
  async #clearConversation(turn: OpenTurn): Promise<void> {
    const { store, pool, untilWritten } = this.#o
    await Promise.all(pool.ofSession(turn.key).map((warm) => pool.dismiss(warm)))
    await untilWritten('a new conversation', { turn: turn.id }, () => store.newConversation(turn.row, randomUUID()))
    await this.#finish(turn, clearedEnd())
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error) => this.#o.log.error({ err: error }, 'a turn could not go on'))
      .finally(() => this.#ending.delete(tracked))
    this.#ending.add(tracked)
  }
}
