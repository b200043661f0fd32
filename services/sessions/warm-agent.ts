/**
 * An agent with what it is doing: the turn it was given, what it does of its own accord, and when it last spoke. Feeds
 * the log's lines to the fold of the turn; decides nothing.
 */
import type { TurnEvent } from '../../protocol/sessions.ts'
import type { Agent } from './agent/agent.ts'
import { TurnFold } from './agent/fold.ts'
import type { LogLine } from './agent/log.ts'
import { type OwnTurn, OwnTurns } from './agent/own-turns.ts'
import { type PermissionLine, readPermission } from './agent/permission.ts'
import { parseLine } from './agent/stream-json.ts'
import type { OpenTurn } from './open-turn.ts'
import type { AgentRow } from './rows.ts'

export interface WarmAgentEvents {
  /** The result of the given turn was seen, on the line at this offset. */
  onResult(turn: OpenTurn, offset: number): void
  /** The proof of the given turn was seen. */
  onProof(turn: OpenTurn): void
  /** The first words of the given turn were folded. */
  onFirstText(turn: OpenTurn): void
  onOwnTurn(own: OwnTurn, next: number): void
  /** A line of the control channel that concerns permissions, or the end of whatever could have asked for one. */
  onPermission(line: PermissionLine, offset: number): void
}

export class WarmAgent {
  readonly row: AgentRow
  readonly agent: Agent
  readonly #events: WarmAgentEvents
  readonly #own = new OwnTurns()
  #turn: OpenTurn | null = null
  #fold: TurnFold | null = null
  /** Cumulative, as the CLI counts. */
  cost_usd: number
  /** When it last wrote a line or was given a message: monotonic milliseconds, which no change of the clock moves. */
  lastLineAt = performance.now()
  /** Whether it has said anything since it was given its turn. */
  isHeard = false
  /** Monotonic milliseconds. */
  idleSince = performance.now()
  /** It takes no more messages: the next one of its session goes to another agent. */
  isRetiring: boolean
  /** Settles when the last turn that it began by itself is on disk. */
  recorded: Promise<void> = Promise.resolve()

  /** @param open makes the agent, given who hears its lines */
  constructor(row: AgentRow, open: (onLine: (line: LogLine) => void) => Agent, events: WarmAgentEvents) {
    this.row = row
    this.cost_usd = row.cost_usd
    this.isRetiring = row.state !== 'live'
    this.#events = events
    this.agent = open((line) => this.#onLine(line))
  }

  get turn(): OpenTurn | null {
    return this.#turn
  }

  /** Neither in a turn nor with a tool in the background. */
  get isIdle(): boolean {
    return this.#turn === null && !this.#own.isRunning && !this.#own.hasOpenTools
  }

  get isInOwnTurn(): boolean {
    return this.#own.isRunning
  }

  /** Found again after a restart: a line of its log that lies before what is read now. Only what still runs counts of it. */
  remember(line: LogLine): void {
    const json = parseLine(line)
    if (json !== null) this.#own.push(line, json, true)
  }

  /** From now on lines are folded for this turn. */
  give(turn: OpenTurn): void {
    this.#turn = turn
    this.#fold = new TurnFold(this.row.n, turn.id)
    turn.fold = this.#fold
    this.lastLineAt = performance.now()
    this.isHeard = false
  }

  /** It was waited for, and not the other way round: its silence counts from now. */
  excuse(): void {
    this.lastLineAt = performance.now()
  }

  /** The turn has ended, or goes elsewhere. */
  release(): void {
    this.#turn = null
    this.#fold = null
    this.idleSince = performance.now()
  }

  #onLine(line: LogLine): void {
    this.lastLineAt = performance.now()
    this.isHeard = true
    const json = parseLine(line)
    if (json === null) return
    const permission = readPermission(json)
    if (permission) this.#events.onPermission(permission, line.offset)
    const turn = this.#turn
    const fold = this.#fold
    let isOurs = false
    // Found again after a restart, the log is read from before the turn's start: such lines are not its own.
    if (turn && fold && line.offset >= (turn.row.start_offset ?? 0)) {
      const wasProven = fold.isProven
      const wasEnded = fold.result !== null
      const events: TurnEvent[] = fold.push(line, json)
      isOurs = !wasEnded && fold.isOurs
      const wasSilent = turn.firstTextAt === null
      turn.add(events)
      if (wasSilent && turn.firstTextAt !== null) this.#events.onFirstText(turn)
      if (!wasProven && fold.isProven) this.#events.onProof(turn)
      if (!wasEnded && fold.result !== null) {
        this.#own.push(line, json, true)
        this.#events.onResult(turn, line.offset)
        return
      }
    }
    const own = this.#own.push(line, json, isOurs)
    // Found again after a restart: what lies in front of that offset was recorded in the life before.
    if (own && line.offset >= this.row.folded_offset) this.#events.onOwnTurn(own, line.next)
  }
}
