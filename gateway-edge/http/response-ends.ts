/**
 * How responses ended, until sessions knows it. A response of which sessions hears nothing counts as open while this edge lives,
 * and the client's repeat would run twice; so what could not be told, since sessions was away, is told before the next
 * message is handed over.
 */
import type { Client } from '../../protocol/method.ts'
import type { sessions } from '../../protocol/sessions.ts'
import type { WireLog } from '../../protocol/wire/log.ts'

/**
 * Ends that are kept for telling, at most: with sessions away for long the oldest are the least likely to matter. Well below the calls
 * that may be open on a link, or telling them would leave no room for messages.
 */
const KEPT_MAX = 1_000

export class ResponseEnds {
  readonly #client: Pick<Client<typeof sessions>, 'response_ended'>
  readonly #log: WireLog
  readonly #untold = new Map<string, boolean>()
  /** Calls under way: every message that waits settles first, and all of them tell of the same ends. */
  readonly #telling = new Map<string, Promise<void>>()

  constructor(client: Pick<Client<typeof sessions>, 'response_ended'>, log: WireLog) {
    this.#client = client
    this.#log = log
  }

  /** Tells of one. Never throws: what cannot be told now is kept. */
  async tell(response_id: string, completed: boolean): Promise<void> {
    this.#untold.set(response_id, completed)
    if (this.#untold.size > KEPT_MAX) this.#untold.delete(this.#untold.keys().next().value ?? '')
    try {
      await this.#tellOne(response_id, completed)
    } catch (error) {
      this.#log.warn({ err: error, response_id }, 'How a response ended could not be told yet')
    }
  }

  /** Tells of all that is kept; throws what sessions answers while it is away. */
  async settle(): Promise<void> {
    await Promise.all([...this.#untold].map(([response_id, completed]) => this.#tellOne(response_id, completed)))
  }

  #tellOne(response_id: string, completed: boolean): Promise<void> {
    const known = this.#telling.get(response_id)
    if (known !== undefined) return known
    const call = this.#client
      .response_ended({ response_id, completed })
      .then(() => void this.#untold.delete(response_id))
      .finally(() => this.#telling.delete(response_id))
    this.#telling.set(response_id, call)
    return call
  }
}
