/**
 * Decides when the public dashboard is told anew, and tells it.
 *
 * Every `SAMPLE_MS` the metrics are read and made into a payload. It is pushed when it says something else than the last one
 * and the budget's pace allows it, or when the heartbeat is due. A push that fails is tried again after a pause that doubles;
 * each try reads the metrics anew, so that no old payload follows a newer one.
 *
 *     off ─ settings are missing, or no write is allowed
 *     waiting ──sample: nothing new──► waiting        ──something new, or heartbeat──► pushing
 *     pushing ──kept──► waiting        ──refused or unreachable──► failing ──pause over──► pushing
 *     spent ─ the budget of this month is used up ──next month──► waiting
 *
 * - **A** A month never sees more writes than its budget: each is noted before it is made, and the note is taken back only when
 *   the answer says for certain that nothing was written.
 * - **B** Every payload says until when the next push comes. That promise is kept, whatever the pace says, while writes are left.
 * - **C** One push at a time.
 * - **D** The secret is in the header of the request and nowhere else.
 */
import { createHash } from 'node:crypto'
import { PAYLOAD_LIMIT_BYTES, type Payload, sizeOf } from '../../../protocol/dashboard.ts'
import type { Log } from '../../runtime/log.ts'
import { type Budget, monthEnd } from './budget.ts'
import { keepLastPush, type LastPush, readLastPush } from './last-push.ts'
import { type Past, toPayload } from './payload.ts'
import { type Posted, postPayload } from './post.ts'
import type { Showable } from './settings.ts'

/** How often the metrics are read. */
export const SAMPLE_MS = 5 * 60_000
/** At the latest so long after a push the next one follows, even if it says the same: the page shows that we live. */
export const HEARTBEAT_MS = 30 * 60_000
/** What a promise allows beyond the heartbeat: a sample and a few tries. */
export const GRACE_MS = 2 * SAMPLE_MS

/** Pauses after failures: the first, doubled each time, up to the longest. What only the owner can mend is asked for less often. */
const PAUSES = {
  wait: { first_ms: 30_000, longest_ms: 30 * 60_000 },
  owner: { first_ms: 15 * 60_000, longest_ms: 6 * 3_600_000 },
}
const JITTER = 0.2

/** How the public dashboard is doing. */
export interface PushStatus {
  readonly state: 'off' | 'waiting' | 'failing' | 'spent'
  /** Why nothing is pushed, and what to do about it; null while all is well. */
  readonly problem: string | null
  readonly pushed_at: number | null
  readonly next_push_by: number | null
  readonly retry_at: number | null
  readonly writes: { readonly used: number; readonly budget: number }
}

/** What came of a push that was asked for. */
export type Pushed =
  | { readonly ok: true; readonly payload: Payload; readonly bytes: number }
  | { readonly ok: false; readonly problem: string }

export interface PushOptions {
  readonly url: string | undefined
  readonly secret: string | undefined
  readonly title: string
  readonly show: readonly Showable[]
  readonly budget: Budget
  /** Where the last push is kept. */
  readonly folder: string
  readonly log: Log
  /** The metrics as `GET /api/metrics` gives them. */
  readonly current: () => Promise<unknown>
  readonly past?: (() => Promise<Past | null>) | undefined
  readonly now?: () => number
  readonly random?: () => number
  readonly post?: typeof postPayload
}

/** Which settings are missing, as a sentence; null where nothing is. */
const missingOf = ({ url, secret, budget }: Pick<PushOptions, 'url' | 'secret' | 'budget'>): string | null => {
  const missing = [url === undefined ? 'DASHBOARD_PUSH_URL' : '', secret === undefined ? 'METRICS_SECRET' : ''].filter(Boolean)
  if (missing.length > 0) return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not set`
  return budget.limit === 0 ? 'DASHBOARD_WRITES_PER_MONTH is 0' : null
}

const fingerprintOf = ({ sampled_at: _at, next_push_by: _by, writes: _writes, ...said }: Payload): string =>
  createHash('sha256').update(JSON.stringify(said)).digest('hex')

export class DashboardPush {
  readonly #options: Required<Omit<PushOptions, 'url' | 'secret' | 'past'>> & Pick<PushOptions, 'url' | 'secret' | 'past'>
  readonly #ending = new AbortController()
  #last: LastPush | null
  #sampled_at: number | null = null
  #retry_at: number | null = null
  #failures = 0
  #problem: string | null = null
  #running: Promise<unknown> | null = null

  constructor(options: PushOptions) {
    this.#options = { now: Date.now, random: Math.random, post: postPayload, ...options }
    this.#last = readLastPush(options.folder)
  }

  status(): PushStatus {
    const { budget, now } = this.#options
    const used = budget.used(now())
    const off = missingOf(this.#options)
    const spent = off === null && used >= budget.limit
    return {
      state: off !== null ? 'off' : this.#failures > 0 ? 'failing' : spent ? 'spent' : 'waiting',
      problem: off ?? this.#problem ?? (spent ? this.#spentProblem() : null),
      pushed_at: this.#last?.pushed_at ?? null,
      next_push_by: this.#last?.next_push_by ?? null,
      retry_at: this.#retry_at,
      writes: { used, budget: budget.limit },
    }
  }

  /** Looks at the clock, and samples and pushes where that is due. Never throws. */
  async tick(): Promise<void> {
    if (missingOf(this.#options) !== null || this.#running !== null || !this.#isDue()) return
    await this.#alone(async () => {
      const now = this.#options.now()
      // A push by hand is another process's.
      this.#last = readLastPush(this.#options.folder)
      ;[this.#sampled_at, this.#retry_at] = [now, null]
      const payload = await this.#payload(now)
      if (this.#mayPush(payload, now)) await this.#push(payload, now)
    }).catch((error: unknown) => this.#failed(`The metrics could not be pushed: ${(error as Error).message}`, 'wait', null))
  }

  /** Pushes once, whatever the pace and the pauses say; the budget holds. */
  async pushNow(): Promise<Pushed> {
    const off = missingOf(this.#options)
    if (off !== null) return { ok: false, problem: off }
    while (this.#running !== null) await this.#running
    return await this.#alone(async () => {
      const now = this.#options.now()
      if (this.#options.budget.used(now) >= this.#options.budget.limit) return { ok: false, problem: this.#spentProblem() }
      const payload = await this.#payload(now)
      const posted = await this.#push(payload, now)
      return posted.ok ? { ok: true, payload, bytes: sizeOf(payload) } : { ok: false, problem: posted.problem }
    })
  }

  /** Takes back a push that is on its way and waits until it is gone. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  /** C. What goes wrong in it is for the caller; whoever waits for the place does not care. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const running = work()
    this.#running = running.catch(() => undefined).then(() => (this.#running = null))
    return await running
  }

  #isDue(): boolean {
    const now = this.#options.now()
    if (this.#retry_at !== null) return now >= this.#retry_at
    // A clock that was set back must not stop us for as long.
    return this.#sampled_at === null || now >= this.#sampled_at + SAMPLE_MS || now < this.#sampled_at
  }

  async #payload(now: number): Promise<Payload> {
    const { budget, title, show, current, past } = this.#options
    const [measured, before] = await Promise.all([current(), past?.() ?? null])
    const used = budget.used(now) + 1
    const next_push_by = now + this.#heartbeat_ms(now, used) + GRACE_MS
    return toPayload(measured, {
      ...{ title, show, past: before, sampled_at: now, next_push_by },
      writes: { used, budget: budget.limit },
    })
  }

  /** B. How long after this push, the `used`th of the month, the next one may take. */
  #heartbeat_ms(now: number, used: number): number {
    const left = this.#options.budget.limit - used
    return left <= 0 ? monthEnd(now) - now + SAMPLE_MS : Math.max(HEARTBEAT_MS, Math.ceil((monthEnd(now) - now) / left))
  }

  #mayPush(payload: Payload, now: number): boolean {
    const { budget } = this.#options
    if (budget.used(now) >= budget.limit) return false
    const last = this.#last
    if (last === null || last.pushed_at > now || this.#failures > 0) return true
    if (now >= last.next_push_by - GRACE_MS) return true
    // Half a sample early is not early: samples do not fall on the very moment.
    const isPaced = now - last.pushed_at >= budget.pace_ms(now, SAMPLE_MS) - SAMPLE_MS / 2
    return isPaced && fingerprintOf(payload) !== last.fingerprint
  }

  async #push(payload: Payload, now: number): Promise<Posted> {
    const { url, secret, budget, post, folder, log } = this.#options
    const bytes = sizeOf(payload)
    if (url === undefined || secret === undefined) throw new Error('nothing is pushed without an address and a secret')
    if (bytes > PAYLOAD_LIMIT_BYTES) throw new Error(`the payload has ${bytes} bytes; ${PAYLOAD_LIMIT_BYTES} are allowed`)
    // A. Looked at once more behind the note: another process may have taken the last one in between.
    budget.take(now)
    if (budget.used(now) > budget.limit) {
      budget.giveBack(now)
      return { ok: false, problem: this.#spentProblem(), written: 'no', cure: 'wait', retry_after_ms: null }
    }
    const posted = await post({ url, secret, payload, signal: this.#ending.signal })
    if (posted.ok) {
      this.#last = { pushed_at: now, next_push_by: payload.next_push_by, fingerprint: fingerprintOf(payload) }
      if (this.#failures > 0) log.info({ after: this.#failures }, 'The public dashboard takes pushes again')
      ;[this.#failures, this.#retry_at, this.#problem] = [0, null, null]
      keepLastPush(folder, this.#last)
      log.debug({ bytes, writes: payload.writes }, 'The public dashboard was told')
      return posted
    }
    if (posted.written === 'no') budget.giveBack(now)
    this.#failed(posted.problem, posted.cure, posted.retry_after_ms)
    return posted
  }

  #failed(problem: string, cure: 'wait' | 'owner', retry_after_ms: number | null): void {
    if (this.#ending.signal.aborted) return
    const { now, random, log } = this.#options
    const { first_ms, longest_ms } = PAUSES[cure]
    const pause_ms = Math.min(longest_ms, first_ms * 2 ** this.#failures) * (1 + JITTER * (2 * random() - 1))
    this.#failures += 1
    this.#retry_at = now() + Math.round(Math.max(pause_ms, retry_after_ms ?? 0))
    // Once for each thing that is wrong, not once for each try.
    if (problem === this.#problem) log.debug({ problem, retry_at: this.#retry_at }, 'The public dashboard was not told')
    else log.warn({ problem, retry_at: this.#retry_at }, 'The public dashboard was not told; it is tried again')
    this.#problem = problem
  }

  #spentProblem(): string {
    const { budget, now } = this.#options
    const day = new Date(monthEnd(now())).toISOString().slice(0, 10)
    return `All ${budget.limit} writes of this month are used up; pushes go on on ${day} (UTC). DASHBOARD_WRITES_PER_MONTH sets how many there are`
  }
}
