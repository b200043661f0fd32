/**
 * The ledger: how due moments become rows.
 *
 * A job keeps the first due moment that has no row yet (`next_at`) and when to look at it (`due_at`, its jitter later). A
 * tick takes the jobs whose time has come and *settles* each: every moment up to now gets its row, and `next_at` moves on
 * behind them. A row enters as *claimed* (it will run), *skipped* (it may not: the reason says why) or *missed* (nobody
 * could run it in time, and the job's misfire policy does not make up for it).
 *
 * - **A** Every due moment gets exactly one row. Moments missed in great number share one, which says up to where.
 * - **B** Rows and `next_at` are one transaction, committed before anything runs: a crash finds both or neither.
 * - **C** `next_at` only moves behind what has a row. The clock set back moves it back, too; a moment that has its row
 *   then comes again and changes nothing, unless it was missed: then it is claimed after all. What waits for another attempt,
 *   of a run or a delivery, waits no longer than it would have.
 * - **D** Before a job is changed or deleted it is settled, so that what was due under its old schedule is accounted for.
 * - **E** Of a disabled or deleted job nothing begins any more: what waits ends with the reason, and is delivered where it was tried
 *   before. What is asked for by hand of a disabled one later does run.
 * - **F** No job keeps the others from their rows: a look takes so many moments and goes on in the next turn of the loop.
 */
import { createHash, randomUUID } from 'node:crypto'
import { type Schedule, scheduleOf } from '../runtime/cron/schedule.ts'
import { dayStart, zoneOf } from '../runtime/cron/zone.ts'
import type { Log } from '../runtime/log.ts'
import { isDatabaseTrouble } from '../runtime/sqlite.ts'
import type { Clock } from './clock.ts'
import type { Deliveries } from './deliveries.ts'
import type { At } from './points.ts'
import { toGivenUpReason } from './presentation.ts'
import type { JobRow, NewRun, RunRow } from './rows.ts'
import type { Store } from './store.ts'

/** How late a moment may be claimed as if nothing had happened: a restart takes seconds, a machine that slept longer. */
export const GRACE_MS = 60_000

/** Moments settled in one transaction, at most: the package takes up to 1 ms to find the next one of an expression. */
const SLICE = 100
/** What a look at the ledger may take before others get their turn. At least one moment is settled in each. */
const LOOK_MS = 1
/**
 * Once moments are late by so much, a look takes longer: on a crowded machine one moment may fill the shorter time, and a
 * transaction for each of them is more than a slow disk keeps up with.
 */
const LATE_MS = 500
const LATE_LOOK_MS = 5

/** Beyond so many the missed moments of one job share a row: a job of every second misses 86,400 a day. */
const MAX_MISSED_ROWS = 1_000

/** Runs of one job that may wait for each other. */
const MAX_QUEUED = 100

/** The clock may be corrected by so much without being taken for set back. */
const REWIND_MS = 2_000

/** How often the time that was seen is written down where nothing comes due. */
const SEE_EVERY_MS = 60_000

const LATE_WINDOW_MINUTES = 10
const minuteOf = (moment: number): number => Math.floor(moment / 60_000)

export interface LedgerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly at: At
  /** Whether shell jobs may run. */
  readonly shell: boolean
  readonly keep_runs: number
  readonly deliveries: Pick<Deliveries, 'add'>
  /** Told of new rows after their commit. */
  readonly onRows: (rows: readonly RunRow[]) => void
  readonly onDisabled: (job: JobRow, reason: string) => void
}

/** When a moment is looked at: the same every time it is asked, and different from job to job. */
const dueOf = (job: Pick<JobRow, 'id' | 'jitter_s'>, moment: number | null): number | null => {
  if (moment === null || job.jitter_s === 0) return moment
  const digest = createHash('sha256').update(`${job.id} ${moment}`).digest()
  return moment + (digest.readUInt32BE() % (job.jitter_s + 1)) * 1_000
}

/** Whether more moments were missed than shall have rows of their own, judged by the first ten. */
const isMany = (schedule: Schedule, first: number, runFrom: number): boolean => {
  const sample = 10
  let tenth: number | null = first
  for (let step = 0; step < sample && tenth !== null && tenth < runFrom; step += 1) tenth = schedule.next(tenth)
  return tenth !== null && tenth > first && (runFrom - first) / ((tenth - first) / sample) > MAX_MISSED_ROWS
}

export class Ledger {
  readonly #deps: LedgerDeps
  #lastLook = 0
  #seenAt = 0
  /** Jobs in whose missed moments a look left off: where, and which is the first that is to run. */
  readonly #backlogs = new Map<number, { readonly from: number; readonly runFrom: number }>()
  /** The worst of each of the last minutes that had any. */
  #lateness: { readonly minute: number; readonly ms: number }[] = []

  constructor(deps: LedgerDeps) {
    this.#deps = deps
  }

  /** When the ledger was last looked at; null before the first time. */
  get lastLookAt(): number | null {
    return this.#lastLook === 0 ? null : this.#lastLook
  }

  /** The worst delay between a moment's due time and its row in the last ten minutes, of those claimed in time. */
  get lateMs(): number {
    const since = minuteOf(this.#deps.clock.now()) - LATE_WINDOW_MINUTES
    return Math.max(0, ...this.#lateness.filter(({ minute }) => minute >= since).map(({ ms }) => ms))
  }

  /**
   * Before the first tick: what became of the clock and of the machine's zone while nobody looked. Jobs without a zone of
   * their own go by the machine's.
   */
  recover(zone: string): void {
    const { store, clock } = this.#deps
    const now = clock.now()
    this.#seenAt = store.seenAt()
    if (now < this.#seenAt - REWIND_MS) this.#rewind(this.#seenAt, now)
    for (const { id } of store.movedJobs(zone)) {
      store.atomically(() => {
        this.settleAll(id, now)
        store.moveJob(id, zone)
        const job = store.job(id) as JobRow
        const cron_expression = job.enabled === 1 ? job.cron_expression : null
        store.addSchedule({ job_id: id, since_at: now, cron_expression, zone, jitter_s: job.jitter_s })
        this.plan(job, now)
      })
    }
  }

  /** Gives rows to what has come due; true when there is more of it than one look takes. */
  tick(): boolean {
    const { store, clock, log, at } = this.#deps
    const now = clock.now()
    if (now < this.#lastLook - REWIND_MS) {
      log.warn({ by_ms: this.#lastLook - now }, 'The clock was set back; moments that have their row do not run again')
      this.#rewind(this.#lastLook, now)
    }
    this.#lastLook = now
    const rows: RunRow[] = []
    const disabled: [JobRow, string][] = []
    let isMore = false
    const next = store.nextDueAt() ?? Number.POSITIVE_INFINITY
    const look = (): void => {
      const until = performance.now() + (now - next > LATE_MS ? LATE_LOOK_MS : LOOK_MS)
      const due = store.due(now, SLICE)
      isMore = due.length === SLICE
      for (const job of due) {
        if (performance.now() >= until) {
          isMore = true
          break
        }
        try {
          this.#settle(job, now, until, rows)
          isMore ||= (store.job(job.id)?.due_at ?? Number.POSITIVE_INFINITY) <= now
        } catch (error) {
          // No fault of the job (the disk is full, say): nothing of this look counts, and the next tick looks again.
          if (isDatabaseTrouble(error)) throw error
          log.error({ err: error, job_id: job.id }, 'The due moments of a job cannot be computed; it was disabled')
          const reason = 'Its due moments could not be computed; correct its expression or its zone and enable it again'
          rows.push(...this.#switchOff(job, reason, now))
          disabled.push([job, reason])
        }
      }
      store.see(now)
      this.#seenAt = now
    }
    if (next <= now) store.atomically(look)
    else if (now - this.#seenAt >= SEE_EVERY_MS || now < this.#seenAt) store.atomically(look)
    if (rows.length > 0) {
      at('claims_committed')
      this.#deps.onRows(rows)
    }
    for (const [job, reason] of disabled) this.#deps.onDisabled(job, reason)
    return isMore
  }

  /** The first due moment of a job behind now, and when it will be looked at; to be written with the job. */
  plan(job: Pick<JobRow, 'id' | 'jitter_s' | 'enabled' | 'cron_expression' | 'zone'>, now: number): void {
    const next = job.enabled === 1 ? scheduleOf(job.cron_expression, job.zone).next(now) : null
    this.#deps.store.advance(job.id, next, dueOf(job, next))
  }

  /** D: inside the transaction that changes the job. Gives back the rows that were made, to be told after the commit. */
  settleAll(id: number, now: number): RunRow[] {
    const rows: RunRow[] = []
    for (let job = this.#deps.store.job(id); job !== undefined; job = this.#deps.store.job(id)) {
      // Without its jitter: a moment that has come belongs to the old schedule, though it would have waited a little.
      if (job.next_at === null || job.next_at > now) break
      this.#settle({ ...job, jitter_s: 0 }, now, 0, rows)
    }
    return rows
  }

  /** From here on nothing of it comes due or begins (E); the rows of what waited. Inside a transaction. */
  #switchOff(job: JobRow, reason: string, now: number): RunRow[] {
    const { store } = this.#deps
    store.disable(job.id, reason, now)
    store.addSchedule({ job_id: job.id, since_at: now, cron_expression: null, zone: job.zone, jitter_s: 0 })
    return this.endWaiting(job, 'disabled', now)
  }

  /** Disables a job and says why; inside a transaction. What was due has its row before. */
  disable(id: number, reason: string, now: number): RunRow[] {
    const rows = this.settleAll(id, now)
    const job = this.#deps.store.job(id)
    return job === undefined ? rows : [...rows, ...this.#switchOff(job, reason, now)]
  }

  /** E: inside the transaction that disables or deletes the job. Gives back the rows, to be told after the commit. */
  endWaiting(job: JobRow, what: 'disabled' | 'deleted', now: number): RunRow[] {
    return this.#deps.store.waiting(job.id).flatMap((run) => this.giveUp(run, job, `Its job was ${what}`, now) ?? [])
  }

  /** Ends a run that waits: *skipped*, or with what came of the attempts before, of which is told. Inside a transaction. */
  giveUp(run: RunRow, job: JobRow, why: string, now: number): RunRow | undefined {
    const { store, deliveries } = this.#deps
    const isTried = run.attempt > 0
    const row = store.endWaiting(run.run_id, isTried ? toGivenUpReason(run.reason, why) : why, now)
    if (row !== undefined && isTried) deliveries.add(row, job, null, now)
    return row
  }

  /** A run that somebody asks for by hand. @param call_key names the call: its repeat finds this run */
  enterManual(job: JobRow, call_key: string, now: number): RunRow {
    const { store, keep_runs } = this.#deps
    return store.atomically(() => {
      const rows: RunRow[] = []
      this.#enter(job, { trigger: 'manual', scheduled_at: now, state: 'claimed', reason: null, call_key }, now, rows)
      store.dropOld(job.id, keep_runs, now)
      return rows[0] as RunRow
    })
  }

  /** Why a claimed run of this job may not run now; null when it may. */
  refusal(job: JobRow, now: number): string | null {
    const { store, shell } = this.#deps
    if (job.job_type === 'shell' && !shell) return 'Shell jobs are switched off (CRON_SHELL=off)'
    if (job.job_type === 'claude' && job.spend_limit_usd !== null) {
      const spent = store.spentSince(job.id, dayStart(zoneOf(job.zone), now))
      if (spent >= job.spend_limit_usd)
        return `It has spent $${spent.toFixed(4)} today, and spend_limit_usd is ${job.spend_limit_usd}`
    }
    return null
  }

  /** @param until when to leave off, by the monotonic clock; at least one moment is settled */
  #settle(job: JobRow, now: number, until: number, rows: RunRow[]): void {
    const { store } = this.#deps
    if (job.next_at === null) return
    const schedule = scheduleOf(job.cron_expression, job.zone)
    let moment: number | null = job.next_at
    // What was decided of a long backlog holds for all of it, however many looks it takes.
    const known = this.#backlogs.get(job.id)
    const runFrom = known?.from === moment ? known.runFrom : this.#runFrom(job, schedule, now)
    const isDense = known?.from === moment ? false : isMany(schedule, moment, runFrom)
    for (let count = 0; moment !== null && (dueOf(job, moment) ?? 0) <= now; count += 1) {
      if (count >= SLICE || (count > 0 && performance.now() >= until)) break
      if (moment < runFrom) {
        const last = isDense ? (schedule.last(moment, runFrom - 1, 1)[0] ?? moment) : moment
        this.#miss(job, moment, last, now, rows)
        moment = schedule.next(last)
      } else {
        this.#claim(job, moment, now, rows)
        moment = schedule.next(moment)
      }
    }
    store.advance(job.id, moment, dueOf(job, moment))
    if (moment !== null && moment < runFrom) this.#backlogs.set(job.id, { from: moment, runFrom })
    else this.#backlogs.delete(job.id)
    store.dropOld(job.id, this.#deps.keep_runs, now)
  }

  /** The first moment that is to run; those before it are missed. */
  #runFrom(job: JobRow, schedule: Schedule, now: number): number {
    const first = job.next_at ?? 0
    const inTime = now - GRACE_MS
    if ((dueOf(job, first) ?? 0) >= inTime) return first
    if (job.misfire === 'skip') return inTime - job.jitter_s * 1_000
    const last = schedule.last(first, now, job.misfire === 'once' ? 1 : job.misfire_limit)
    return last[0] ?? first
  }

  #miss(job: JobRow, moment: number, until: number, now: number, rows: RunRow[]): void {
    const reason = `The service was down, the machine slept or its disk was full when it was due (misfire is ${job.misfire})`
    this.#enter(
      job,
      { trigger: 'schedule', scheduled_at: moment, state: 'missed', reason },
      now,
      rows,
      until === moment ? null : until,
    )
  }

  #claim(job: JobRow, moment: number, now: number, rows: RunRow[]): void {
    const late = now - (dueOf(job, moment) ?? now)
    const trigger = late > GRACE_MS ? 'catch-up' : 'schedule'
    if (trigger === 'schedule') this.#noteLate(minuteOf(now), late)
    const reason = this.refusal(job, now) ?? this.#overlap(job, trigger)
    this.#enter(job, { trigger, scheduled_at: moment, state: reason === null ? 'claimed' : 'skipped', reason }, now, rows)
  }

  #overlap(job: JobRow, trigger: NewRun['trigger']): string | null {
    if (job.overlap === 'allow') return null
    const open = this.#deps.store.countOpen(job.id)
    if (open >= MAX_QUEUED) return `${open} runs of it are waiting or running already`
    // What is made up for was asked for in number: the runs wait for each other.
    return open > 0 && job.overlap === 'skip' && trigger !== 'catch-up'
      ? 'The run before it was not over (overlap is skip)'
      : null
  }

  #enter(
    job: JobRow,
    run: Pick<NewRun, 'trigger' | 'scheduled_at' | 'state' | 'reason'> & Partial<Pick<NewRun, 'call_key'>>,
    now: number,
    rows: RunRow[],
    missed_until_at: number | null = null,
  ): void {
    const { id: job_id, bot_id } = job
    const row = { call_key: null, ...run, run_id: randomUUID(), job_id, bot_id, missed_until_at, claimed_at: now }
    const entered = this.#deps.store.addRun(row)
    if (entered !== undefined) rows.push(entered)
  }

  #noteLate(minute: number, ms: number): void {
    const before = this.#lateness.filter((late) => late.minute !== minute && late.minute >= minute - LATE_WINDOW_MINUTES)
    const worst = this.#lateness.find((late) => late.minute === minute)?.ms ?? 0
    this.#lateness = [...before, { minute, ms: Math.max(ms, worst) }]
  }

  /** C: moments behind now come (again). In slices, for there may be many jobs. @param from where the clock stood */
  #rewind(from: number, now: number): void {
    const { store, log } = this.#deps
    for (let jobs = store.jobsBehind(0, SLICE); jobs.length > 0; jobs = store.jobsBehind(jobs.at(-1)?.id ?? 0, SLICE)) {
      store.atomically(() => {
        for (const job of jobs) {
          if (job.next_at === null || job.next_at <= now) continue
          try {
            this.plan(job, now)
          } catch (error) {
            log.error({ err: error, job_id: job.id }, 'The next due moment of a job cannot be computed')
          }
        }
      })
    }
    store.atomically(() => {
      store.hasten(from - now)
      store.see(now)
    })
    this.#seenAt = now
  }
}
