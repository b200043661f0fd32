/** The shelf: `backups/` in SWITCHBOARD_HOME, one folder a backup, named by its moment. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type Manifest, readManifest } from './manifest.ts'

/** `2026-11-23T02-15-00-123Z`: sorts by time, and is a file's name everywhere. */
const NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/

/** Ends the name of a backup that is being made. */
export const PARTIAL = '.partial'

const DAY_MS = 86_400_000

export interface Backup {
  readonly name: string
  readonly folder: string
  readonly manifest: Manifest
}

export const nameOf = (moment: number): string => new Date(moment).toISOString().replaceAll(/[:.]/g, '-')

export const shelfOf = (home: string): string => join(home, 'backups')

const read = (folder: string): Backup | null => {
  const manifest = readManifest(folder)
  return manifest === null ? null : { name: basename(folder), folder, manifest }
}

/** The backups that are whole, oldest first. One whose manifest is damaged is left out. */
export const listBackups = (home: string): Backup[] => {
  const shelf = shelfOf(home)
  const names = existsSync(shelf) ? readdirSync(shelf).filter((name) => NAME.test(name)) : []
  return names.sort().flatMap((name) => {
    try {
      return read(join(shelf, name)) ?? []
    } catch {
      // `switchboard verify NAME` says what is the matter with it.
      return []
    }
  })
}

/** The newest of backups, given oldest first; one that is dated in the future only where there is no other. */
export const newestOf = (backups: readonly Backup[], now: number): Backup | undefined =>
  backups.findLast(({ manifest }) => manifest.made_at <= now) ?? backups.at(-1)

/** A backup by its name on the shelf, or by the path of its folder. Throws where there is none. */
export const findBackup = (home: string, which: string): Backup => {
  const named = join(shelfOf(home), which)
  const folder = NAME.test(which) ? named : resolve(which)
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

/** Lets go of aged backups and of what was left half made. Returns the names. */
export const rotate = (home: string, limits: Limits): string[] => [
  ...letGo(
    home,
    agedBackups(listBackups(home), limits).map(({ name }) => name),
  ),
  ...clearHalves(home),
]
