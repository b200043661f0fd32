/** Backups: whether there is one that is young enough, and whether a restore was left half done. */
import { statSync } from 'node:fs'
import { isRestoreUnfinished } from '../backup/journal.ts'
import { listBackups, newestOf } from '../backup/shelf.ts'
import { formatSpan } from '../table.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Surroundings } from './surroundings.ts'

/** Two days missed. */
const OLD_MS = 49 * 3_600_000

export const checkBackups = async ({
  settings,
  databases,
  now,
}: Pick<Surroundings, 'settings' | 'databases' | 'now'>): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('backups')
  if (isRestoreUnfinished(settings.home))
    return fail('a restore was cut off in the middle', 'Finish it before anything starts: npx switchboard restore --finish')
  const newest = newestOf(listBackups(settings.home), now())
  const advice = 'Make one: npx switchboard backup. They are made daily while everything runs, unless BACKUP_EVERY_HOURS=0.'
  if (newest === undefined) {
    const begun = databases.map(({ file }) => statSync(file, { throwIfNoEntry: false })?.birthtimeMs ?? now())
    const isYoung = Math.min(now(), ...begun) > now() - OLD_MS
    return isYoung ? ok('none yet; they are made daily while everything runs') : warn('there is none', advice)
  }
  const age = now() - newest.manifest.made_at
  if (age < 0)
    return warn(`${newest.name} is dated in the future: the clock was wrong when it was made, and there is no other`, advice)
  return age > OLD_MS ? warn(`the newest is ${formatSpan(age)} old`, advice) : ok(`the newest is ${formatSpan(age)} old`)
}
