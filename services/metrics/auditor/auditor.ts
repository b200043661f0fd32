/**
 * The auditor of the scheduler. It lives in another process, reads the ledger over the wire and recomputes for itself what
 * should have come due: a scheduler that is wrong about its own work cannot hide it.
 *
 * States of a due moment without a row: *suspect* (seen once) → *gap* (still there when looked at again) → forgotten, when
 * its row appears after all or when it is older than a day.
 *
 * - **A** What it looks at lies {@link GRACE_MS} back: the scheduler claims within a second, and catches up on what it
 *   missed within seconds of its start.
 * - **B** Nothing is said of a moment that was seen to be missing only once.
 * - **C** Nothing is kept: the ledger is the truth. After a start the last day is looked at again, hour by hour and the newest
 *   first, while what comes due meanwhile is looked at each minute. When the day is through, what was found is told, also that it is
 *   nothing: what the life before has said of it is over then.
 * - **D** A scheduler that does not answer is no gap: it is down, and others say so. What it missed it accounts for itself.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Client } from '../../../protocol/method.ts'
import type { scheduler } from '../../../protocol/scheduler.ts'
import type { Log } from '../../runtime/log.ts'
import { type Gap, recompute } from './recompute.ts'

const HOUR_MS = 3_600_000
/** How far back it looks, and how long a gap is told. */
const HORIZON_MS = 24 * HOUR_MS
const GRACE_MS = 60_000
const EVERY_MS = 60_000
/** Gaps kept; a scheduler that skips everything makes one for each job and moment. */
const MAX_GAPS = 1_000

export interface AuditorOptions {
  readonly scheduler: Pick<Client<typeof scheduler>, 'ledger'>
  readonly log: Log
  /** Gaps have come or gone. */
  readonly onChange: (gaps: readonly Gap[]) => void
  readonly now?: () => number
  /** Between two looks, in milliseconds; a minute unless told. */
  readonly every_ms?: number
}

export interface AuditState {
  /** Everything in [since, until] was looked at; null before the first look. Milliseconds since 1970. */
  readonly since: number | null
  readonly until: number | null
  /** Due moments that were looked for since the start of this process. */
  readonly checked: number
  readonly gaps: readonly Gap[]
}

const keyOf = ({ job_id, scheduled_at }: Gap): string => `${job_id}@${scheduled_at}`

export class Auditor {
  readonly #options: AuditorOptions
  readonly #now: () => number
  readonly #every_ms: number
  readonly #closing = new AbortController()
  readonly #suspects = new Map<string, Gap>()
  readonly #gaps = new Map<string, Gap>()
  #running: Promise<void> | undefined
  #since: number | null = null
  #until: number | null = null
  #checked = 0
  #isThrough = false

  constructor(options: AuditorOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#every_ms = options.every_ms ?? EVERY_MS
  }

  get state(): AuditState {
    return { since: this.#since, until: this.#until, checked: this.#checked, gaps: [...this.#gaps.values()] }
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  /** One look: at what came due since the last one, at what is in doubt, and, before that is done, one hour further back. */
  async look(): Promise<void> {
    const until = this.#now() - GRACE_MS
    await this.#lookAgain()
    if (this.#until === null || until > this.#until) {
      const since = Math.max((this.#until ?? until - HOUR_MS) + 1, until - HORIZON_MS)
      await this.#audit(since, until)
      this.#since ??= since
      this.#until = until
    }
    const oldest = until - HORIZON_MS
    if (this.#since !== null && this.#since > oldest) {
      const since = Math.max(oldest, this.#since - HOUR_MS)
      await this.#audit(since, this.#since - 1)
      this.#since = since
    }
    this.#forget(oldest)
    // What is still in doubt will be told either way at the next look.
    if (!this.#isThrough && this.#since !== null && this.#since <= oldest && this.#suspects.size === 0) {
      this.#isThrough = true
      this.#options.onChange(this.state.gaps)
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      const began = performance.now()
      await this.look().catch((error: unknown) => this.#failed(error))
      const behind = this.#since !== null && this.#since > this.#now() - GRACE_MS - HORIZON_MS
      // Further back there is no hurry: half of the time belongs to others (C).
      const pause_ms = behind ? Math.min(this.#every_ms, performance.now() - began) : this.#every_ms
      await delay(Math.max(pause_ms, 10), undefined, { signal }).catch(() => undefined)
    }
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted) return
    // The scheduler is away (D); what was not looked at is looked at next time.
    if (error instanceof ServiceError) this.#options.log.debug({ err: error }, 'The ledger could not be read')
    else this.#options.log.error({ err: error }, 'The audit of the scheduler failed')
  }

  /** What was in doubt is a gap, or was late (B). What is a gap may have found its row. */
  async #lookAgain(): Promise<void> {
    const doubtful = [...this.#suspects.values(), ...this.#gaps.values()]
    if (doubtful.length === 0) return
    const lacking = new Set<string>()
    for (const gap of doubtful) {
      const { job_id, due_at } = gap
      const { gaps } = await this.#read({ since: due_at, until: due_at, after_job_id: job_id - 1 }, job_id)
      if (gaps.some((still) => keyOf(still) === keyOf(gap))) lacking.add(keyOf(gap))
    }
    const before = this.#gaps.size
    const fresh = [...this.#suspects].filter(([key]) => lacking.has(key))
    this.#suspects.clear()
    let changed = this.#drop((key) => !lacking.has(key))
    for (const [key, gap] of fresh) if (this.#gaps.size < MAX_GAPS) this.#gaps.set(key, gap)
    changed ||= this.#gaps.size !== before
    if (changed) this.#options.onChange(this.state.gaps)
  }

  #drop(test: (key: string, gap: Gap) => boolean): boolean {
    const out = [...this.#gaps].filter(([key, gap]) => test(key, gap))
    for (const [key] of out) this.#gaps.delete(key)
    return out.length > 0
  }

  #forget(oldest: number): void {
    if (this.#drop((_key, { due_at }) => due_at < oldest)) this.#options.onChange(this.state.gaps)
  }

  async #audit(since: number, until: number): Promise<void> {
    // An hour at a time, or a job of every second would make a page without end.
    for (let from = since; from <= until; from += HOUR_MS) {
      const to = Math.min(until, from + HOUR_MS - 1)
      const { checked, gaps } = await this.#read({ since: from, until: to, after_job_id: 0 })
      this.#checked += checked
      for (const gap of gaps) {
        if (this.#suspects.size >= MAX_GAPS) break
        if (!this.#gaps.has(keyOf(gap))) this.#suspects.set(keyOf(gap), gap)
      }
    }
  }

  /** All jobs behind `after_job_id`, or one of them alone. */
  async #read(
    { since, until, after_job_id }: { since: number; until: number; after_job_id: number },
    only?: number,
  ): Promise<{ checked: number; gaps: Gap[] }> {
    const { signal } = this.#closing
    const found = { checked: 0, gaps: [] as Gap[] }
    for (let after: number | null = after_job_id; after !== null; ) {
      const page = await this.#options.scheduler.ledger({
        since,
        until,
        after_job_id: after,
        ...(only === undefined ? {} : { limit: 1 }),
      })
      for (const job of page.jobs) {
        if (only !== undefined && job.job_id !== only) return found
        const { checked, gaps } = await recompute(job, { since, until }, signal)
        signal.throwIfAborted()
        found.checked += checked
        found.gaps.push(...gaps)
      }
      after = only === undefined ? page.next_job_id : null
    }
    return found
  }
}
