/**
 * One instance of a service at a time. The lock is an open exclusive transaction on `run/<name>.lock`, so it is the
 * kernel that frees it, at the death of the process and not before. No pid file could say as much.
 */
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { ServiceError } from '../../protocol/errors.ts'

/** How often a held lock is tried. */
const TRY_EVERY_MS = 50

export interface Lock {
  /** Lets the next instance in. Safe to call twice. */
  release(): void
}

/** A connection that nobody refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<Database.Database>()

const tryLock = (file: string): Lock | undefined => {
  const database = new Database(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined
    throw error
  }
  held.add(database)
  return {
    release: () => {
      held.delete(database)
      database.close()
    },
  }
}

/**
 * Takes the lock, waiting up to `wait_ms` for the instance before. Throws `conflict` when that one still has it, and
 * `cancelled` when the signal is aborted meanwhile. Nothing else in this process may open the lock's file: closing any
 * descriptor of it would free the lock.
 */
export const takeLock = async (options: {
  readonly run_dir: string
  readonly name: string
  readonly wait_ms: number
  readonly signal?: AbortSignal
}): Promise<Lock> => {
  const { run_dir, name, wait_ms, signal } = options
  const until = performance.now() + wait_ms
  for (;;) {
    if (signal?.aborted) throw new ServiceError('cancelled', `Waiting for the lock of ${name} was given up`)
    const lock = tryLock(path.join(run_dir, `${name}.lock`))
    if (lock !== undefined) return lock
    if (performance.now() >= until) {
      throw new ServiceError('conflict', `Another instance of ${name} is running on ${path.dirname(run_dir)}; stop it first`)
    }
    await sleep(TRY_EVERY_MS)
  }
}
