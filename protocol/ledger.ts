/** The ledger of the scheduler, as its auditor reads it. */
import { z } from 'zod'

/** What a job's due moments were, and which of them have a row. Moments in milliseconds since 1970. */
export const LedgerJob = z.object({
  job_id: z.number().int(),
  forgotten_until: z.number().int().nullable().describe('rows up to here were deleted by retention'),
  schedules: z.array(
    z.object({
      since_at: z.number().int(),
      cron_expression: z.string().nullable().describe('null: from here on nothing came due'),
      zone: z.string(),
      jitter_s: z.number().int(),
    }),
  ),
  rows: z.array(
    z.object({ scheduled_at: z.number().int(), until_at: z.number().int().describe('the last moment that shares this row') }),
  ),
})
export type LedgerJob = z.infer<typeof LedgerJob>

export const LedgerPage = z.object({
  jobs: z.array(LedgerJob),
  next_job_id: z.number().int().nullable().describe('null: these were all; else ask again behind this one'),
})
export type LedgerPage = z.infer<typeof LedgerPage>
