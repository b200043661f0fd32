/** What was spent, from the costs that the CLI's results named. */
import { z } from 'zod'
import { method } from './method.ts'

const Days = z.number().int().min(1).max(366).default(7).describe('today and so many days before it, less one')
const Usd = z.number().describe('US dollars')

export const SpendRow = z
  .object({
    day: z.string().describe('YYYY-MM-DD by the machine’s clocks'),
    bot_id: z.string(),
    chat_id: z.string(),
    cost_usd: Usd,
    turns: z.number().int(),
  })
  .meta({ title: 'SpendRow' })
export type SpendRow = z.output<typeof SpendRow>

/** Part of sessions. */
export const spendMethods = {
  spend: method({
    summary: 'What was spent by day, bot and chat, and what may be',
    input: z.object({ days: Days, bot_id: z.string().optional(), chat_id: z.string().optional() }),
    output: z.object({
      today_usd: Usd,
      limits: z.object({
        day_usd: z.number().nullable().describe('null: no limit'),
        bot_day_usd: z.number().nullable(),
        chat_day_usd: z.number().nullable(),
        unattended_percent: z.number().describe('of each limit, where work that nobody waits for stops'),
      }),
      rows: z.array(SpendRow),
    }),
    http: [{ route: 'GET /api/spend' }],
    mcp: 'get_spend',
    ws: true,
    timeout_ms: 10_000,
    idempotent: true,
  }),
}

export const JobSpendRow = z
  .object({
    day: z.string(),
    job_id: z.number().int(),
    name: z.string().nullable().describe('null: the job was deleted'),
    bot_id: z.string(),
    cost_usd: Usd,
    runs: z.number().int(),
  })
  .meta({ title: 'JobSpendRow' })
export type JobSpendRow = z.output<typeof JobSpendRow>

/** Part of the scheduler. */
export const jobSpendMethods = {
  spend: method({
    summary: 'What the runs of jobs have cost by day and job',
    input: z.object({ days: Days, bot_id: z.string().optional() }),
    output: z.object({ rows: z.array(JobSpendRow) }),
    http: [{ route: 'GET /api/cron/spend' }],
    ws: true,
    mcp: 'get_job_spend',
    timeout_ms: 10_000,
    idempotent: true,
  }),
}
