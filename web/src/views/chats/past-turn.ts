/** What happened in a turn before its answer, read when somebody asks: its log is kept for some weeks. */

import type { ChatMessage } from '../../../../protocol/history.ts'
import { type Failure, toFailure } from '../../connection/failure.ts'
import type { Caller } from '../../connection/reading.ts'
import { fold, newTurn, type Part } from './live-turn.ts'

export type PastTurn =
  | { readonly state: 'loading' }
  /** Its log is no longer kept. */
  | { readonly state: 'gone' }
  | { readonly state: 'failed'; readonly failure: Failure }
  /** `cut`: there was more than anybody reads. */
  | { readonly state: 'read'; readonly open: boolean; readonly parts: readonly Part[]; readonly cut: boolean }

/** Of a turn that went on for hours the first megabytes. */
const BATCH_BYTES = 1_000_000
const MAX_BATCHES = 8
const PATIENCE = { timeout_ms: 30_000 }

/** Never rejects: why it could not be read is an answer, too. */
const readPastTurn = async (connection: Caller, turn_id: string): Promise<PastTurn> => {
  let turn = newTurn(turn_id, 'running', 0)
  let after: string | undefined
  try {
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      const asked = { turn_id, max_bytes: BATCH_BYTES, ...(after === undefined ? {} : { after }) }
      const { events, ended } = await connection.call('sessions.events', asked, PATIENCE)
      for (const event of events) turn = fold(turn, event)
      after = events.at(-1)?.id ?? after
      if (ended || events.length === 0) return { state: 'read', open: true, parts: turn.parts, cut: false }
    }
    return { state: 'read', open: true, parts: turn.parts, cut: true }
  } catch (error) {
    const failure = toFailure(error)
    return failure.code === 'gone' || failure.code === 'not_found' ? { state: 'gone' } : { state: 'failed', failure }
  }
}

/** What was asked for, by the ids of the answers. */
export class PastTurns {
  readonly #connection: Caller
  readonly #onChange: () => void
  readonly #turns = new Map<number, PastTurn>()

  constructor(connection: Caller, onChange: () => void) {
    this.#connection = connection
    this.#onChange = onChange
  }

  of(message_id: number): PastTurn | undefined {
    return this.#turns.get(message_id)
  }

  /** Shows what happened before an answer, or hides it again. */
  async toggle({ id, turn_id }: Pick<ChatMessage, 'id' | 'turn_id'>): Promise<void> {
    const known = this.#turns.get(id)
    if (turn_id === null || known?.state === 'loading') return
    if (known?.state === 'read') return this.#set(id, { ...known, open: !known.open })
    this.#set(id, { state: 'loading' })
    this.#set(id, await readPastTurn(this.#connection, turn_id))
  }

  #set(id: number, turn: PastTurn): void {
    this.#turns.set(id, turn)
    this.#onChange()
  }
}
