/** The scheduler: one handler for each method of its contract. */
import { ServiceError } from '../../protocol/errors.ts'
import type { Handlers } from '../../protocol/method.ts'
import type { Job, Run, scheduler } from '../../protocol/scheduler.ts'
import { momentsAfter } from '../runtime/cron/schedule.ts'
import { dayStartBefore, machineZone, zoneOf } from '../runtime/cron/zone.ts'
import type { Clock } from './clock.ts'
import type { TelegramDoor } from './deliveries.ts'
import { checkedSchedule, type FieldRules, isSaid, toFields } from './job-fields.ts'
import type { Ledger } from './ledger.ts'
import { ledgerPage } from './ledger-page.ts'
import { NEXT_RUNS, toJob, toNextRuns, toRun } from './presentation.ts'
import { isOpen, type JobFields, type JobRow, type RunRow } from './rows.ts'
import type { Runs } from './runs.ts'
import type { Shell } from './shell/shell.ts'
import type { Store } from './store.ts'

/** Of each stream, in one answer. */
const PIECE_BYTES = 256 * 1024
/** Between two looks at what a command has written. */
const OUTPUT_LOOK_MS = 250

export interface SchedulerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ledger: Ledger
  readonly runs: Runs
  readonly shell: Shell
  readonly telegram: Pick<TelegramDoor, 'keep_token'>
  readonly rules: Omit<FieldRules, 'now'>
  readonly timeout_s: (type: JobRow['job_type']) => number
}

/** Where a piece of UTF-8 may be cut: its last character may still be half written. */
const wholeCharacters = (bytes: Buffer, isLast: boolean): Buffer => {
  if (isLast) return bytes
  let end = bytes.length
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) break
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      if (back < length) end = bytes.length - back
      break
    }
  }
  return bytes.subarray(0, end)
}

/** Composes the scheduler. What a handler answers is committed to disk before it answers. */
export const createScheduler = (deps: SchedulerDeps): Handlers<typeof scheduler> => {
  const { store, clock, ledger, runs, shell, telegram, rules, timeout_s } = deps

  const known = new WeakMap<JobRow, Job>()

  const jobOf = (id: number, bot_id: string | null | undefined): JobRow => {
    const job = store.job(id)
    if (job === undefined || (bot_id && bot_id !== job.bot_id)) throw new ServiceError('not_found', 'Job not found')
    return job
  }
  const runOf = (run_id: string): RunRow => {
    const run = store.run(run_id)
    if (run === undefined) throw new ServiceError('not_found', 'Run not found')
    return run
  }
  const shown = (job: JobRow, count = NEXT_RUNS) => toJob(job, timeout_s(job.job_type), count)
  /** As the list shows a row; rows are never changed, and the same ones come again in the next list. */
  const listed = (job: JobRow): Job => {
    const before = known.get(job)
    if (before !== undefined) return before
    const made = shown(job, 1)
    known.set(job, made)
    return made
  }
  const shownRun = (run: RunRow): Run => toRun(run, store.delivery(run.run_id))

  /** Tells of rows that a change of a job has made, after its commit. */
  const told = (rows: readonly RunRow[]): void => {
    for (const row of rows) if (!isOpen(row.state)) runs.tell(row)
    runs.poke()
  }

  /** The fields with the id under which sessions keeps the token, where one was given. */
  const withToken = async (
    fields: JobFields,
    delivery: { kind: string; bot_token?: string | undefined } | null | undefined,
  ): Promise<JobFields> => {
    if (delivery?.bot_token === undefined) return fields
    const { token_id } = await telegram.keep_token({ bot_token: delivery.bot_token })
    return { ...fields, delivery_token_id: token_id }
  }

  const scheduleRow = (job_id: number, fields: JobFields & { readonly zone: string }, now: number) => ({
    job_id,
    since_at: now,
    cron_expression: fields.enabled === 1 ? fields.cron_expression : null,
    zone: fields.zone,
    jitter_s: fields.jitter_s,
  })

  const zoneInUse = (fields: JobFields): string => checkedSchedule(fields.cron_expression, fields.timezone, clock.now()).zone.name

  return {
    list: async ({ bot_id, next_runs }) =>
      store.jobs(bot_id).map((job) => (next_runs === 1 ? listed(job) : shown(job, next_runs))),

    create: async ({ bot_id, ...given }) => {
      const checked = toFields(given, {}, { ...rules, now: clock.now() })
      const fields = await withToken(checked, given.delivery)
      const zone = zoneInUse(fields)
      const now = clock.now()
      const job = store.atomically(() => {
        const id = store.addJob({ ...fields, bot_id, zone }, now)
        store.addSchedule(scheduleRow(id, { ...fields, zone }, now))
        ledger.plan({ ...fields, id, zone }, now)
        return store.job(id) as JobRow
      })
      return { id: job.id, next_runs: shown(job).next_runs }
    },

    spend: async ({ days, bot_id }) => {
      const since = dayStartBefore(zoneOf(machineZone()), clock.now(), days - 1)
      return { rows: store.spentByDay(since, bot_id ?? null) }
    },

    preview: async ({ cron_expression, timezone }) => {
      const schedule = checkedSchedule(cron_expression, timezone, clock.now())
      return { zone: schedule.zone.name, next_runs: toNextRuns(schedule.zone, momentsAfter(schedule, clock.now(), NEXT_RUNS)) }
    },

    get: async ({ job_id, bot_id }) => shown(jobOf(job_id, bot_id)),

    update: async ({ job_id, bot_id, ...given }) => {
      const isEmpty = !Object.entries(given).some((entry) => isSaid(entry))
      if (isEmpty) return shown(jobOf(job_id, bot_id))
      const checked = toFields(given, jobOf(job_id, bot_id), { ...rules, now: clock.now() })
      const token = await withToken(checked, given.delivery)
      const now = clock.now()
      const settled = store.atomically(() => {
        // Looked at again: another change may have come in while sessions kept the token.
        const before = jobOf(job_id, bot_id)
        const fields = {
          ...toFields(given, before, { ...rules, now }),
          ...(token === checked ? {} : { delivery_token_id: token.delivery_token_id }),
        }
        const zone = zoneInUse(fields)
        const rows = ledger.settleAll(job_id, now)
        const isEnabled = fields.enabled === 1 && before.enabled === 0
        const { problem, failures } = isEnabled ? { problem: null, failures: 0 } : before
        store.changeJob(job_id, { ...fields, zone, problem, failures }, now)
        const next = scheduleRow(job_id, { ...fields, zone }, now)
        const last = store.schedules(job_id).at(-1)
        if (last?.cron_expression !== next.cron_expression || last?.zone !== zone || last?.jitter_s !== next.jitter_s) {
          store.addSchedule(next)
          ledger.plan({ ...fields, id: job_id, zone }, now)
        }
        const isDisabled = fields.enabled === 0 && before.enabled === 1
        return isDisabled ? [...rows, ...ledger.endWaiting(jobOf(job_id, bot_id), 'disabled', now)] : rows
      })
      told(settled)
      return shown(jobOf(job_id, bot_id))
    },

    delete: async ({ job_id, bot_id }) => {
      const job = store.job(job_id)
      if (job !== undefined && bot_id && bot_id !== job.bot_id) throw new ServiceError('not_found', 'Job not found')
      if (job === undefined) return { deleted: true }
      const now = clock.now()
      const rows = store.atomically(() => {
        const settled = ledger.settleAll(job_id, now)
        const waiting = ledger.endWaiting(job, 'deleted', now)
        store.addSchedule({ job_id, since_at: now, cron_expression: null, zone: job.zone, jitter_s: 0 })
        store.deleteJob(job_id)
        return [...settled, ...waiting]
      })
      told(rows)
      return { deleted: true }
    },

    run: async ({ job_id, bot_id, idempotency_key, wait_ms }, { call_id, signal }) => {
      const call_key = idempotency_key ?? call_id
      const now = clock.now()
      const { run_id } = store.atomically(() => {
        const job = jobOf(job_id, bot_id)
        const begun = store.runByCall(job_id, call_key)
        if (begun !== undefined) return begun
        const refusal = ledger.refusal(job, now)
        if (refusal !== null) throw new ServiceError('forbidden', refusal)
        if (job.overlap === 'skip' && store.countOpen(job_id) > 0)
          throw new ServiceError(
            'conflict',
            'The job is running already (its overlap is skip); wait for its end or stop that run',
          )
        return ledger.enterManual(job, call_key, now)
      })
      runs.poke()
      await runs.ended(run_id, wait_ms, signal)
      const run = runOf(run_id)
      const { state, reason, exit_code } = run
      return { result: run.result ?? '', run_id, state, reason, exit_code, pending: isOpen(state) }
    },

    get_run: async ({ run_id, wait_ms }, { signal }) => {
      await runs.ended(run_id, wait_ms, signal)
      return shownRun(runOf(run_id))
    },

    get_output: async ({ run_id, stdout_from, stderr_from, wait_ms }, { signal }) => {
      const until = performance.now() + wait_ms
      for (;;) {
        const run = runOf(run_id)
        const ended = !isOpen(run.state)
        const kept = ended ? store.output(run_id) : undefined
        const piece = (stream: 'out' | 'err', from: number) => {
          const stdout = run.result === run.stderr ? '' : (run.result ?? '')
          const whole = { out: kept?.stdout ?? Buffer.from(stdout), err: kept?.stderr ?? Buffer.from(run.stderr ?? '') }[stream]
          const raw = ended
            ? whole.subarray(from, from + PIECE_BYTES)
            : run.folder === null
              ? Buffer.alloc(0)
              : shell.piece(run.folder, stream, from, PIECE_BYTES)
          const bytes = wholeCharacters(raw, ended && from + raw.length >= whole.length)
          return { text: bytes.toString('utf8'), next: from + bytes.length }
        }
        const [stdout, stderr] = [piece('out', stdout_from), piece('err', stderr_from)]
        const isNews = stdout.text !== '' || stderr.text !== ''
        if (ended || isNews || signal.aborted || performance.now() >= until)
          return { run: shownRun(run), stdout, stderr, ended: ended && !isNews }
        await runs.ended(run_id, OUTPUT_LOOK_MS, signal)
      }
    },

    stop_run: async ({ run_id }) => ({ stopped: runs.stop(runOf(run_id)) }),

    history: async ({ job_id, bot_id, limit }) => {
      const rows = store.runs(job_id, limit)
      return rows.filter((row) => !bot_id || row.bot_id === bot_id).map(shownRun)
    },

    ledger: async (input) => ledgerPage(store, input),

    status: async () => ({
      ...store.counts(),
      last_tick_at: ledger.lastLookAt,
      next_due_at: store.nextDueAt(),
      late_ms: ledger.lateMs,
      shell: rules.shell,
    }),
  }
}
