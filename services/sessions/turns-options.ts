/** What turns need of others. */
import type { Log } from '../runtime/log.ts'
import type { UntilWritten } from '../runtime/until-written.ts'
import type { AgentPool } from './agent-pool.ts'
import type { EndedTurn, FollowUp } from './follow-up.ts'
import type { HandOver } from './hand-over.ts'
import type { Outbox } from './outbox.ts'
import type { At } from './points.ts'
import type { Program } from './program.ts'
import type { TurnEnd, TurnRow } from './rows.ts'
import type { Store } from './store.ts'
import type { Watchdog } from './watchdog.ts'

export interface TurnsOptions {
  readonly store: Store
  readonly pool: AgentPool
  readonly outbox: Outbox
  readonly handOver: HandOver
  readonly program: Program
  readonly log: Log
  /** Given up where this life ends: what is left is found by the next one. */
  readonly untilWritten: UntilWritten
  readonly at: At
  /** Turns that run at one time: of chats, and beside them of tasks in the background. */
  readonly max_running: number
  readonly max_tasks: number
  readonly queue_wait_s: number
  readonly watchdog: Watchdog
  /** Null when there is memory for one more agent, else why not. */
  readonly shortage: () => string | null
  readonly onChange: (turn: TurnRow) => void
  /** What follows from the end of a turn, beside what it owes to history. Called before the end is committed. */
  readonly follow: (turn: EndedTurn, end: TurnEnd) => FollowUp | null
}
