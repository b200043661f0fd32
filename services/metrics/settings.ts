/** What the owner can set of metrics; `.env.example` says what each is for. */
import { DailyBackupEnv } from '../runtime/daily-backup.ts'
import { BaseEnv, EnvFolder, envInteger } from '../runtime/env.ts'
import { WatchdogSettings } from '../runtime/watch/settings.ts'
import { DashboardEnv } from './dashboard/settings.ts'
import { HousekeepingEnv } from './housekeeping.ts'

export const Settings = BaseEnv.extend({
  ...WatchdogSettings.shape,
  ...DashboardEnv.shape,
  ...DailyBackupEnv.shape,
  ...HousekeepingEnv.shape,
  METRICS_SAMPLE_SECONDS: envInteger(1, 3_600).default(15),
  CRASH_LOOP_RESTARTS: envInteger(2, 1_000).default(5),
  CRASH_LOOP_MINUTES: envInteger(1, 1_440).default(10),
  CLAUDE_CONFIG_DIR: EnvFolder.optional(),
  GATEWAY_MIN_FREE_MB: envInteger(0, 1_000_000).default(512),
  GATEWAY_MIN_FREE_DISK_MB: envInteger(0, 100_000_000).default(1_024),
})
export type Settings = ReturnType<typeof Settings.parse>
