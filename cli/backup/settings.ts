/** What the owner can set of backups; `.env.example` says what each is for. */
import type { z } from 'zod'
import { BaseEnv, envInteger } from '../../services/runtime/env.ts'

export const BackupEnv = BaseEnv.extend({
  BACKUP_KEEP: envInteger(1, 10_000).default(14),
  BACKUP_KEEP_DAYS: envInteger(1, 36_500).default(90),
})
export type BackupEnv = z.output<typeof BackupEnv>
