/** Rows as clients read them: in the words of the predecessor's, with what is new behind them. */
import type { Job, NextRun, Run } from '../../protocol/scheduler.ts'
import { momentsAfter, scheduleOf } from '../runtime/cron/schedule.ts'
import { toLocalText, type Zone, zoneOf } from '../runtime/cron/zone.ts'
import { chatOf } from './claude.ts'
import { type DeliveryRow, isOpen, type JobRow, type RunRow } from './rows.ts'

export const NEXT_RUNS = 5

/** A moment as the predecessor wrote it: microseconds, and the offset of UTC. */
export const toMoment = (at: number): string => `${new Date(at).toISOString().slice(0, 23)}000+00:00`

const momentOrNull = (at: number | null): string | null => (at === null ? null : toMoment(at))

/** Moments on both clocks. */
export const toNextRuns = (zone: Zone, moments: readonly number[]): NextRun[] =>
  moments.map((moment) => ({ utc: `${new Date(moment).toISOString().slice(0, 19)}Z`, local: toLocalText(zone, moment) }))

/** The first one is in the row; only those behind it need to be computed. */
const nextRunsOf = ({ next_at, cron_expression, zone }: JobRow, count: number): NextRun[] => {
  if (next_at === null || count === 0) return []
  const more = count === 1 ? [] : momentsAfter(scheduleOf(cron_expression, zone), next_at, count - 1)
  return toNextRuns(zoneOf(zone), [next_at, ...more])
}

/** @param timeout_s what holds where the job does not say @param count how many of the next runs to show */
export const toJob = (row: JobRow, timeout_s: number, count: number): Job => ({
  id: row.id,
  name: row.name,
  cron_expression: row.cron_expression,
  command: row.command,
  job_type: row.job_type,
  enabled: row.enabled,
  last_run_at: momentOrNull(row.last_run_at),
  last_result: row.last_result,
  timezone: row.timezone,
  created_at: toMoment(row.created_at),
  updated_at: toMoment(row.updated_at),
  bot_id: row.bot_id,
  zone: row.zone,
  misfire: row.misfire,
  misfire_limit: row.misfire_limit,
  overlap: row.overlap,
  timeout_s: row.timeout_s ?? timeout_s,
  retries: row.retries,
  jitter_s: row.jitter_s,
  disable_after: row.disable_after,
  spend_limit_usd: row.spend_limit_usd,
  delivery: {
    kind: row.delivery_kind,
    chat_id: row.delivery_kind === 'telegram' ? row.delivery_to : null,
    url: row.delivery_kind === 'webhook' ? row.delivery_to : null,
  },
  cwd: row.cwd,
  chat_id: row.job_type === 'claude' ? chatOf(row) : row.chat_id,
  failures: row.failures,
  problem: row.problem,
  next_runs: nextRunsOf(row, count),
})

/** @param delivery undefined where nothing was to be delivered */
export const toRun = (row: RunRow, delivery: DeliveryRow | undefined): Run => ({
  id: row.id,
  job_id: row.job_id,
  started_at: toMoment(row.started_at ?? row.claimed_at),
  finished_at: isOpen(row.state) ? null : toMoment(row.ended_at ?? row.claimed_at),
  result: row.result,
  success: row.state === 'ran' ? 1 : 0,
  run_id: row.run_id,
  bot_id: row.bot_id,
  scheduled_at: toMoment(row.scheduled_at),
  missed_until_at: momentOrNull(row.missed_until_at),
  trigger: row.trigger,
  state: row.state,
  reason: row.reason,
  exit_code: row.exit_code,
  stderr: row.stderr,
  duration_ms: row.duration_ms,
  attempt: row.attempt,
  turn_id: row.turn_id,
  cost_usd: row.cost_usd,
  delivery: { state: delivery?.state ?? 'none', attempts: delivery?.attempts ?? 0, reason: delivery?.reason ?? null },
})

/** Why a run waits for another attempt. @param attempt the one that comes @param of how many there may be */
export const toWaitingReason = (reason: string | null, attempt: number, of: number, wait_s: number): string =>
  `${reason}; attempt ${attempt} of ${of} comes in ${wait_s} s`

/** Why a run that may be tried again is not. @param reason of its last attempt, also as `toWaitingReason` has put it @param why a sentence */
export const toGivenUpReason = (reason: string | null, why: string): string =>
  `${reason?.replace(/; attempt \d+ of \d+ comes in \d+ s$/, '') ?? 'It failed'}; it is not tried again. ${why}`

/** What a webhook gets. */
export const toWebhookBody = (row: RunRow, job: Pick<JobRow, 'name'>, notice: string | null): string => {
  const { delivery: _, ...run } = toRun(row, undefined)
  return JSON.stringify({ job_name: job.name, notice, ...run })
}

const OUTCOMES: Readonly<Record<string, string>> = { ran: 'ran', failed: 'failed', interrupted: 'was interrupted' }

/** What a person reads in Telegram. */
export const toMessage = (row: RunRow, job: Pick<JobRow, 'name'>, notice: string | null): string =>
  [
    `**${job.name}** ${OUTCOMES[row.state] ?? row.state}${row.reason === null ? '' : `: ${row.reason}`}`,
    ...(notice === null ? [] : [notice]),
    ...(row.result ? [row.result.trimEnd()] : []),
  ].join('\n\n')
