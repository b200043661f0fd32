/** What the owner can set of the scheduler; `.env.example` says what each is for. Times in seconds. */
import { z } from 'zod'
import { BaseEnv, EnvFlag, envInteger } from '../runtime/env.ts'

const DAY_S = 86_400

export const Settings = BaseEnv.extend({
  CRON_SHELL: EnvFlag.default(true),
  CRON_SHELL_TIMEOUT: envInteger(1, 30 * DAY_S).default(900),
  CRON_CLAUDE_TIMEOUT: envInteger(1, 30 * DAY_S).default(900),
  CRON_MAX_RUNNING: envInteger(1, 1_000).default(10),
  CRON_ENV_PASS: z.string().default(''),
  CRON_WEBHOOK_PRIVATE: EnvFlag.default(false),
  CRON_KEEP_RUNS: envInteger(10, 1_000_000).default(1_000),
  CRON_KEEP_DAYS: envInteger(1, 36_500).default(90),
})

export type Settings = z.output<typeof Settings>
