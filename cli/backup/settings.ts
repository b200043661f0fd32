/** What the owner can set of backups; `.env.example` says what each is for. */
import type { z } from 'zod'
import { BaseEnv, envInteger } from '../../services/runtime/env.ts'
import type { Limits } from './shelf.ts'

export const BackupEnv = BaseEnv.extend({
  BACKUP_KEEP: envInteger(1, 10_000).default(14),
  BACKUP_KEEP_DAYS: envInteger(1, 36_500).default(90),
  BACKUP_KEEP_MB: envInteger(1, 100_000_000).default(20_480),
})
export type BackupEnv = z.output<typeof BackupEnv>

/** @param now milliseconds since 1970 */
export const limitsOf = (env: Readonly<BackupEnv>, now: number): Limits => ({
  keep: env.BACKUP_KEEP,
  keep_days: env.BACKUP_KEEP_DAYS,
  keep_bytes: env.BACKUP_KEEP_MB * 1_048_576,
  now,
})
