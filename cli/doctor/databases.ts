/** The databases: sound, and of a schema that this code knows. */
import { existsSync, statSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import { ServiceError } from '../../protocol/errors.ts'
import { takeLock } from '../../services/runtime/lock.ts'
import { openForReading, schemaOf } from '../../services/runtime/sqlite.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { DatabasePlace, Surroundings } from './surroundings.ts'

/** What is looked through here takes about a second at most; larger ones are for `switchboard verify`. */
const MOST_BYTES = 256 * 1_048_576

/** What is wrong with an open database, or null. */
const faultOf = (database: Database, known: number): string | null => {
  const version = database.pragma('user_version', { simple: true }) as number
  if (version > known) return `it was written by a newer version (schema ${version}, this one knows ${known})`
  const [first] = database.pragma('quick_check(1)') as { quick_check: string }[]
  return first?.quick_check === 'ok' ? null : (first?.quick_check ?? 'it does not answer')
}

type Look = { readonly state: 'sound' | 'in use' | 'large' | 'none' } | { readonly state: 'broken'; readonly fault: string }

/** Looks while nobody has the database; one that its service has open is left alone. */
const look = async ({ service, file, migrations_dir }: DatabasePlace, run_dir: string): Promise<Look> => {
  if (!existsSync(file)) return { state: 'none' }
  let lock: Awaited<ReturnType<typeof takeLock>> | null
  try {
    // In a home that was only unpacked so far nobody runs.
    lock = existsSync(run_dir) ? await takeLock({ run_dir, name: service, wait_ms: 0 }) : null
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'conflict') return { state: 'in use' }
    throw error
  }
  let database: Database | undefined
  try {
    if (statSync(file).size > MOST_BYTES) return { state: 'large' }
    database = openForReading(file)
    const fault = faultOf(database, schemaOf(migrations_dir))
    return fault === null ? { state: 'sound' } : { state: 'broken', fault }
  } catch (error) {
    return { state: 'broken', fault: (error as Error).message }
  } finally {
    database?.close()
    lock?.release()
  }
}

export const checkDatabases = async ({ databases, settings }: Pick<Surroundings, 'databases' | 'settings'>): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('databases')
  const looks = await Promise.all(databases.map(async (place) => ({ place, result: await look(place, settings.run_dir) })))
  const broken = looks.flatMap(({ place, result }) => (result.state === 'broken' ? [`${place.file}: ${result.fault}`] : []))
  if (broken.length > 0)
    return fail(
      broken.join('; '),
      'Stop everything (npm stop) and put back a backup: npx switchboard restore. A newer schema needs the newer Switchboard.',
    )
  const named = (state: Look['state']): string[] =>
    looks.filter(({ result }) => result.state === state).map(({ place }) => place.service)
  const large = named('large')
  if (large.length > 0)
    return warn(
      `too large for a quick look: ${large.join(', ')}`,
      'Take a backup, which is looked through: npx switchboard backup',
    )
  const used = named('in use')
  if (used.length > 0) return ok(`open in their services: ${used.join(', ')}; every backup is looked through as a whole`)
  const sound = named('sound')
  return ok(sound.length === 0 ? 'none was made yet' : `sound: ${sound.join(', ')}`)
}
