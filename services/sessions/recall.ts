/**
 * Memories that are put before a prompt by themselves, for bots that have it switched on. A prompt never waits long for them,
 * and never fails for want of them: where memory is slow or away, the prompt goes without.
 */
import type { memory } from '../../protocol/memory.ts'
import type { Client } from '../../protocol/method.ts'
import type { Log } from '../runtime/log.ts'

/** What a prompt may wait for its memories. */
const PATIENCE_MS = 300
/** After a failure, and after a bot said that it has none, nobody asks again for so long. */
const FAILED_MS = 10_000
const SWITCHED_OFF_MS = 5_000

export interface Recalled {
  readonly id: number
  readonly key: string
  readonly content: string
}

export class Recall {
  readonly #memory: Pick<Client<typeof memory>, 'recall'>
  readonly #log: Log
  /** By bot: not asked before this moment, in monotonic milliseconds. */
  readonly #quietUntil = new Map<string, number>()

  constructor(source: Pick<Client<typeof memory>, 'recall'>, log: Log) {
    this.#memory = source
    this.#log = log
  }

  /** The memories that belong before a message; none where the bot has them switched off, or none fit. */
  async of(botId: string, message: string): Promise<readonly Recalled[]> {
    const now = performance.now()
    if (now < (this.#quietUntil.get(botId) ?? 0)) return []
    try {
      const { enabled, memories } = await this.#memory.recall({ bot_id: botId, text: message }, { timeout_ms: PATIENCE_MS })
      if (!enabled) this.#quietUntil.set(botId, now + SWITCHED_OFF_MS)
      return memories
    } catch (error) {
      this.#quietUntil.set(botId, now + FAILED_MS)
      this.#log.warn({ err: error, bot_id: botId }, 'memories could not be recalled; prompts go without them for a while')
      return []
    }
  }
}

/** As they stand before a prompt; null where there are none. */
export const toBlock = (memories: readonly Recalled[]): string | null =>
  memories.length === 0 ? null : memories.map(({ key, content }) => `- ${key}: ${content}`).join('\n')
