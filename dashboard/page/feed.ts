/**
 * Asks `api/metrics` again and again while somebody looks.
 *
 *     loading ──200──► shown ──200──► shown        waiting (404: nothing has been pushed yet) ──200──► shown
 *     loading ──else──► failed ──200──► shown      shown ──else──► shown, with a problem: old numbers are better than none
 */
import type { Payload } from '../../protocol/dashboard.ts'

export interface FeedState {
  readonly payload: Payload | null
  /** Whether anything has been answered at all. */
  readonly isLoading: boolean
  /** Why there is nothing, or nothing newer; null while all is well. */
  readonly problem: string | null
}

/** The function's answers are kept for 20 s by the network; asking more often would show the same. */
const EVERY_MS = 60_000
const AFTER_FAILURE_MS = 15_000
const PATIENCE_MS = 15_000

const askOnce = async (address: string): Promise<Omit<FeedState, 'isLoading'>> => {
  const response = await fetch(address, {
    cache: 'no-store',
    signal: AbortSignal.timeout(PATIENCE_MS),
    headers: { accept: 'application/json' },
  })
  if (response.status === 404) return { payload: null, problem: null }
  const body = (await response.json()) as Payload & { error?: string }
  if (!response.ok) throw new Error(`The server answered ${response.status}${body.error === undefined ? '' : `: ${body.error}`}.`)
  return { payload: body, problem: null }
}

const wordsOf = (error: unknown): string => {
  const { name, message } = error as Error
  if (name === 'TimeoutError') return 'The server did not answer in time.'
  // What browsers say of a network that is not there is no sentence for people.
  return name === 'TypeError' || name === 'SyntaxError' ? 'The server cannot be reached.' : message
}

export class Feed {
  #state: FeedState = { payload: null, isLoading: true, problem: null }
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking = false
  #stopped = false
  readonly #address: string
  readonly #onChange: () => void

  constructor(address: string, onChange: () => void) {
    this.#address = address
    this.#onChange = onChange
  }

  get state(): FeedState {
    return this.#state
  }

  /** Asks now, and goes on asking until {@link stop}. */
  async ask(): Promise<void> {
    this.#stopped = false
    if (this.#asking) return
    this.#asking = true
    clearTimeout(this.#timer)
    try {
      this.#state = { ...(await askOnce(this.#address)), isLoading: false }
    } catch (error) {
      this.#state = { payload: this.#state.payload, isLoading: false, problem: wordsOf(error) }
    }
    this.#asking = false
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.ask(), this.#state.problem === null ? EVERY_MS : AFTER_FAILURE_MS)
    this.#onChange()
  }

  /** Nothing is asked any more, nor told. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }
}
