/**
 * Runs: how a claimed row reaches its end.
 *
 * *claimed* waits for a slot, for the runs before it (overlap), or for its time (another attempt). *running* has a folder
 * (shell) or a key (claude) under which its work is found again. From there it *ran*, *failed* or was *interrupted*; a
 * failed attempt goes back to *claimed* while the job has retries left and is not disabled.
 *
 * - **A** *running* is on disk before anything is started; the work itself decides whether it ever began (shell.ts A,
 *   claude.ts: the key), so that a crash between the two neither loses nor doubles it.
 * - **B** The end, what it means for the job, and the delivery of the result are one transaction.
 * - **C** A run ends exactly once. An end that cannot be written (the disk is full) is written again until it can.
 * - **D** Closing ends nothing: commands and turns go on, and the next life takes them up.
 */

import { isDiskFull } from '../../protocol/errors.ts'
import { createClosing } from '../runtime/deadline.ts'
import type { Log } from '../runtime/log.ts'
import { bootId } from '../runtime/process.ts'
import { untilWritten } from '../runtime/until-written.ts'
import type { Claude } from './claude.ts'
import type { Clock } from './clock.ts'
import type { Deliveries } from './deliveries.ts'
import type { Ledger } from './ledger.ts'
import type { At } from './points.ts'
import { toGivenUpReason, toWaitingReason } from './presentation.ts'
import { isOpen, type JobRow, type Outcome, type RunRow } from './rows.ts'
import type { Shell } from './shell/shell.ts'
import type { Store } from './store.ts'

/** After the first, second, … failure; the last one from then on. */
const BACKOFF_S = [30, 60, 300, 900, 3_600]
/** How many of a job's newest runs keep all that they wrote. */
const KEEP_OUTPUTS = 20
const STOPPED = 'It was stopped'

export interface RunsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ledger: Ledger
  readonly shell: Shell
  readonly claude: Claude
  readonly deliveries: Deliveries
  readonly log: Log
  readonly at: At
  /** Runs of one type at one time. */
  readonly max_running: number
  readonly timeout_s: (type: JobRow['job_type']) => number
  readonly onEnd: (run: RunRow) => void
  readonly onDisabled: (job: JobRow, reason: string) => void
}

const failed = (reason: string): Outcome => ({
  state: 'failed',
  reason,
  exit_code: null,
  result: '',
  stderr: '',
  cost_usd: null,
  output: null,
})

export class Runs {
  readonly #deps: RunsDeps
  /** What runs now, with the way to stop it. */
  readonly #active = new Map<string, { readonly type: JobRow['job_type']; readonly stop: AbortController }>()
  readonly #waiters = new Map<string, Set<() => void>>()
  readonly #closing = createClosing()
  #isPoked = false

  constructor(deps: RunsDeps) {
    this.#deps = deps
  }

  /** Takes up what the last life was running. */
  recover(): void {
    const { store } = this.#deps
    const running = store.running()
    this.sweep()
    for (const run of running) {
      if (run.folder !== null) this.#takeUpCommand(run, run.folder)
      else this.#watch(run, 'claude', (stop) => this.#prompt(run, store.job(run.job_id), stop, run.attempt_at ?? run.started_at))
    }
  }

  /** Removes what ended commands have left on disk. */
  sweep(): void {
    const { store, shell } = this.#deps
    shell.sweep(new Set(store.running().flatMap(({ folder }) => folder ?? [])))
  }

  /** Begins what may begin; soon, once for all who ask in this turn of the loop. */
  poke(): void {
    if (this.#isPoked || this.#closing.signal.aborted) return
    this.#isPoked = true
    setImmediate(() => {
      this.#isPoked = false
      if (!this.#closing.signal.aborted) for (const type of ['shell', 'claude'] as const) this.#beginAll(type)
    })
  }

  /** Resolves when the run has ended, or after `ms`, or when the signal is aborted. */
  async ended(run_id: string, ms: number, signal: AbortSignal): Promise<void> {
    const state = this.#deps.store.run(run_id)?.state
    if (ms <= 0 || state === undefined || !isOpen(state) || signal.aborted) return
    await new Promise<void>((resolve) => {
      const waiters = this.#waiters.get(run_id) ?? new Set()
      this.#waiters.set(run_id, waiters)
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        waiters.delete(done)
        if (waiters.size === 0) this.#waiters.delete(run_id)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done, { once: true })
      waiters.add(done)
    })
  }

  /** Ends a run; false when it had ended already. */
  stop(run: RunRow): boolean {
    const { store, clock, log } = this.#deps
    const active = this.#active.get(run.run_id)
    try {
      if (!store.askStop(run.run_id)) return false
    } catch (error) {
      if (active === undefined) throw error
      // The disk is full, say. Only a crash before its end would forget the wish.
      log.error({ err: error, run_id: run.run_id }, 'That a run is to stop could not be written down')
    }
    if (active === undefined) this.#ended(store.end(run.run_id, { state: 'failed', reason: STOPPED }, clock.now(), KEEP_OUTPUTS))
    else active.stop.abort(STOPPED)
    return true
  }

  /** Tells those who wait for it. */
  tell(run: RunRow): void {
    this.#deps.onEnd(run)
    for (const done of [...(this.#waiters.get(run.run_id) ?? [])]) done()
  }

  close(): void {
    this.#closing.abort()
    this.#deps.claude.close()
    this.#deps.shell.close()
    for (const waiters of [...this.#waiters.values()]) for (const done of [...waiters]) done()
  }

  #beginAll(type: JobRow['job_type']): void {
    const { store, clock, log, max_running } = this.#deps
    const busy = [...this.#active.values()].filter((active) => active.type === type).length
    if (busy >= max_running) return
    for (const run of store.claimable(type, clock.now(), max_running - busy)) {
      try {
        this.#begin(run, type)
      } catch (error) {
        log.error({ err: error, run_id: run.run_id }, 'A run could not be begun; it is tried again')
      }
    }
  }

  #begin(run: RunRow, type: JobRow['job_type']): void {
    const { store, clock, ledger, shell, at } = this.#deps
    const now = clock.now()
    const job = store.job(run.job_id)
    if (job === undefined || this.#active.has(run.run_id)) return
    const refusal = ledger.refusal(job, now)
    if (refusal !== null) return this.#ended(store.atomically(() => ledger.giveUp(run, job, refusal, now)))
    const folder = `${run.run_id}.${run.attempt + 1}`
    at('before_begin')
    if (!store.begin(run.run_id, now, type === 'shell' ? { folder, boot_id: bootId() } : null)) return
    at('begin_committed')
    const begun = { ...run, attempt: run.attempt + 1, folder: type === 'shell' ? folder : null, turn_id: null }
    if (type === 'claude') return this.#watch(begun, type, (stop) => this.#prompt(begun, job, stop, null))
    const timeout_ms = this.#timeoutMs(job, type)
    const { command, cwd } = job
    this.#watch(begun, type, (stopped) => shell.start({ name: folder, command, cwd, timeout_ms, stopped }))
  }

  #takeUpCommand(run: RunRow, folder: string): void {
    const { store, clock, shell } = this.#deps
    const job = store.job(run.job_id)
    const elapsed_ms = Math.max(0, clock.now() - (run.attempt_at ?? run.started_at ?? run.claimed_at))
    const stop = new AbortController()
    const plan = { name: folder, timeout_ms: this.#timeoutMs(job, 'shell'), stopped: stop.signal }
    const outcome = shell.takeUp(plan, run.boot_id, elapsed_ms)
    if (outcome !== null) return this.#watch(run, 'shell', () => outcome, stop)
    // It never began (A): as if it had only been claimed. Without its job there is nothing left to begin.
    if (job !== undefined) store.unbegin(run.run_id)
    else store.end(run.run_id, { state: 'skipped', reason: 'Its job was deleted before it began' }, clock.now(), KEEP_OUTPUTS)
  }

  #prompt(run: RunRow, job: JobRow | undefined, stopped: AbortSignal, begun_at: number | null): Promise<Outcome> {
    const { store, claude, log } = this.#deps
    const { run_id } = run
    // It runs already: a run that failed for this would be tried again under another key, beside it.
    const onTurn = (turn_id: string, closing: AbortSignal): Promise<void> =>
      untilWritten(log, 'the turn of a run', { run_id }, () => store.setTurn(run_id, turn_id), closing)
    return claude.run({ run, job, begun_at, timeout_ms: this.#timeoutMs(job, 'claude'), stopped, onTurn })
  }

  #timeoutMs(job: JobRow | undefined, type: JobRow['job_type']): number {
    return (job?.timeout_s ?? this.#deps.timeout_s(type)) * 1_000
  }

  #watch(
    run: RunRow,
    type: JobRow['job_type'],
    work: (stop: AbortSignal) => Promise<Outcome>,
    stop: AbortController = new AbortController(),
  ): void {
    this.#active.set(run.run_id, { type, stop })
    void this.#toEnd(run, type, work(stop.signal))
    // Asked of the last life, which had no time for it.
    if (run.stop_asked === 1) stop.abort(STOPPED)
  }

  async #toEnd(run: RunRow, type: JobRow['job_type'], work: Promise<Outcome>): Promise<void> {
    const { log, at, shell } = this.#deps
    const { signal } = this.#closing
    const { run_id, folder } = run
    let outcome: Outcome
    try {
      outcome = await work
    } catch (error) {
      if (signal.aborted) return
      log.error({ err: error, run_id }, 'A run ended by an error that nobody foresaw')
      const isFull = isDiskFull(error)
      const reason = isFull ? 'The disk is full: make room' : 'It could not be run; the log of the scheduler has the detail'
      outcome = { ...failed(reason), isFull }
    }
    if (signal.aborted) return
    at('before_end')
    // C: what has ended stays ended, however long its end cannot be written.
    await untilWritten(log, 'the end of a run', { run_id }, () => this.#finish(run, outcome), signal).catch(() => undefined)
    // D: what could not be written, the next life finds out.
    if (signal.aborted) return
    this.#active.delete(run_id)
    if (type === 'shell' && folder !== null) shell.forget(folder)
    this.poke()
  }

  /** B. */
  #finish(run: RunRow, outcome: Outcome): void {
    const { store, clock, ledger, deliveries, at } = this.#deps
    const now = clock.now()
    const after: (() => void)[] = []
    store.atomically(() => {
      const job = store.job(run.job_id)
      const isStopped = store.run(run.run_id)?.stop_asked === 1 || this.#active.get(run.run_id)?.stop.signal.aborted === true
      const isRetried = job !== undefined && outcome.state === 'failed' && run.attempt <= job.retries && !isStopped
      if (isRetried && job.enabled === 1) {
        const wait_s = BACKOFF_S[Math.min(run.attempt, BACKOFF_S.length) - 1] ?? 0
        const reason = toWaitingReason(outcome.reason, run.attempt + 1, job.retries + 1, wait_s)
        store.again(run.run_id, now + wait_s * 1_000, outcome, reason)
        return
      }
      const reason = isRetried ? toGivenUpReason(outcome.reason, 'Its job was disabled') : outcome.reason
      const row = store.end(run.run_id, { ...outcome, reason }, now, KEEP_OUTPUTS)
      if (row === undefined) return
      after.push(() => this.#ended(row))
      if (job === undefined || outcome.state === 'skipped') return
      const failures = outcome.state === 'ran' ? 0 : job.failures + (isStopped || outcome.isFull ? 0 : 1)
      store.jobRan(job.id, now, outcome.result, failures)
      let notice: string | null = null
      if (job.enabled === 1 && job.disable_after > 0 && failures >= job.disable_after) {
        notice = `It was disabled after ${failures} failures in a row; correct it and enable it again`
        const [rows, why] = [ledger.disable(job.id, `${notice} (the last one: ${outcome.reason})`, now), notice]
        after.push(() => this.#deps.onDisabled(job, why))
        for (const settled of rows) if (!isOpen(settled.state)) after.push(() => this.tell(settled))
      }
      deliveries.add(row, job, notice, now)
    })
    at('end_committed')
    for (const tell of after) tell()
    deliveries.poke()
  }

  #ended(row: RunRow | undefined): void {
    if (row !== undefined) this.tell(row)
  }
}
