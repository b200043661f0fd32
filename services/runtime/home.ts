/** The folder in which everything we write lies. Only its owner may look inside. */
import { accessSync, chmodSync, constants, lstatSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { ServiceError } from '../../protocol/errors.ts'

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

/** Makes a folder, closes it to others and sees whether it can be written to. */
const openFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { recursive: true, mode: OWNER_ONLY })
    chmodSync(folder, OWNER_ONLY)
    accessSync(folder, constants.W_OK)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason'
    const advice = 'Make it writable for the user that runs Switchboard, or set SWITCHBOARD_HOME to another folder.'
    throw new ServiceError('conflict', `${folder} cannot be written to (${code}). ${advice}`, { cause: error })
  }
}

/** Where everything lies below a root; nothing is made. */
export const homeAt = (root: string): Home => {
  const folder = (...names: string[]): string => path.resolve(root, ...names)
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

/**
 * Makes the folders where they are missing and closes them to others where they are not. Sets the umask of this process,
 * so that every file it makes from now on is the owner's alone. Throws `conflict` where that cannot be. Where `backups` is a
 * link it is left as it is.
 */
export const openHome = (root: string): Home => {
  process.umask(0o077)
  const home = homeAt(root)
  // Backups may lie on another disk, which may be away or of a kind without permissions: whoever makes one says so, and nobody else
  // needs it.
  const isLink = lstatSync(home.backups, { throwIfNoEntry: false })?.isSymbolicLink() === true
  for (const folder of Object.values(home)) if (folder !== home.backups || !isLink) openFolder(folder)
  return home
}
