/** The folder in which everything we write lies. Only its owner may look inside. */
import { chmodSync, mkdirSync } from 'node:fs'
import path from 'node:path'

export interface Home {
  readonly root: string
  /** Sockets and locks. */
  readonly run: string
  readonly db: string
  readonly agents: string
  readonly logs: string
  readonly backups: string
  readonly outbox: string
  readonly reports: string
}

const OWNER_ONLY = 0o700

/**
 * Makes the folders where they are missing and closes them to others where they are not. Sets the umask of this process,
 * so that every file it makes from now on is the owner's alone.
 */
export const openHome = (root: string): Home => {
  process.umask(0o077)
  const folder = (...names: string[]): string => {
    const full = path.resolve(root, ...names)
    mkdirSync(full, { recursive: true, mode: OWNER_ONLY })
    chmodSync(full, OWNER_ONLY)
    return full
  }
  return {
    root: folder(),
    run: folder('run'),
    db: folder('db'),
    agents: folder('agents'),
    logs: folder('logs'),
    backups: folder('backups'),
    outbox: folder('outbox'),
    reports: folder('reports'),
  }
}
