/** Claude's usage as the CLI's session files tell it, and the loop that keeps it up to date. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClaudeUsage } from '../../../protocol/metrics.ts'
import type { Log } from '../../runtime/log.ts'
import { createDayOf, dayText } from './line.ts'
import { Reader } from './reader.ts'
import type { DayRow, UsageStore } from './store.ts'

const DAY_MS = 86_400_000
const EVERY_MS = 60_000
const ACTIVITY_DAYS = 90
const MODEL_DAYS = 31
/**
 * For so long a copy of a message is known to be one. The CLI itself deletes session files after 30 days; what is older than
 * this and comes for the first time is taken for a copy.
 */
const KNOWN_DAYS = 400

export interface UsageOptions {
  readonly config_dir: string
  readonly store: UsageStore
  readonly log: Log
  readonly every_ms?: number
  readonly now?: () => number
}

type Tokens = ClaudeUsage['model_usage'][string]

const NOTHING: Tokens = { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_creation_tokens: 0, requests: 0 }

const sum = (a: Tokens, b: Tokens): Tokens => ({
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  cache_read_tokens: a.cache_read_tokens + b.cache_read_tokens,
  cache_creation_tokens: a.cache_creation_tokens + b.cache_creation_tokens,
  requests: a.requests + b.requests,
})

const byModel = (rows: readonly DayRow[]): Record<string, Tokens> => {
  const models: Record<string, Tokens> = {}
  for (const row of rows) models[row.model] = sum(models[row.model] ?? NOTHING, row)
  return models
}

export class Usage {
  readonly #options: UsageOptions
  readonly #reader: Reader
  readonly #closing = new AbortController()
  readonly #now: () => number
  readonly #dayOf = createDayOf()
  #scanning: Promise<void> | undefined
  #loop: Promise<void> | undefined
  #files = 0
  #scanned_at: number | null = null
  #took_ms: number | null = null
  #view: Omit<ClaudeUsage, 'scan'> | undefined

  constructor(options: UsageOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    const { config_dir, store, log } = options
    this.#reader = new Reader({ config_dir, store, log, signal: this.#closing.signal })
  }

  /** Scans now and then every minute. */
  start(): void {
    this.#loop ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([this.#loop, this.#scanning])
  }

  /** Reads what is new; one that runs already is waited for. */
  async scan(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = undefined
    })
    await this.#scanning
  }

  /** What has been counted so far. */
  read(): ClaudeUsage {
    const { bytes, lines, skipped_lines } = this.#options.store.totals()
    // While a scan runs the numbers grow under our hands.
    if (this.#scanning !== undefined) this.#view = undefined
    this.#view ??= this.#toView()
    const { files, scanned_at, took_ms } = { files: this.#files, scanned_at: this.#scanned_at, took_ms: this.#took_ms }
    return {
      ...this.#view,
      scan: { running: this.#scanning !== undefined, files, bytes, lines, skipped_lines, scanned_at, took_ms },
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    const { log, every_ms = EVERY_MS } = this.#options
    while (!signal.aborted) {
      await this.scan().catch((error: unknown) => log.error({ err: error }, "The CLI's session files could not be read"))
      try {
        this.#forget()
      } catch (error) {
        log.error({ err: error }, 'What is too old to be copied could not be let go of; it is tried again')
      }
      await sleep(every_ms, undefined, { signal }).catch(() => undefined)
    }
  }

  async #scan(): Promise<void> {
    const began = performance.now()
    const { files, bytes } = await this.#reader.scan()
    if (this.#closing.signal.aborted) return
    this.#files = files
    this.#scanned_at = this.#now()
    this.#took_ms = Math.round((performance.now() - began) * 10) / 10
    if (bytes > 0) this.#view = undefined
  }

  /** Lets go of some of what is too old to be copied, so that no look at the database takes long. */
  #forget(): void {
    if (this.#closing.signal.aborted) return
    const before = this.#now() - KNOWN_DAYS * DAY_MS
    this.#options.store.forgetBefore(before, this.#dayOf(before))
  }

  #toView(): Omit<ClaudeUsage, 'scan'> {
    const { store } = this.#options
    const days = store.days()
    const activity = store.activity()
    const all = days.reduce<Tokens>(sum, NOTHING)
    const context = all.input_tokens + all.cache_read_tokens + all.cache_creation_tokens
    const since = this.#dayOf(this.#now() - MODEL_DAYS * DAY_MS)
    return {
      total_sessions: activity.reduce((total, { new_sessions }) => total + new_sessions, 0),
      total_messages: activity.reduce((total, { messages }) => total + messages, 0),
      total_requests: all.requests,
      first_session_date: activity[0] === undefined ? null : dayText(activity[0].day),
      model_usage: byModel(days),
      daily_activity: activity
        .slice(-ACTIVITY_DAYS)
        .map(({ day, messages, sessions }) => ({ date: dayText(day), messages, sessions })),
      context_avg: all.requests === 0 ? 0 : Math.round(context / all.requests),
      context_max: days.reduce((max, { context_max }) => Math.max(max, context_max), 0),
      daily_models: days
        .filter(({ day }) => day > since)
        .map(({ day, context_max: _, ...row }) => ({ ...row, date: dayText(day) })),
    }
  }
}
