/**
 * Copies of all databases: by the service that owns one while it runs, else by us, with the service's lock in hand.
 *
 * - **A** Senders are copied before receivers, in the order of the ladder of calls. What one service owes to another lies in
 *   the sender's database until the receiver has it, and receivers know a repeat: so what is on its way at that moment is in
 *   the sender's copy, or in both, and in neither only if it came later than the backup.
 * - **B** Nobody but the owner, or who holds the owner's lock, opens a database.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SERVICE_NAMES, type ServiceName } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import { upkeep } from '../../protocol/upkeep.ts'
import { copyDatabase } from '../../services/runtime/backup.ts'
import { type Lock, takeLock } from '../../services/runtime/lock.ts'
import { openForReading } from '../../services/runtime/sqlite.ts'
import { withLink } from '../links.ts'
import type { Settings } from '../settings.ts'

/** From those that call to those that are called; what is not named here (metrics) is owed nothing and comes last. */
const LADDER: readonly string[] = ['scheduler', 'reports', 'sessions', 'history', 'memory']

/** All services that have a database, senders first. */
export const inOrder = (names: readonly ServiceName[] = SERVICE_NAMES): ServiceName[] => {
  const rank = (name: string): number => (LADDER.includes(name) ? LADDER.indexOf(name) : LADDER.length)
  return [...names].sort((a, b) => rank(a) - rank(b))
}

/** How often a service that dies in the middle of it is asked again. */
const TRIES = 5
const BETWEEN_TRIES_MS = 500
/** One that hangs is started anew by metrics within this time. */
const PING_MS = 20_000

/** A copy that was made; `by`: who made it. */
export interface Copied {
  readonly service: ServiceName
  /** Its name in the folder. */
  readonly file: string
  readonly by: 'the service' | 'the command'
  readonly made_at: number
}

const lockIfFree = async (run_dir: string, name: string): Promise<Lock | null> => {
  try {
    return await takeLock({ run_dir, name, wait_ms: 0 })
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'conflict') return null
    throw error
  }
}

const copyOurselves = async (settings: Settings, service: ServiceName, folder: string): Promise<Copied[]> => {
  const source = join(settings.home, 'db', `${service}.db`)
  if (!existsSync(source)) return []
  const database = openForReading(source)
  try {
    const { file } = await copyDatabase(database, join(folder, `${service}.db`))
    return [{ service, file, by: 'the command', made_at: Date.now() }]
  } finally {
    database.close()
  }
}

const askOwner = async (settings: Settings, service: ServiceName, name: string): Promise<Copied[]> => {
  const { timeout_ms } = upkeep.backup
  const output = await withLink(settings, service, async (call, link) => {
    // A copy may take long; that somebody is there at all is known at once.
    await link.ping(PING_MS)
    return await call(`${service}.backup`, { folder: name }, { timeout_ms })
  })
  const { copies } = upkeep.backup.output.parse(output)
  return copies.map(({ file }) => ({ service, file, by: 'the service', made_at: Date.now() }))
}

const copyOne = async (settings: Settings, service: ServiceName, name: string, folder: string): Promise<Copied[]> => {
  for (let tries = 1; ; tries += 1) {
    const lock = await lockIfFree(settings.run_dir, service)
    try {
      return lock === null ? await askOwner(settings, service, name) : await copyOurselves(settings, service, folder)
    } catch (error) {
      // It has just died or is about to come: one of both ways is open in a moment.
      const passes = error instanceof ServiceError && ['unavailable', 'closing', 'cancelled'].includes(error.code)
      if (!passes || tries === TRIES) throw error
    } finally {
      lock?.release()
    }
    await sleep(BETWEEN_TRIES_MS)
  }
}

/** Copies every database into `backups/<name>`, which must be there. Throws at the first that cannot be copied. */
export const copyAll = async (settings: Settings, name: string, folder: string): Promise<Copied[]> => {
  const copied: Copied[] = []
  for (const service of inOrder()) copied.push(...(await copyOne(settings, service, name, folder)))
  return copied
}
