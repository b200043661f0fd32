/**
 * Which model is in use. A change makes every vector worthless and embeds all texts anew, so it is made slowly: a model that
 * is away for a moment is waited for (texts wait too, and search goes by words), and one that comes and goes is not followed.
 *
 * States: *undecided* (nothing was ever embedded, or the settings no longer allow what was in use) → *decided* on a model,
 * with or without a *leaning* to another one. Each look at Ollama says which model there should be: the one that Ollama
 * answers with, or the built-in one where it does not. The same as in use clears the leaning; another one begins or keeps it.
 *
 * - **A** Undecided, the first look decides at once: there is nothing to lose.
 * - **B** Decided, another model takes over only when every look for its whole patience said so. Leaving Ollama has more
 *   patience than coming back, since an upgrade or a reboot of it takes minutes, and the vectors it made are the better ones.
 * - **C** Each change of the last 24 hours doubles the patience, up to six hours: an Ollama that is there every other
 *   minute causes no change at all, one that is there every other hour fewer than ten a day, and not one each hour.
 * - **D** The choice and its changes are kept: a restart neither decides anew nor forgets how often it was changed.
 */
import { EMBEDDED_DIMENSIONS, EMBEDDED_MODEL } from './embedded.ts'

export type Mode = 'auto' | 'ollama' | 'embedded' | 'off'

export interface Model {
  readonly name: string
  readonly dimensions: number
}

export const EMBEDDED: Model = { name: EMBEDDED_MODEL, dimensions: EMBEDDED_DIMENSIONS }

export const ollamaModel = (name: string, dimensions: number): Model => ({ name: `ollama:${name}:${dimensions}`, dimensions })

export const isOllama = (model: Model): boolean => model.name.startsWith('ollama:')

/** How Ollama was found: with vectors of so many dimensions, or without. */
export type Look = { readonly ok: true; readonly dimensions: number } | { readonly ok: false }

export interface Leaning {
  readonly model: Model
  readonly since: number
  readonly until: number
}

/** A model that is in use from now on. A first decision is no change. */
export interface Decision {
  readonly model: Model
  readonly isChange: boolean
}

export interface Patience {
  readonly leave_ms: number
  readonly return_ms: number
}

const PATIENCE: Patience = { leave_ms: 5 * 60_000, return_ms: 2 * 60_000 }
const LONGEST_MS = 6 * 3_600_000
/** Looks that lie further apart say nothing of what was between them: the machine slept. */
const GAP_MS = 3 * 60_000
const DAY_MS = 86_400_000

export interface ChoiceOptions {
  readonly mode: Mode
  /** What Ollama is asked for. */
  readonly ollama_name: string
  /** What was in use in the last life. */
  readonly kept: Model | null
  /** When it was changed, milliseconds since 1970. */
  readonly changed_at: readonly number[]
  readonly patience?: Patience
}

export class Choice {
  readonly #mode: Mode
  readonly #ollamaName: string
  readonly #patience: Patience
  #changedAt: number[]
  #current: Model | null
  #leaning: { readonly model: Model; readonly since: number } | null = null
  #lookedAt = 0

  constructor({ mode, ollama_name, kept, changed_at, patience = PATIENCE }: ChoiceOptions) {
    this.#mode = mode
    this.#ollamaName = ollama_name
    this.#patience = patience
    this.#changedAt = [...changed_at]
    this.#current = kept !== null && this.#isAllowed(kept) ? kept : null
    // Nothing has to be looked at: the person has decided.
    if (mode === 'embedded') this.#current = EMBEDDED
  }

  get current(): Model | null {
    return this.#current
  }

  /** What will be changed to, and when, if every look says the same. */
  leaning(now: number): Leaning | null {
    if (this.#leaning === null) return null
    const { model, since } = this.#leaning
    return { model, since, until: Math.max(now, since + this.#patienceFor(model, now)) }
  }

  /**
   * Takes a look at Ollama into account. Returns what was decided, where anything was. @param keep writes it down first; when that
   * throws, nothing is decided yet and a later look decides
   */
  saw(look: Look, now: number, keep: (decision: Decision) => void = () => undefined): Decision | null {
    const isGap = now - this.#lookedAt > GAP_MS
    this.#lookedAt = now
    if (this.#mode === 'off' || this.#mode === 'embedded') return null
    const wanted = look.ok ? ollamaModel(this.#ollamaName, look.dimensions) : this.#mode === 'auto' ? EMBEDDED : this.#current
    if (wanted === null || wanted.name === this.#current?.name) {
      this.#leaning = null
      return null
    }
    if (this.#current === null) return this.#use({ model: wanted, isChange: false }, keep)
    if (isGap || this.#leaning?.model.name !== wanted.name) this.#leaning = { model: wanted, since: now }
    if (now - this.#leaning.since < this.#patienceFor(wanted, now)) return null
    const decision = this.#use({ model: wanted, isChange: true }, keep)
    this.#changedAt.push(now)
    return decision
  }

  #use(decision: Decision, keep: (decision: Decision) => void): Decision {
    keep(decision)
    this.#current = decision.model
    this.#leaning = null
    return decision
  }

  #isAllowed(model: Model): boolean {
    if (!isOllama(model)) return this.#mode === 'auto' || this.#mode === 'embedded'
    return this.#mode !== 'embedded' && model.name === ollamaModel(this.#ollamaName, model.dimensions).name
  }

  #patienceFor(model: Model, now: number): number {
    this.#changedAt = this.#changedAt.filter((at) => at > now - DAY_MS && at <= now)
    const base = isOllama(model) ? this.#patience.return_ms : this.#patience.leave_ms
    return Math.min(base * 2 ** this.#changedAt.length, LONGEST_MS)
  }
}
