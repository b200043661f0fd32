/** The shelf: `backups/` in SWITCHBOARD_HOME, one folder a backup, named by its moment. */
import { accessSync, constants, existsSync, lstatSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { momentOf } from '../../services/runtime/daily-backup.ts'
import { type Manifest, readManifest } from './manifest.ts'

/** Ends the name of a backup that is being made. */
export const PARTIAL = '.partial'

const DAY_MS = 86_400_000

export interface Backup {
  readonly name: string
  readonly folder: string
  readonly manifest: Manifest
}

/** `2026-11-23T02-15-00-123Z`: sorts by time, and is a file's name everywhere. */
export const nameOf = (moment: number): string => new Date(moment).toISOString().replaceAll(/[:.]/g, '-')

export const shelfOf = (home: string): string => join(home, 'backups')

/** Why no backup can be put on the shelf, and what to do, in words; null where one can. A link to another disk is made by the owner. */
export const shelfFault = (home: string): string | null => {
  const shelf = shelfOf(home)
  const there = lstatSync(shelf, { throwIfNoEntry: false })
  if (there === undefined) return null
  const named = there.isSymbolicLink() ? `${shelf}, a link to ${readlinkSync(shelf)},` : shelf
  try {
    if (!statSync(shelf).isDirectory()) return `${named} is no folder. Move it away`
    accessSync(shelf, constants.W_OK)
    return null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT'
      ? `${named} leads nowhere. Attach the disk, or make the folder; or delete the link, and backups lie on this disk`
      : `${named} cannot be written to (${code}). Make it writable for the user that runs Switchboard, or let it lead elsewhere`
  }
}

const read = (folder: string): Backup | null => {
  const manifest = readManifest(folder)
  return manifest === null ? null : { name: basename(folder), folder, manifest }
}

/** A backup by its name of which nothing more can be said, and why: its manifest is damaged, gone, or that of a newer Switchboard. */
export interface Unreadable {
  readonly name: string
  readonly fault: string
}

/** What lies on the shelf, oldest first: the backups, and those that cannot be read. */
export const readShelf = (home: string): { readonly backups: Backup[]; readonly unreadable: Unreadable[] } => {
  const shelf = shelfOf(home)
  const names = existsSync(shelf) ? readdirSync(shelf).filter((name) => momentOf(name) !== null) : []
  const backups: Backup[] = []
  const unreadable: Unreadable[] = []
  for (const name of names.sort()) {
    try {
      const backup = read(join(shelf, name))
      if (backup === null) unreadable.push({ name, fault: 'it has no manifest.json' })
      else backups.push(backup)
    } catch (error) {
      unreadable.push({ name, fault: (error as Error).message })
    }
  }
  return { backups, unreadable }
}

/** The backups that can be read, oldest first. */
export const listBackups = (home: string): Backup[] => readShelf(home).backups

/** The newest of backups, given oldest first; one that is dated in the future only where there is no other. */
export const newestOf = (backups: readonly Backup[], now: number): Backup | undefined =>
  backups.findLast(({ manifest }) => manifest.made_at <= now) ?? backups.at(-1)

/** A backup by its name on the shelf, or by the path of its folder. Throws where there is none. */
export const findBackup = (home: string, which: string): Backup => {
  const named = join(shelfOf(home), which)
  const folder = momentOf(which) !== null ? named : resolve(which)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`There is no backup ${which}. See which there are: npx switchboard verify --all`)
  const backup = read(folder)
  if (backup === null) throw new Error(`${folder} has no manifest.json: it is no backup, or one that was not finished.`)
  return backup
}

/** How many backups are kept, how old they may be, and how much they may take together. `now`: milliseconds since 1970. */
export interface Limits {
  readonly keep: number
  readonly keep_days: number
  readonly keep_bytes: number
  readonly now: number
}

/**
 * Which backups to let go of: all beyond the newest `keep`, those older than `keep_days`, and from the one on with which all
 * newer ones would take more than `keep_bytes`; never the newest. One that is dated in the future was made while the clock was
 * wrong: it counts as the oldest, or true ones would go in its favour. What lies there half made is told apart: nobody is at it
 * while the caller holds the lock of backups.
 */
export const agedBackups = (backups: readonly Backup[], limits: Limits): Backup[] => {
  const oldest = limits.now - limits.keep_days * DAY_MS
  let bytes = 0
  const isFuture = ({ manifest }: Backup): number => (manifest.made_at > limits.now ? 1 : 0)
  return [...backups]
    .sort((a, b) => isFuture(a) - isFuture(b) || b.manifest.made_at - a.manifest.made_at)
    .filter(({ manifest }, index) => {
      bytes += manifest.files.reduce((sum, file) => sum + file.bytes, 0)
      return index > 0 && (index >= limits.keep || manifest.made_at < oldest || bytes > limits.keep_bytes)
    })
}

const letGo = (home: string, names: readonly string[]): string[] => {
  // One that was killed may have left a service that still copies into it.
  for (const name of names) rmSync(join(shelfOf(home), name), { recursive: true, force: true, maxRetries: 3 })
  return [...names]
}

/** Lets go of what was left half made, for a caller that holds the lock of backups. Returns the names. */
export const clearHalves = (home: string): string[] =>
  existsSync(shelfOf(home))
    ? letGo(
        home,
        readdirSync(shelfOf(home)).filter((name) => name.endsWith(PARTIAL)),
      )
    : []

/** Lets go of aged backups, of unreadable ones that are as old by their names, and of what was left half made. Returns the names. */
export const rotate = (home: string, limits: Limits): string[] => {
  const { backups, unreadable } = readShelf(home)
  const aged = agedBackups(backups, limits)
  const kept = backups.filter((backup) => !aged.includes(backup))
  const oldest = limits.now - limits.keep_days * DAY_MS
  const isAged = ({ name }: Unreadable): boolean => {
    const at = momentOf(name) ?? 0
    return at < oldest || (kept.length >= limits.keep && kept.every(({ manifest }) => manifest.made_at > at))
  }
  return [
    ...letGo(
      home,
      [...aged, ...unreadable.filter(isAged)].map(({ name }) => name),
    ),
    ...clearHalves(home),
  ]
}
