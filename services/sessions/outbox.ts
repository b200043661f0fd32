/**
 * What sessions owes to history. A record is written in the transaction of what it records and stays until history has
 * acknowledged it; history knows a repeat by its id (design §6, invariant G). One sender, oldest first, so that the
 * messages of a chat arrive in their order.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from '../../protocol/errors.ts'
import type { HistoryRecord, history } from '../../protocol/history.ts'
import type { Client } from '../../protocol/method.ts'
import type { Log } from '../runtime/log.ts'
import type { At } from './points.ts'
import type { OutboxRow, Store } from './store.ts'

const BATCH_RECORDS = 100
const BATCH_BYTES = 8 * 1024 * 1024
const FIRST_RETRY_MS = 100
/** How long a message may wait for company on its way to history. */
const SOON_MS = 30
const LAST_RETRY_MS = 5_000

export class Outbox {
  readonly #store: Store
  readonly #history: Client<typeof history>
  readonly #log: Log
  readonly #at: At
  readonly #closing = new AbortController()
  readonly #settled = new Map<string, () => void>()
  #sending: Promise<void> | undefined
  #again = false
  #soon: NodeJS.Timeout | undefined

  constructor(deps: { store: Store; history: Client<typeof history>; log: Log; at: At }) {
    this.#store = deps.store
    this.#history = deps.history
    this.#log = deps.log
    this.#at = deps.at
  }

  /** Sends what is owed, now; goes on until nothing is. */
  poke(): void {
    if (this.#closing.signal.aborted) return
    if (this.#sending !== undefined) {
      this.#again = true
      return
    }
    this.#sending = this.#run().finally(() => {
      this.#sending = undefined
      if (this.#again) {
        this.#again = false
        this.poke()
      }
    })
  }

  /** Sends what is owed within a moment, together with what comes until then: a message must not compete with its own answer. */
  pokeSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.poke()
    }, SOON_MS)
  }

  /** Resolves when the record has arrived in history, or after `ms`: history may be down, and nobody waits for it. */
  async arrived(recordId: string, ms: number): Promise<void> {
    if (!this.#store.isOwed(recordId)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#settled.delete(recordId)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#settled.set(recordId, done)
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#soon)
    for (const done of [...this.#settled.values()]) done()
    await this.#sending
  }

  async #run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    while (!this.#closing.signal.aborted) {
      const rows = this.#nextBatch()
      if (rows.length === 0) return
      try {
        await this.#send(rows)
        retryMs = FIRST_RETRY_MS
      } catch (error) {
        if (this.#closing.signal.aborted) return
        this.#log.warn({ err: error, owed: rows.length }, 'history did not take the messages; they are kept and sent again')
        await delay(retryMs, undefined, { signal: this.#closing.signal }).catch(() => undefined)
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
      }
    }
  }

  #nextBatch(): OutboxRow[] {
    let bytes = 0
    const rows = this.#store.owed(BATCH_RECORDS)
    const end = rows.findIndex((row, index) => {
      bytes += row.record.length
      return index > 0 && bytes > BATCH_BYTES
    })
    return end === -1 ? rows : rows.slice(0, end)
  }

  async #send(rows: readonly OutboxRow[]): Promise<void> {
    const records = rows.map((row) => JSON.parse(row.record) as HistoryRecord)
    try {
      await this.#history.record({ records }, { signal: this.#closing.signal })
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'invalid_input') throw error
      // One malformed record must not stand in the way of the others for ever.
      if (rows.length > 1) {
        for (const row of rows) await this.#send([row])
        return
      }
      this.#log.error(
        { err: error, record_id: records[0]?.record_id },
        'history refused a message as malformed; it is kept in the outbox',
      )
      this.#store.rejected((rows[0] as OutboxRow).id, error.message)
      return
    }
    this.#at('outbox_sent')
    this.#store.paid(rows.map((row) => row.id))
    for (const record of records) this.#settled.get(record.record_id)?.()
  }
}
