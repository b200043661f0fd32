/** What follows from the end of a turn, beside what it owes to history (invariant D). */
import type { SessionRef, TurnRow } from './rows.ts'

/** What of a turn decides what follows from its end. */
export type EndedTurn = SessionRef & Pick<TurnRow, 'turn_id' | 'origin'>

export interface FollowUp {
  /** Writes it; called in the transaction of the end. */
  commit(): void
  /** Whether more is to be done in the same session: its agent stays warm for it. */
  readonly goesOn: boolean
  /** Called once that is on disk, with what begins a turn that was committed. */
  done(add: (row: TurnRow) => void): void
}
