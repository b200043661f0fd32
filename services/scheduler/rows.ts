/** The rows of the scheduler's database, as TypeScript sees them. Names are the columns'; moments in milliseconds since 1970. */
import type { JobType, Misfire, Overlap, RunState, RunTrigger } from '../../protocol/scheduler.ts'

/** What a caller decides of a job. */
export interface JobFields {
  readonly name: string
  readonly cron_expression: string
  readonly timezone: string | null
  readonly command: string
  readonly job_type: JobType
  readonly enabled: 0 | 1
  readonly misfire: Misfire
  readonly misfire_limit: number
  readonly overlap: Overlap
  readonly timeout_s: number | null
  readonly retries: number
  readonly jitter_s: number
  readonly disable_after: number
  readonly spend_limit_usd: number | null
  readonly delivery_kind: 'none' | 'telegram' | 'webhook'
  readonly delivery_to: string | null
  readonly delivery_token_id: string | null
  readonly cwd: string | null
  readonly chat_id: string | null
}

export interface JobRow extends JobFields {
  readonly id: number
  readonly bot_id: string
  readonly zone: string
  readonly failures: number
  readonly problem: string | null
  readonly last_run_at: number | null
  readonly last_result: string | null
  readonly next_at: number | null
  readonly due_at: number | null
  readonly created_at: number
  readonly updated_at: number
}

export interface RunRow {
  readonly id: number
  readonly run_id: string
  readonly job_id: number
  readonly bot_id: string
  readonly trigger: RunTrigger
  readonly scheduled_at: number
  readonly missed_until_at: number | null
  readonly state: RunState
  readonly reason: string | null
  readonly attempt: number
  readonly retry_at: number | null
  readonly claimed_at: number
  readonly started_at: number | null
  /** When the latest attempt began. */
  readonly attempt_at: number | null
  readonly ended_at: number | null
  readonly duration_ms: number | null
  readonly exit_code: number | null
  readonly result: string | null
  readonly stderr: string | null
  readonly folder: string | null
  readonly boot_id: string | null
  readonly turn_id: string | null
  readonly cost_usd: number | null
  readonly stop_asked: 0 | 1
}

/** A due moment as it enters the ledger. */
export interface NewRun {
  readonly run_id: string
  readonly job_id: number
  readonly bot_id: string
  readonly trigger: RunTrigger
  readonly scheduled_at: number
  readonly missed_until_at: number | null
  readonly state: 'claimed' | 'skipped' | 'missed'
  readonly reason: string | null
  readonly claimed_at: number
  readonly call_key: string | null
}

/** How an attempt ended. */
export interface Outcome {
  /** *skipped*: it was begun, and found that it may not. */
  readonly state: 'ran' | 'failed' | 'interrupted' | 'skipped'
  readonly reason: string | null
  readonly exit_code: number | null
  readonly result: string
  readonly stderr: string
  readonly cost_usd: number | null
  /** The disk was full: no fault of the job, which is not disabled for it. */
  readonly isFull?: boolean
  /** All that is kept of both streams, where that is more than fits in the row. */
  readonly output: { readonly stdout: Buffer; readonly stderr: Buffer } | null
}

export interface ScheduleRow {
  readonly job_id: number
  readonly since_at: number
  readonly cron_expression: string | null
  readonly zone: string
  readonly jitter_s: number
}

export interface DeliveryRow {
  readonly run_id: string
  readonly kind: 'telegram' | 'webhook'
  readonly to: string
  readonly token_id: string | null
  readonly body: string
  readonly state: 'pending' | 'delivered' | 'failed'
  readonly attempts: number
  readonly reason: string | null
  readonly next_at: number
  readonly created_at: number
}

/** Whether a run may still end. */
export const isOpen = (state: RunState): boolean => state === 'claimed' || state === 'running'
