/** Turns that ended a short while ago, all their events still in memory: whoever waits for a short answer asks when it is there. */
import type { OpenTurn } from './open-turn.ts'

const MOST = 256
/** Longer ones are folded from the log again when somebody asks. */
const MOST_BYTES = 32 * 1024

export class RecentTurns {
  readonly #turns = new Map<string, OpenTurn>()

  get(turnId: string): OpenTurn | undefined {
    return this.#turns.get(turnId)
  }

  add(turn: OpenTurn): void {
    if (turn.events.keptBytes > MOST_BYTES || turn.events.isTrimmed) return
    this.#turns.set(turn.id, turn)
    if (this.#turns.size <= MOST) return
    const oldest = this.#turns.keys().next().value
    if (oldest !== undefined) this.#turns.delete(oldest)
  }
}
