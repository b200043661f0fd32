/** The note that a swap of databases has begun, which `restoring.ts` writes and whoever starts must heed. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const JOURNAL = 'restore.json'

/** Which jobs an import has taken over (import/jobs.ts): true of the database that it lies beside, and of no other. */
export const IMPORT_NOTE = 'imported.json'

/** Whether a restore was cut off in the middle and must be finished before anything starts. */
export const isRestoreUnfinished = (home: string): boolean => existsSync(join(home, JOURNAL))

/** Why nothing may start, in words; null where it may. */
export const unfinishedRestore = (home: string): string | null =>
  isRestoreUnfinished(home) ? 'A restore was cut off in the middle. Finish it first: npx switchboard restore --finish' : null
