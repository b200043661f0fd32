/** Backups: whether there is one that is young enough, and whether a restore was left half done. */
import { statSync } from 'node:fs'
import { isRestoreUnfinished } from '../backup/journal.ts'
import { listBackups, newestOf, shelfFault } from '../backup/shelf.ts'
import { formatSpan } from '../table.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Surroundings } from './surroundings.ts'

const HOUR_MS = 3_600_000

export const checkBackups = async ({
  settings,
  env,
  databases,
  now,
}: Pick<Surroundings, 'settings' | 'env' | 'databases' | 'now'>): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('backups')
  if (isRestoreUnfinished(settings.home))
    return fail('a restore was cut off in the middle', 'Finish it before anything starts: npx switchboard restore --finish')
  const fault = shelfFault(settings.home)
  if (fault !== null) return fail('no backup can be made', `${fault}.`)
  const { BACKUP_EVERY_HOURS: every } = env
  // Two were missed. Whoever wants none by themselves is not told of it each time.
  const old_ms = every === 0 ? Number.POSITIVE_INFINITY : (2 * every + 1) * HOUR_MS
  const made =
    every === 0
      ? 'none are made by themselves, as BACKUP_EVERY_HOURS=0 says'
      : `one is made every ${every} h while everything runs`
  const newest = newestOf(listBackups(settings.home), now())
  const advice = `Make one: npx switchboard backup. Of themselves, ${made}.`
  if (newest === undefined) {
    const begun = databases.map(({ file }) => statSync(file, { throwIfNoEntry: false })?.birthtimeMs ?? now())
    const isYoung = Math.min(now(), ...begun) > now() - old_ms
    return isYoung ? ok(`none yet; ${made}`) : warn('there is none', advice)
  }
  const age = now() - newest.manifest.made_at
  if (age < 0)
    return warn(`${newest.name} is dated in the future: the clock was wrong when it was made, and there is no other`, advice)
  return age > old_ms ? warn(`the newest is ${formatSpan(age)} old`, advice) : ok(`the newest is ${formatSpan(age)} old`)
}
