/**
 * The only SQL of the scheduler: prepared statements behind verbs, without decisions. The database is opened with
 * synchronous=FULL, so what a verb has written when it returns survives a power cut. `atomically` joins verbs.
 */
import type { Database } from 'better-sqlite3'
import type { RunState } from '../../protocol/scheduler.ts'
import type { JobSpendRow } from '../../protocol/spend.ts'
import type { DeliveryRow, JobFields, JobRow, NewRun, Outcome, RunRow, ScheduleRow } from './rows.ts'

const OPEN = `('claimed', 'running')`

/** A job with longer texts is not remembered, so that 10,000 of them take 40 MB at most. */
const REMEMBERED_CHARACTERS = 1_000

/** Somewhat more than the day over which a spending limit counts. */
const PAID_MS = 26 * 3_600_000

const JOB_FIELDS: readonly (keyof JobFields)[] = [
  'name',
  'cron_expression',
  'timezone',
  'command',
  'job_type',
  'enabled',
  'misfire',
  'misfire_limit',
  'overlap',
  'timeout_s',
  'retries',
  'jitter_s',
  'disable_after',
  'spend_limit_usd',
  'delivery_kind',
  'delivery_to',
  'delivery_token_id',
  'cwd',
  'chat_id',
]

/** A moment of the ledger: from `scheduled_at` up to `until_at` (the same where the row stands for one). */
export interface LedgerMoment {
  readonly scheduled_at: number
  readonly until_at: number
}

export type Counts = Record<'jobs' | 'enabled' | 'claimed' | 'running' | 'deliveries_pending', number>

export const openStore = (db: Database) => {
  const sql = <P extends unknown[] | object, R = unknown>(text: string) => db.prepare<P extends unknown[] ? P : [P], R>(text)

  const q = {
    job: sql<[number], JobRow>('SELECT * FROM jobs WHERE id = ?'),
    jobIds: sql<[string], { id: number }>('SELECT id FROM jobs WHERE bot_id = ? ORDER BY created_at DESC, id DESC'),
    allJobIds: sql<[], { id: number }>('SELECT id FROM jobs ORDER BY created_at DESC, id DESC'),
    jobsBehind: sql<[number, number], JobRow>('SELECT * FROM jobs WHERE id > ? ORDER BY id LIMIT ?'),
    due: sql<[number, number], JobRow>('SELECT * FROM jobs WHERE due_at <= ? ORDER BY due_at, id LIMIT ?'),
    addJob: sql<object>(
      `INSERT INTO jobs (bot_id, zone, created_at, updated_at, ${JOB_FIELDS.join(', ')})
       VALUES (:bot_id, :zone, :now, :now, ${JOB_FIELDS.map((name) => `:${name}`).join(', ')})`,
    ),
    changeJob: sql<object>(
      `UPDATE jobs SET zone = :zone, problem = :problem, failures = :failures, updated_at = :now,
         ${JOB_FIELDS.map((name) => `${name} = :${name}`).join(', ')} WHERE id = :id`,
    ),
    movedJobs: sql<[string], { id: number }>('SELECT id FROM jobs WHERE timezone IS NULL AND zone <> ?'),
    moveJob: sql<[string, number]>('UPDATE jobs SET zone = ? WHERE id = ?'),
    deleteJob: sql<[number]>('DELETE FROM jobs WHERE id = ?'),
    advance: sql<[number | null, number | null, number]>('UPDATE jobs SET next_at = ?, due_at = ? WHERE id = ?'),
    disable: sql<[string, number, number]>(
      'UPDATE jobs SET enabled = 0, next_at = NULL, due_at = NULL, problem = ?, updated_at = ? WHERE id = ?',
    ),
    jobRan: sql<{ id: number; now: number; result: string; failures: number }>(
      `UPDATE jobs SET last_run_at = :now, last_result = :result, failures = :failures, updated_at = :now WHERE id = :id`,
    ),

    addSchedule: sql<ScheduleRow>(
      `INSERT INTO schedules (job_id, since_at, cron_expression, zone, jitter_s)
       VALUES (:job_id, :since_at, :cron_expression, :zone, :jitter_s)`,
    ),
    schedules: sql<[number], ScheduleRow>('SELECT * FROM schedules WHERE job_id = ? ORDER BY id'),
    scheduledJobs: sql<[number, number], { job_id: number }>(
      'SELECT DISTINCT job_id FROM schedules WHERE job_id > ? ORDER BY job_id LIMIT ?',
    ),
    forgottenUntil: sql<[number], { until_at: number }>('SELECT until_at FROM forgotten WHERE job_id = ?'),
    moments: sql<{ job_id: number; since: number; until: number }, LedgerMoment>(
      `SELECT scheduled_at, coalesce(missed_until_at, scheduled_at) AS until_at FROM runs
       WHERE job_id = :job_id AND "trigger" <> 'manual' AND scheduled_at <= :until
         AND (scheduled_at >= :since OR missed_until_at >= :since) ORDER BY scheduled_at`,
    ),

    // A moment that was missed and comes again, since the clock was set back, is claimed after all; any other row stays.
    addRun: sql<NewRun, RunRow>(
      `INSERT INTO runs (run_id, job_id, bot_id, "trigger", scheduled_at, missed_until_at, state, reason, claimed_at, call_key)
       VALUES (:run_id, :job_id, :bot_id, :trigger, :scheduled_at, :missed_until_at, :state, :reason, :claimed_at, :call_key)
       ON CONFLICT (job_id, scheduled_at) WHERE "trigger" <> 'manual' DO UPDATE SET
         state = excluded.state, "trigger" = excluded."trigger", reason = excluded.reason, claimed_at = excluded.claimed_at
       WHERE runs.state = 'missed' AND runs.missed_until_at IS NULL AND excluded.state <> 'missed'
       RETURNING *`,
    ),
    run: sql<[string], RunRow>('SELECT * FROM runs WHERE run_id = ?'),
    runByCall: sql<[number, string], RunRow>('SELECT * FROM runs WHERE job_id = ? AND call_key = ?'),
    runs: sql<[number, number], RunRow>('SELECT * FROM runs WHERE job_id = ? ORDER BY id DESC LIMIT ?'),
    running: sql<[], RunRow>(`SELECT * FROM runs WHERE state IN ${OPEN} AND state = 'running' ORDER BY id`),
    countOpen: sql<[number], { n: number }>(`SELECT count(*) AS n FROM runs WHERE job_id = ? AND state IN ${OPEN}`),
    claimable: sql<{ type: string; now: number; limit: number }, RunRow>(
      `SELECT r.* FROM runs r JOIN jobs j ON j.id = r.job_id
       WHERE r.state IN ${OPEN} AND r.state = 'claimed' AND j.job_type = :type AND (r.retry_at IS NULL OR r.retry_at <= :now)
         AND (j.overlap = 'allow' OR NOT EXISTS
           (SELECT 1 FROM runs o WHERE o.job_id = r.job_id AND o.state IN ${OPEN} AND (o.state = 'running' OR o.id < r.id)))
       ORDER BY r.id LIMIT :limit`,
    ),
    nextRetry: sql<[], { at: number | null }>(
      `SELECT min(retry_at) AS at FROM runs WHERE state IN ${OPEN} AND state = 'claimed'`,
    ),
    begin: sql<{ run_id: string; now: number; folder: string | null; boot_id: string | null }>(
      `UPDATE runs SET state = 'running', attempt = attempt + 1, retry_at = NULL, reason = NULL, turn_id = NULL,
         started_at = coalesce(started_at, :now), attempt_at = :now, folder = :folder, boot_id = :boot_id
       WHERE run_id = :run_id AND state = 'claimed'`,
    ),
    unbegin: sql<[string]>(
      `UPDATE runs SET state = 'claimed', attempt = attempt - 1, folder = NULL, boot_id = NULL WHERE run_id = ? AND state = 'running'`,
    ),
    setTurn: sql<[string, string]>('UPDATE runs SET turn_id = ? WHERE run_id = ?'),
    askStop: sql<[string]>(`UPDATE runs SET stop_asked = 1 WHERE run_id = ? AND state IN ${OPEN}`),
    again: sql<{ run_id: string; retry_at: number; reason: string; exit_code: number | null; result: string; stderr: string }>(
      `UPDATE runs SET state = 'claimed', retry_at = :retry_at, reason = :reason, exit_code = :exit_code, result = :result,
         stderr = :stderr, folder = NULL, boot_id = NULL WHERE run_id = :run_id AND state = 'running'`,
    ),
    spend: sql<[number, string]>('UPDATE runs SET cost_usd = coalesce(cost_usd, 0) + ? WHERE run_id = ?'),
    end: sql<object, RunRow>(
      `UPDATE runs SET state = :state, reason = :reason, exit_code = :exit_code, result = :result, stderr = :stderr,
         ended_at = :now, duration_ms = max(0, :now - coalesce(started_at, :now)), retry_at = NULL, folder = NULL
       WHERE run_id = :run_id AND state IN ${OPEN} RETURNING *`,
    ),
    waiting: sql<[number], RunRow>(`SELECT * FROM runs WHERE job_id = ? AND state IN ${OPEN} AND state = 'claimed' ORDER BY id`),
    // What was tried before keeps what came of it.
    endWaiting: sql<{ run_id: string; reason: string; now: number }, RunRow>(
      `UPDATE runs SET state = iif(attempt = 0, 'skipped', 'failed'), reason = :reason, ended_at = :now, retry_at = NULL,
         duration_ms = iif(attempt = 0, NULL, max(0, :now - started_at))
       WHERE run_id = :run_id AND state IN ${OPEN} AND state = 'claimed' RETURNING *`,
    ),
    hastenRuns: sql<[number]>(`UPDATE runs SET retry_at = retry_at - ? WHERE state IN ${OPEN} AND retry_at IS NOT NULL`),
    spentByDay: sql<{ since: number; bot_id: string | null }, JobSpendRow>(
      `SELECT date(r.claimed_at / 1000, 'unixepoch', 'localtime') AS day, r.job_id, j.name, r.bot_id,
         sum(r.cost_usd) AS cost_usd, count(*) AS runs
       FROM runs r LEFT JOIN jobs j ON j.id = r.job_id
       WHERE r.cost_usd IS NOT NULL AND r.claimed_at >= :since AND (:bot_id IS NULL OR r.bot_id = :bot_id)
       GROUP BY day, r.job_id ORDER BY day DESC, cost_usd DESC`,
    ),
    spent: sql<[number, number], { usd: number }>(
      'SELECT coalesce(sum(cost_usd), 0) AS usd FROM runs WHERE job_id = ? AND coalesce(started_at, claimed_at) >= ?',
    ),
    addOutput: sql<[string, Buffer, Buffer]>('INSERT OR REPLACE INTO outputs (run_id, stdout, stderr) VALUES (?, ?, ?)'),
    output: sql<[string], { stdout: Buffer; stderr: Buffer }>('SELECT stdout, stderr FROM outputs WHERE run_id = ?'),
    dropOutputs: sql<{ job_id: number; keep: number }>(
      `DELETE FROM outputs WHERE run_id IN (SELECT run_id FROM runs WHERE job_id = :job_id AND id <=
         (SELECT id FROM runs WHERE job_id = :job_id ORDER BY id DESC LIMIT 1 OFFSET :keep))`,
    ),

    addDelivery: sql<Omit<DeliveryRow, 'state' | 'attempts' | 'reason'>>(
      `INSERT INTO deliveries (run_id, kind, "to", token_id, body, next_at, created_at)
       VALUES (:run_id, :kind, :to, :token_id, :body, :next_at, :created_at) ON CONFLICT (run_id) DO NOTHING`,
    ),
    delivery: sql<[string], DeliveryRow>('SELECT * FROM deliveries WHERE run_id = ?'),
    dueDeliveries: sql<[number, number], DeliveryRow>(
      `SELECT * FROM deliveries WHERE state = 'pending' AND next_at <= ? ORDER BY next_at LIMIT ?`,
    ),
    trying: sql<[number, string]>('UPDATE deliveries SET attempts = attempts + 1, next_at = ? WHERE run_id = ?'),
    delivered: sql<[number, string]>(
      `UPDATE deliveries SET state = 'delivered', reason = NULL, ended_at = ? WHERE run_id = ? AND state = 'pending'`,
    ),
    undelivered: sql<{ run_id: string; state: string; reason: string; next_at: number; ended_at: number | null }>(
      `UPDATE deliveries SET state = :state, reason = :reason, next_at = :next_at, ended_at = :ended_at
       WHERE run_id = :run_id AND state = 'pending'`,
    ),
    hastenDeliveries: sql<{ ms: number }>(
      `UPDATE deliveries SET next_at = next_at - :ms, created_at = created_at - :ms WHERE state = 'pending'`,
    ),

    // What was paid counts for the spending limits of a day, and what is to be delivered is not delivered yet: both stay that long.
    old: sql<{ job_id: number; keep: number; paid_before: number }, { id: number; at: number }>(
      `SELECT id, coalesce(missed_until_at, scheduled_at) AS at FROM runs
       WHERE job_id = :job_id AND state NOT IN ${OPEN} AND id <=
         (SELECT id FROM runs WHERE job_id = :job_id ORDER BY id DESC LIMIT 1 OFFSET :keep)
         AND (cost_usd IS NULL OR coalesce(started_at, claimed_at) < :paid_before)
         AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = runs.run_id AND d.state = 'pending') LIMIT 100`,
    ),
    aged: sql<[number, number], { id: number; job_id: number; at: number }>(
      `SELECT id, job_id, coalesce(missed_until_at, scheduled_at) AS at FROM runs
       WHERE claimed_at < ? AND state NOT IN ${OPEN} ORDER BY claimed_at LIMIT ?`,
    ),
    deleteRun: sql<[number]>('DELETE FROM runs WHERE id = ?'),
    forget: sql<[number, number]>(
      `INSERT INTO forgotten (job_id, until_at) VALUES (?, ?)
       ON CONFLICT (job_id) DO UPDATE SET until_at = max(until_at, excluded.until_at)`,
    ),
    // What a job's schedule was is needed from the one on that held at the moment. Of a deleted job none is left, the last one last.
    dropSchedules: sql<{ before: number; limit: number }>(
      `DELETE FROM schedules WHERE id IN (
         SELECT id FROM schedules s WHERE since_at < :before AND (
           EXISTS (SELECT 1 FROM schedules n WHERE n.job_id = s.job_id AND n.id > s.id AND n.since_at < :before)
           OR NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = s.job_id)
             AND NOT EXISTS (SELECT 1 FROM schedules o WHERE o.job_id = s.job_id AND o.id <> s.id))
         ORDER BY id LIMIT :limit)`,
    ),
    dropForgotten: sql<[]>(
      'DELETE FROM forgotten WHERE job_id NOT IN (SELECT id FROM jobs) AND job_id NOT IN (SELECT job_id FROM schedules)',
    ),

    seen: sql<[], { seen_at: number }>('SELECT seen_at FROM clock'),
    see: sql<[number]>('UPDATE clock SET seen_at = ?'),
    nextDue: sql<[], { at: number | null }>('SELECT min(due_at) AS at FROM jobs WHERE due_at IS NOT NULL'),
    counts: sql<[], Counts>(
      `SELECT (SELECT count(*) FROM jobs) AS jobs, (SELECT count(*) FROM jobs WHERE enabled = 1) AS enabled,
         (SELECT count(*) FROM runs WHERE state IN ${OPEN} AND state = 'claimed') AS claimed,
         (SELECT count(*) FROM runs WHERE state IN ${OPEN} AND state = 'running') AS running,
         (SELECT count(*) FROM deliveries WHERE state = 'pending') AS deliveries_pending`,
    ),
  }

  /**
   * Rows of jobs as they were read last: taking 10,000 of them out of the database takes 60 ms, of which a list has 50. Every
   * verb that writes a job forgets it; nothing is remembered that was read within a transaction, which may be taken back.
   */
  const known = new Map<number, JobRow>()
  const job = (id: number): JobRow | undefined => {
    const remembered = known.get(id)
    if (remembered !== undefined) return remembered
    const row = q.job.get(id)
    if (row !== undefined && !db.inTransaction && row.command.length + (row.last_result?.length ?? 0) <= REMEMBERED_CHARACTERS)
      known.set(id, row)
    return row
  }

  const drop = (rows: readonly { readonly id: number; readonly at: number }[], jobOf: (index: number) => number): void => {
    for (const [index, { id, at }] of rows.entries()) {
      q.deleteRun.run(id)
      q.forget.run(jobOf(index), at)
    }
  }
  const atomically = <R>(work: () => R): R => (db.inTransaction ? work() : db.transaction(work).immediate())

  return {
    atomically,

    job,
    /** Newest first; of all bots where `bot_id` is empty. */
    jobs: (bot_id: string): JobRow[] =>
      (bot_id === '' ? q.allJobIds.all() : q.jobIds.all(bot_id)).flatMap(({ id }) => job(id) ?? []),
    jobsBehind: (id: number, limit: number) => q.jobsBehind.all(id, limit),
    due: (now: number, limit: number) => q.due.all(now, limit),
    addJob: (fields: JobFields & { readonly bot_id: string; readonly zone: string }, now: number): number =>
      Number(q.addJob.run({ ...fields, now }).lastInsertRowid),
    changeJob: (id: number, fields: JobFields & Pick<JobRow, 'zone' | 'problem' | 'failures'>, now: number): void => {
      known.delete(id)
      q.changeJob.run({ ...fields, id, now })
    },
    /** Those that go by the machine's zone, which is another one now. */
    movedJobs: (zone: string) => q.movedJobs.all(zone),
    moveJob: (id: number, zone: string): void => {
      known.delete(id)
      q.moveJob.run(zone, id)
    },
    deleteJob: (id: number): void => {
      known.delete(id)
      q.deleteJob.run(id)
    },
    advance: (id: number, next_at: number | null, due_at: number | null): void => {
      known.delete(id)
      q.advance.run(next_at, due_at, id)
    },
    disable: (id: number, problem: string, now: number): void => {
      known.delete(id)
      q.disable.run(problem, now, id)
    },
    jobRan: (id: number, now: number, result: string, failures: number): void => {
      known.delete(id)
      q.jobRan.run({ id, now, result, failures })
    },

    addSchedule: (row: ScheduleRow) => void q.addSchedule.run(row),
    schedules: (job_id: number) => q.schedules.all(job_id),
    scheduledJobs: (behind: number, limit: number) => q.scheduledJobs.all(behind, limit).map(({ job_id }) => job_id),
    forgottenUntil: (job_id: number) => q.forgottenUntil.get(job_id)?.until_at ?? null,
    moments: (job_id: number, since: number, until: number) => q.moments.all({ job_id, since, until }),

    /** The new row; undefined where the moment has one already. */
    addRun: (run: NewRun) => q.addRun.get(run),
    run: (run_id: string) => q.run.get(run_id),
    runByCall: (job_id: number, call_key: string) => q.runByCall.get(job_id, call_key),
    /** Newest first; all where the limit is negative. */
    runs: (job_id: number, limit: number) => q.runs.all(job_id, limit),
    running: () => q.running.all(),
    countOpen: (job_id: number) => q.countOpen.get(job_id)?.n ?? 0,
    claimable: (type: JobRow['job_type'], now: number, limit: number) => q.claimable.all({ type, now, limit }),
    nextRetryAt: () => q.nextRetry.get()?.at ?? null,
    begin: (run_id: string, now: number, place: { folder: string; boot_id: string } | null) =>
      q.begin.run({ run_id, now, folder: place?.folder ?? null, boot_id: place?.boot_id ?? null }).changes === 1,
    unbegin: (run_id: string) => void q.unbegin.run(run_id),
    setTurn: (run_id: string, turn_id: string) => void q.setTurn.run(turn_id, run_id),
    askStop: (run_id: string) => q.askStop.run(run_id).changes === 1,
    /** Back to the claimed ones, for another attempt. */
    again: (run_id: string, retry_at: number, { exit_code, result, stderr, cost_usd }: Outcome, reason: string) =>
      atomically(() => {
        if (cost_usd !== null) q.spend.run(cost_usd, run_id)
        q.again.run({ run_id, retry_at, reason, exit_code, result, stderr })
      }),
    /** The row at its end; undefined where it had ended already. */
    end: (run_id: string, outcome: Outcome | { state: RunState; reason: string }, now: number, keep_outputs: number) =>
      atomically(() => {
        const {
          cost_usd = null,
          output = null,
          isFull: _,
          ...rest
        } = { exit_code: null, result: '', stderr: '', ...outcome } as Partial<Outcome>
        if (cost_usd !== null) q.spend.run(cost_usd, run_id)
        const row = q.end.get({ ...rest, run_id, now })
        if (row !== undefined && output !== null) {
          q.addOutput.run(run_id, output.stdout, output.stderr)
          q.dropOutputs.run({ job_id: row.job_id, keep: keep_outputs })
        }
        return row
      }),
    waiting: (job_id: number) => q.waiting.all(job_id),
    /** Ends a run that waits, *skipped* or (after an attempt) *failed*; undefined where it does not wait. */
    endWaiting: (run_id: string, reason: string, now: number) => q.endWaiting.get({ run_id, reason, now }),
    spentSince: (job_id: number, since: number) => q.spent.get(job_id, since)?.usd ?? 0,
    spentByDay: (since: number, bot_id: string | null) => q.spentByDay.all({ since, bot_id }),
    output: (run_id: string) => q.output.get(run_id),

    addDelivery: (row: Omit<DeliveryRow, 'state' | 'attempts' | 'reason'>) => void q.addDelivery.run(row),
    delivery: (run_id: string) => q.delivery.get(run_id),
    dueDeliveries: (now: number, limit: number) => q.dueDeliveries.all(now, limit),
    /** Before an attempt: should we die in it, the next one is not before `next_at`. */
    trying: (run_id: string, next_at: number) => void q.trying.run(next_at, run_id),
    delivered: (run_id: string, now: number) => void q.delivered.run(now, run_id),
    undelivered: (run_id: string, reason: string, next_at: number | null, now: number) =>
      void q.undelivered.run({
        run_id,
        reason,
        state: next_at === null ? 'failed' : 'pending',
        next_at: next_at ?? now,
        ended_at: next_at === null ? now : null,
      }),

    /** Drops what a job has beyond its newest `keep` rows. */
    dropOld: (job_id: number, keep: number, now: number) =>
      atomically(() => drop(q.old.all({ job_id, keep, paid_before: now - PAID_MS }), () => job_id)),
    /** Drops rows of before a moment, some; how many. */
    dropAged: (before: number, limit: number) =>
      atomically(() => {
        const rows = q.aged.all(before, limit)
        drop(rows, (index) => rows[index]?.job_id ?? 0)
        return rows.length
      }),
    /** Drops schedules that held before a moment only, some, and what is known of jobs that have none left; how many schedules. */
    dropSchedules: (before: number, limit: number) =>
      atomically(() => {
        const { changes } = q.dropSchedules.run({ before, limit })
        if (changes === 0) q.dropForgotten.run()
        return changes
      }),

    /** What waits for a moment waits for one so much earlier. */
    hasten: (ms: number) =>
      atomically(() => {
        q.hastenRuns.run(ms)
        q.hastenDeliveries.run({ ms })
      }),
    seenAt: () => q.seen.get()?.seen_at ?? 0,
    see: (now: number) => void q.see.run(now),
    nextDueAt: () => q.nextDue.get()?.at ?? null,
    counts: () => q.counts.get() as Counts,
  }
}

export type Store = ReturnType<typeof openStore>
