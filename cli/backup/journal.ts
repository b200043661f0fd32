/** The note that a swap of databases has begun, which `restoring.ts` writes and whoever starts must heed. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const JOURNAL = 'restore.json'

/** Whether a restore was cut off in the middle and must be finished before anything starts. */
export const isRestoreUnfinished = (home: string): boolean => existsSync(join(home, JOURNAL))

/** Why nothing may start, in words; null where it may. */
export const unfinishedRestore = (home: string): string | null =>
  isRestoreUnfinished(home) ? 'A restore was cut off in the middle. Finish it first: npx switchboard restore --finish' : null
