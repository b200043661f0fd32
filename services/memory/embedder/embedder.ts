/**
 * Turns texts into vectors with the model in use (`choice.ts` says which that is), and looks at Ollama now and then.
 *
 * - **A** What is given out was made by the model in use, or nothing is: a model that fails is an error and never a reason to
 *   answer with another one's vectors. Whoever asks keeps its texts and asks again.
 * - **B** A decision is on disk before a vector of its model is given out.
 * - **C** Nobody waits for an Ollama that is known not to answer: after a failure only the look, every half minute, asks it.
 * - **D** A change from well to ill, or back, is one line in the log.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { ServiceError } from '../../../protocol/errors.ts'
import type { EmbeddingStatus } from '../../../protocol/memory.ts'
import { createClosing, withDeadline } from '../../runtime/deadline.ts'
import type { Log } from '../../runtime/log.ts'
import type { Embed } from '../../runtime/retrieval/retrieval.ts'
import { toMoment } from '../presentation.ts'
import { Choice, type Decision, isOllama, type Look, type Mode, type Model, type Patience } from './choice.ts'
import { EmbeddedModel } from './embedded.ts'
import { OllamaError, OllamaModel } from './ollama.ts'
import { type Kind, Turnstile } from './turnstile.ts'

/** Where decisions are kept. */
export interface ChoiceStore {
  /** The model in use, and when it was changed in the last day, milliseconds since 1970. */
  lastChoice(now: number): { readonly model: Model | null; readonly changed_at: readonly number[] }
  keepChoice(decision: Decision, now: number): void
}

export interface EmbedderOptions {
  readonly mode: Mode
  readonly base_url: string
  readonly model: string
  readonly store: ChoiceStore
  readonly log: Log
  readonly patience?: Patience
  readonly look_every_ms?: number
  readonly look_timeout_ms?: number
  readonly idle_ms?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** A model was decided on. */
  readonly onDecision?: () => void
}

/** Ollama works at one text after the other; more at a time made it hang or break off (ollama#1458, #3029, #4545). */
const CONCURRENCY = 2
/** A query waits for at most this many documents that were sent before it. */
const BATCH = 16
const LOOK_EVERY_MS = 30_000
/** Loading a model from a slow disk takes seconds. */
const LOOK_TIMEOUT_MS = 20_000
/** A caller that gave up after so long may have met a hang: worth a look, but not each time. */
const SUSPECT_AFTER_MS = 150
const SUSPECT_EVERY_MS = 5_000
/** Ollama keeps the model for half an hour after the last question; well within that an answer takes milliseconds. */
const WARM_MS = 10 * 60_000

export class Embedder {
  readonly #options: EmbedderOptions
  readonly #mode: Mode
  readonly #log: Log
  readonly #now: () => number
  readonly #choice: Choice
  readonly #ollama: OllamaModel
  readonly #embedded: EmbeddedModel
  readonly #turnstile = new Turnstile(CONCURRENCY)
  readonly #closing = createClosing()
  readonly #hurry = new AsyncLocalStorage<number>()
  /** What is the matter with Ollama; null: nothing, or never looked. */
  #ollamaProblem: string | null = null
  #embeddedProblem: string | null = null
  #answeredAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  #isSuspect = false
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: EmbedderOptions) {
    const { mode, base_url, model, store, log, now = Date.now, patience, idle_ms } = options
    this.#options = options
    this.#mode = mode
    this.#log = log
    this.#now = now
    const kept = store.lastChoice(now())
    this.#choice = new Choice({
      mode,
      ollama_name: model,
      kept: kept.model,
      changed_at: kept.changed_at,
      ...(patience === undefined ? {} : { patience }),
    })
    const { current } = this.#choice
    if (current !== null && current.name !== kept.model?.name) store.keepChoice({ model: current, isChange: false }, now())
    this.#ollama = new OllamaModel({ base_url, model })
    this.#embedded = new EmbeddedModel({ log, ...(idle_ms === undefined ? {} : { idle_ms }) })
  }

  /** Begins to look at Ollama. */
  start(): void {
    if (this.#mode === 'off' || this.#mode === 'embedded') return
    this.#timer = setInterval(() => void this.#look(), this.#options.look_every_ms ?? LOOK_EVERY_MS)
    void this.#look()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort(new ServiceError('closing'))
    this.#turnstile.close()
    await Promise.all([this.#embedded.close(), this.#looking])
  }

  /** Whether a vector can be had within milliseconds, as far as is known. */
  get isQuick(): boolean {
    const { current } = this.#choice
    if (current === null || this.#problem() !== null) return false
    return isOllama(current) ? performance.now() - this.#answeredAt < WARM_MS : this.#embedded.isLoaded
  }

  /**
   * Vectors of length 1, all of the model in use; null for an empty text and for one that the model cannot read. Throws
   * `unavailable` while no model answers, `timeout`, `closing` and the signal's reason.
   */
  readonly embed: Embed = async (texts, { kind, signal, timeout_ms }) => {
    if (this.#mode === 'off') throw new ServiceError('unavailable', 'Embeddings are off (EMBEDDINGS=off)')
    const began = performance.now()
    const patience_ms = kind === 'query' ? Math.min(timeout_ms, this.#hurry.getStore() ?? timeout_ms) : timeout_ms
    return await withDeadline([signal, this.#closing.signal], patience_ms, async (until) => {
      const model = this.#choice.current ?? (await this.#firstDecision())
      const written = texts.flatMap((text, index) => (text.trim() === '' ? [] : [index]))
      const made = await this.#vectorsOf(
        model,
        written.map((index) => texts[index] ?? ''),
        kind,
        until,
      )
      if (this.#choice.current?.name !== model.name)
        throw new ServiceError('unavailable', 'The model was changed meanwhile; ask again')
      const vectors: (Float32Array | null)[] = texts.map(() => null)
      for (const [at, index] of written.entries()) vectors[index] = made[at] ?? null
      return { model: model.name, dimensions: model.dimensions, vectors }
    }).catch((error: unknown) => {
      const isKnown = error instanceof ServiceError && error.code === 'unavailable'
      if (!isKnown && performance.now() - began >= SUSPECT_AFTER_MS) this.#suspect()
      throw error
    })
  }

  /** Queries that are asked for within the work get a vector in so many milliseconds, or none: retrieval knows of no hurry. */
  hurried<T>(ms: number, work: () => Promise<T>): Promise<T> {
    return this.#hurry.run(ms, work)
  }

  status(): EmbeddingStatus {
    const { current } = this.#choice
    const leaning = this.#choice.leaning(this.#now())
    return {
      mode: this.#mode,
      model: this.#mode === 'off' ? null : (current?.name ?? null),
      dimensions: this.#mode === 'off' ? null : (current?.dimensions ?? null),
      answering: this.#mode !== 'off' && current !== null && this.#problem() === null,
      problem: this.#advice(),
      leaning:
        leaning === null
          ? null
          : { model: leaning.model.name, since: toMoment(leaning.since), changes_at: toMoment(leaning.until) },
    }
  }

  /** What keeps the model in use from answering. */
  #problem(): string | null {
    const { current } = this.#choice
    return current !== null && !isOllama(current) ? this.#embeddedProblem : this.#ollamaProblem
  }

  #advice(): string | null {
    if (this.#mode === 'off') return 'Embeddings are off (EMBEDDINGS=off): search goes by words'
    const { current } = this.#choice
    const problem = this.#problem()
    if (problem !== null) return `${problem}. Until then search goes by words`
    if (current !== null && !isOllama(current) && this.#ollamaProblem !== null)
      return `${this.#ollamaProblem}. Meanwhile the built-in model serves, which reads English only`
    return null
  }

  async #firstDecision(): Promise<Model> {
    if (this.#ollamaProblem !== null) throw new ServiceError('unavailable', this.#ollamaProblem)
    await this.#look()
    if (this.#choice.current !== null) return this.#choice.current
    throw new ServiceError('unavailable', this.#ollamaProblem ?? 'No model was found yet')
  }

  async #vectorsOf(model: Model, texts: readonly string[], kind: Kind, until: AbortSignal): Promise<(Float32Array | null)[]> {
    if (texts.length === 0) return []
    if (!isOllama(model)) return await this.#fromEmbedded(texts, kind, until)
    const vectors: (Float32Array | null)[] = []
    for (let at = 0; at < texts.length; at += BATCH) {
      const batch = texts.slice(at, at + BATCH)
      vectors.push(...(await this.#turnstile.run(kind, until, () => this.#fromOllama(model, batch, kind, until))))
    }
    return vectors
  }

  async #fromEmbedded(texts: readonly string[], kind: Kind, until: AbortSignal): Promise<(Float32Array | null)[]> {
    try {
      const vectors = await this.#embedded.embed(texts, kind, until)
      this.#embeddedProblem = null
      return vectors
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'unavailable') this.#embeddedProblem = error.message
      throw error
    }
  }

  async #fromOllama(model: Model, texts: readonly string[], kind: Kind, until: AbortSignal): Promise<(Float32Array | null)[]> {
    if (this.#ollamaProblem !== null) throw new ServiceError('unavailable', this.#ollamaProblem)
    try {
      const { dimensions, vectors } = await this.#ollama.embed(texts, kind, until)
      this.#saw({ ok: true, dimensions }, null)
      if (dimensions !== model.dimensions) throw new ServiceError('unavailable', this.#ollamaProblem ?? 'Another model answered')
      return vectors
    } catch (error) {
      if (!(error instanceof OllamaError)) throw error
      this.#saw({ ok: false }, error)
      throw new ServiceError('unavailable', error.message, { cause: error })
    }
  }

  #suspect(): void {
    const { current } = this.#choice
    if (current === null || !isOllama(current) || this.#closing.signal.aborted) return
    this.#isSuspect = true
    if (performance.now() - this.#lookedAt >= SUSPECT_EVERY_MS) void this.#look()
  }

  /** One look at a time; whoever wants one meanwhile gets that one. Never throws. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined
      this.#lookedAt = performance.now()
    })
    return this.#looking
  }

  async #lookNow(): Promise<void> {
    const timeout_ms = this.#options.look_timeout_ms ?? LOOK_TIMEOUT_MS
    try {
      const dimensions = await withDeadline([this.#closing.signal], timeout_ms, (signal) => this.#dimensions(signal))
      if (dimensions !== null) this.#saw({ ok: true, dimensions }, null)
    } catch (error) {
      if (this.#closing.signal.aborted) return
      const silent = new OllamaError('silent', `Ollama is there and does not answer within ${timeout_ms / 1_000} s: restart it`)
      this.#saw({ ok: false }, error instanceof OllamaError ? error : silent)
    }
  }

  /** Asks for a real vector, but where all was well and nobody suspects anything: that would keep its model in memory for good. */
  async #dimensions(signal: AbortSignal): Promise<number | null> {
    const { current } = this.#choice
    const hasAnswered = this.#answeredAt > Number.NEGATIVE_INFINITY && this.#ollamaProblem === null
    if (current !== null && isOllama(current) && hasAnswered && !this.#isSuspect) {
      await this.#ollama.greet(signal)
      return null
    }
    this.#isSuspect = false
    return (await this.#ollama.embed(['Hello'], 'query', signal)).dimensions
  }

  /** B */
  #decide(look: Look): Decision | null {
    try {
      return this.#choice.saw(look, this.#now(), (made) => this.#options.store.keepChoice(made, this.#now()))
    } catch (error) {
      this.#log.error({ err: error }, 'Which model makes the vectors could not be written down; the next look tries it again')
      return null
    }
  }

  #saw(look: Look, error: OllamaError | null): void {
    const { current } = this.#choice
    const isOther = look.ok && current !== null && isOllama(current) && current.dimensions !== look.dimensions
    const problem = isOther
      ? `Ollama answers with vectors of ${look.dimensions} dimensions where it had ${current.dimensions}`
      : (error?.message ?? null)
    if (look.ok && !isOther) this.#answeredAt = performance.now()
    if ((problem === null) !== (this.#ollamaProblem === null)) {
      if (problem === null) this.#log.info({}, 'Ollama answers again')
      else this.#log.warn({ fault: error?.fault, model: current?.name }, problem)
    }
    this.#ollamaProblem = problem
    const decision = this.#decide(look)
    if (decision === null) return
    if (isOllama(decision.model)) this.#ollamaProblem = null
    this.#log.info({ model: decision.model.name, before: current?.name }, 'This model makes the vectors from now on')
    this.#options.onDecision?.()
  }
}
