/**
 * Embeds in the background what is pending.
 *
 * States: *idle* (nothing pending) → `wake` → *settling*, until it has been quiet for a while → *working*, a batch after the
 * other → *idle*; a batch that fails → *waiting*, for longer each time, until time has passed or a search has shown that a model
 * answers → *working*.
 *
 * - **A** A batch is stored in one transaction, and only as what the model made that answered it.
 * - **B** A text that cannot be embedded does not hold up the others: after a failure batches are halved, and a single text that
 *   fails is put aside until the rest is done.
 * - **C** Whichever model answered last is in use; what others made is pending then.
 * - **D** A model works on all processors. What is written belongs to a chat whose answer is on its way, and the agent that starts
 *   for it needs them more: a message embedded at once cost each cold turn 6 ms of 12, and a third of all turns a second; earlier
 *   answers that were embedded while forty agents spoke tripled the time of their slowest words. So it is quiet when nothing comes in
 *   *and* the processors have room; a low priority is no help, since Linux may share them out among sessions of processes first
 *   (sched(7), "autogroup"). Under a load that never pauses there is a small batch now and then.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Log } from '../log.ts'
import { openUsedShare, type UsedShare } from '../processors.ts'
import type { Embed } from './retrieval.ts'
import { toUnit } from './signs.ts'
import type { Model, PendingPassage, RetrievalStore } from './store.ts'

/** The most of a batch. It is stored in one go on the thread that answers calls: 32 vectors take about 2 ms. */
const BATCH = 32

/**
 * What a batch may take, in milliseconds, where it is quiet and where it is not: what has begun holds a processor to its end, and
 * somebody may begin to speak. The built-in model reads a long passage in 120 ms.
 */
const QUIET_BATCH_MS = 500
const FORCED_BATCH_MS = 100
/** What a passage takes, before any was embedded. */
const FIRST_GUESS_MS = 60

/** A processor without much to spare embeds such a batch in about 10 s. */
const BATCH_TIMEOUT_MS = 60_000

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000

/** So long it must be quiet before embedding begins: an answer has its first words by then. */
const SETTLE_MS = 2_000

/** Between two batches, where it was quiet before, the part of that is enough. */
const LOOK_SHARE = 0.1

/** Above this share of all processors in use it is not quiet. Forty agents that speak use 0.7 of two processors, one uses 0.05. */
const BUSY_SHARE = 0.5

/** A batch does not wait longer than so many times that. */
const SETTLE_AT_MOST = 5

/** More than that were put aside: it is not the texts. */
const MAX_ASIDE = 100

export interface EmbedLoopOptions {
  readonly store: RetrievalStore
  readonly embed: Embed
  readonly log: Log
  /** New vectors are there, or another model is in use. */
  readonly onStored: () => void
  /** How long it must be quiet before embedding begins; 2 s unless told, and 0 for not at all. */
  readonly settle_ms?: number | undefined
  /** The share of all processors in use since the last call; unless told, that of this machine. */
  readonly usedShare?: UsedShare | undefined
}

export class EmbedLoop {
  readonly #store: RetrievalStore
  readonly #embed: Embed
  readonly #log: Log
  readonly #onStored: () => void
  readonly #settle_ms: number
  readonly #usedShare: UsedShare
  readonly #closing = new AbortController()
  readonly #aside = new Set<number>()
  #model: Model | null
  #running: Promise<void> | undefined
  #waiting: AbortController | undefined
  #started = false
  #woken = false
  #wokenAt = 0
  /** When it was last found quiet. */
  #quietAt = Number.NEGATIVE_INFINITY
  #batch = BATCH
  /** What a passage of the last batch took, in milliseconds. */
  #each_ms = FIRST_GUESS_MS
  #failures = 0

  constructor({ store, embed, log, onStored, settle_ms = SETTLE_MS, usedShare = openUsedShare() }: EmbedLoopOptions) {
    this.#store = store
    this.#embed = embed
    this.#log = log
    this.#onStored = onStored
    this.#settle_ms = settle_ms
    this.#usedShare = usedShare
    this.#model = store.model()
  }

  start(): void {
    this.#started = true
    this.wake()
  }

  /** Something may be pending. Safe within a transaction: it looks only after the caller has returned to the event loop. */
  wake(): void {
    this.#woken = true
    this.#wokenAt = performance.now()
    if (!this.#started || this.#closing.signal.aborted || this.#running !== undefined) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#woken) this.wake()
    })
  }

  /** A model has answered: it is in use from now on (C), and there is no need to wait any longer. */
  use(name: string, dimensions: number): Model {
    if (this.#model?.name === name && this.#model.dimensions === dimensions) {
      if (this.#failures > 0) this.#waiting?.abort()
      return this.#model
    }
    const before = this.#model?.name ?? null
    this.#model = this.#store.use(name, dimensions)
    this.#log.info({ before, model: name, dimensions }, 'Another model makes the vectors; what the one before made is made again')
    this.#onStored()
    this.#waiting?.abort()
    this.wake()
    return this.#model
  }

  async close(): Promise<void> {
    this.#closing.abort(new ServiceError('closing'))
    this.#waiting?.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      const isQuiet = await this.#settled()
      // The caller's transaction ends, and other calls are answered, between two batches.
      await new Promise((resolve) => setImmediate(resolve))
      if (signal.aborted) return
      this.#woken = false
      const room = Math.floor((isQuiet ? QUIET_BATCH_MS : FORCED_BATCH_MS) / this.#each_ms)
      const passages = this.#next(Math.max(1, Math.min(this.#batch, room)))
      if (passages.length === 0) return
      try {
        const began = performance.now()
        await this.#batchOf(passages)
        this.#each_ms = (performance.now() - began) / passages.length
        this.#failures = 0
        this.#batch = Math.min(BATCH, this.#batch * 2)
      } catch (error) {
        if (signal.aborted) return
        await this.#failed(error, passages)
      }
    }
  }

  /** Waits until it has been quiet for a while, and never for long (D). Resolves with whether it is quiet. */
  async #settled(): Promise<boolean> {
    const { signal } = this.#closing
    const latest = performance.now() + this.#settle_ms * SETTLE_AT_MOST
    for (;;) {
      const from = performance.now()
      const stretch_ms = this.#settle_ms * (this.#wokenAt > this.#quietAt ? 1 : LOOK_SHARE)
      if (stretch_ms === 0 || signal.aborted) return true
      // While it looks it works at nothing itself: what is counted are others.
      this.#usedShare()
      await delay(Math.min(stretch_ms, latest - from), undefined, { signal }).catch(() => undefined)
      const isQuiet = this.#wokenAt <= from && this.#usedShare() <= BUSY_SHARE
      this.#quietAt = isQuiet ? performance.now() : Number.NEGATIVE_INFINITY
      if (isQuiet) return true
      if (performance.now() >= latest) return false
    }
  }

  #next(count: number): PendingPassage[] {
    const passages = this.#store.pending(count, this.#aside)
    if (passages.length > 0 || this.#aside.size === 0) return passages
    this.#aside.clear()
    return this.#store.pending(count, this.#aside)
  }

  async #batchOf(passages: readonly PendingPassage[]): Promise<void> {
    const { model, dimensions, vectors } = await this.#embed(
      passages.map(({ text }) => text),
      { kind: 'document', signal: this.#closing.signal, timeout_ms: BATCH_TIMEOUT_MS },
    )
    this.#closing.signal.throwIfAborted()
    if (vectors.length !== passages.length)
      throw new ServiceError('bad_output', `The model ${model} gave ${vectors.length} vectors for ${passages.length} texts`)
    const made = passages.map(({ id }, index) => {
      const vector = vectors[index] ?? null
      if (vector !== null && vector.length !== dimensions)
        throw new ServiceError('bad_output', `The model ${model} gave ${vector.length} dimensions where it has ${dimensions}`)
      return { id, unit: vector === null ? null : toUnit(vector) }
    })
    this.#store.embedded(this.use(model, dimensions), made)
    this.#onStored()
  }

  async #failed(error: unknown, passages: readonly PendingPassage[]): Promise<void> {
    const [first] = passages
    if (passages.length === 1 && first !== undefined) this.#aside.add(first.id)
    if (this.#aside.size > MAX_ASIDE) this.#aside.clear()
    this.#batch = Math.max(1, Math.floor(passages.length / 2))
    const retry_ms = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS)
    // Once a silence is enough: it may last for days.
    if (this.#failures === 0)
      this.#log.warn(
        { err: error, pending: this.#store.status().pending },
        'No vectors for now; texts are found by words and tried again',
      )
    this.#failures += 1
    this.#waiting = new AbortController()
    await delay(retry_ms, undefined, { signal: this.#waiting.signal }).catch(() => undefined)
    this.#waiting = undefined
  }
}
