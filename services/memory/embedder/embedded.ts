/**
 * The built-in model, in a thread of its own: English only, offline, loaded when it is first needed and let go of when it
 * has had nothing to do for a while, since it takes about 200 MB.
 */
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Log } from '../../runtime/log.ts'
import { toUnit } from '../../runtime/retrieval/signs.ts'
import { cutAt, isLatin } from './reading.ts'
import { type Kind, Turnstile } from './turnstile.ts'

export const EMBEDDED_MODEL = 'use-lite-en:512'
export const EMBEDDED_DIMENSIONS = 512

/** What the model reads of a text: its cost grows with the length (10 ms for a sentence, 80 ms for this), its use does not. */
const MAX_CHARS = 1_000

const IDLE_MS = 15 * 60_000

/** After the thread could not be started or died: not at once again. */
const PAUSE_MS = 5_000

/** Loading and reading take less than a second; a thread that is silent for so long is ended. */
const SILENT_MS = 60_000

interface Answer {
  readonly id: number
  readonly vector?: Float32Array
  readonly problem?: string
}

interface Asked {
  readonly resolve: (vector: Float32Array) => void
  readonly reject: (error: Error) => void
}

export interface EmbeddedOptions {
  readonly log: Log
  readonly idle_ms?: number
}

export class EmbeddedModel {
  readonly #log: Log
  readonly #idleMs: number
  readonly #turnstile = new Turnstile(1)
  readonly #asked = new Map<number, Asked>()
  #worker: Worker | undefined
  #lastId = 0
  #idle: NodeJS.Timeout | undefined
  #brokenUntil = 0

  constructor({ log, idle_ms = IDLE_MS }: EmbeddedOptions) {
    this.#log = log
    this.#idleMs = idle_ms
  }

  /** Whether its thread is there at the moment. */
  get isLoaded(): boolean {
    return this.#worker !== undefined
  }

  /** Vectors of length 1; null for a text in a script that the model does not know. Throws `unavailable` and the signal's reason. */
  async embed(texts: readonly string[], kind: Kind, signal: AbortSignal): Promise<(Float32Array | null)[]> {
    const vectors: (Float32Array | null)[] = []
    // One at a time, so that a query comes in between two documents.
    for (const text of texts) {
      const read = cutAt(text, MAX_CHARS)
      vectors.push(isLatin(read) ? toUnit(await this.#turnstile.run(kind, signal, () => this.#ask(read))) : null)
    }
    return vectors
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    this.#turnstile.close()
    await this.#end(new ServiceError('closing'))
  }

  async #ask(text: string): Promise<Float32Array> {
    const worker = this.#thread()
    clearTimeout(this.#idle)
    const id = ++this.#lastId
    const silent = setTimeout(() => void worker.terminate(), SILENT_MS)
    try {
      return await new Promise((resolve, reject) => {
        this.#asked.set(id, { resolve, reject })
        worker.postMessage({ id, text })
      })
    } finally {
      clearTimeout(silent)
    }
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker
    if (performance.now() < this.#brokenUntil) throw new ServiceError('unavailable', 'The built-in model has just failed')
    const worker = this.#newWorker()
    // It has nothing to say, and our standard output is a log.
    worker.stdout.resume()
    worker.stderr.resume()
    worker.on('message', (answer: Answer) => this.#answered(answer))
    const onEnd = (error: Error): void => {
      if (this.#worker !== worker) return
      this.#log.error({ err: error }, 'The thread of the built-in model has ended; it is started again when it is needed')
      this.#brokenUntil = performance.now() + PAUSE_MS
      void this.#end(new ServiceError('unavailable', 'The built-in model failed', { cause: error }))
    }
    worker.on('error', onEnd)
    worker.on('exit', (code) => onEnd(new Error(`exit ${code}`)))
    this.#worker = worker
    return worker
  }

  #newWorker(): Worker {
    try {
      return new Worker(new URL('./model-thread.js', import.meta.url), { stdout: true, stderr: true })
    } catch (error) {
      this.#brokenUntil = performance.now() + PAUSE_MS
      throw new ServiceError('unavailable', 'The built-in model could not be started', { cause: error })
    }
  }

  #answered({ id, vector, problem }: Answer): void {
    const asked = this.#asked.get(id)
    this.#asked.delete(id)
    if (vector !== undefined) asked?.resolve(vector)
    else asked?.reject(new ServiceError('unavailable', `The built-in model failed: ${problem}`))
    if (this.#asked.size === 0 && this.#worker !== undefined)
      this.#idle = setTimeout(() => void this.#end(new ServiceError('closing')), this.#idleMs)
  }

  async #end(reason: ServiceError): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    for (const { reject } of this.#asked.values()) reject(reason)
    this.#asked.clear()
    await worker?.terminate()
  }
}
