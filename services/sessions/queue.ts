/** The turns that wait, in order of arrival, and how long they have waited. */
import type { OpenTurn } from './open-turn.ts'
import type { Store } from './store.ts'

/** A clock that was set back must not hold a turn up for longer than any pause lasts. */
const LONGEST_PAUSE_MS = 60_000

/** Whether the pause that a turn was made with is over. */
export const isDue = ({ row }: OpenTurn, now: number): boolean =>
  row.due_at === null || row.due_at <= now || row.due_at > now + LONGEST_PAUSE_MS

export class Queue {
  readonly #store: Pick<Store, 'addWaits'>
  #turns: OpenTurn[] = []

  constructor(store: Pick<Store, 'addWaits'>) {
    this.#store = store
  }

  get size(): number {
    return this.#turns.length
  }

  /** A snapshot: it may be changed while it is walked. */
  get all(): readonly OpenTurn[] {
    return [...this.#turns]
  }

  /** Puts a turn in its place by arrival, also one that comes back. */
  add(turn: OpenTurn): void {
    const at = this.#turns.findIndex((other) => other.row.seq > turn.row.seq)
    this.#turns.splice(at === -1 ? this.#turns.length : at, 0, turn)
  }

  remove(turn: OpenTurn): void {
    this.#turns = this.#turns.filter((other) => other !== turn)
  }

  /**
   * Counts `ms` of waiting for all (only while this runs: invariant B) and gives those that have waited for `limitMs`. Work in
   * the background waits as long as it takes: nobody sits there and waits with it.
   */
  wait(ms: number, limitMs: number): OpenTurn[] {
    for (const turn of this.#turns) turn.unsavedWaitMs += ms
    return this.#turns.filter((turn) => !turn.isTask && waitedMs(turn) >= limitMs)
  }

  /** Writes down the wait times of which at least `from` ms are not yet written. */
  save(from = 1): void {
    const due = this.#turns.filter((turn) => turn.unsavedWaitMs >= from)
    if (due.length === 0) return
    this.#store.addWaits(due.map((turn) => [turn.id, Math.round(turn.unsavedWaitMs)] as const))
    for (const turn of due) {
      turn.row = { ...turn.row, waited_ms: waitedMs(turn) }
      turn.unsavedWaitMs = 0
    }
  }
}

/** How long a turn has waited in all lives of the service, in milliseconds. */
export const waitedMs = (turn: OpenTurn): number => turn.row.waited_ms + Math.round(turn.unsavedWaitMs)
