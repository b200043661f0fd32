/**
 * What of SWITCHBOARD_HOME is ours. Only that is ever deleted, and only when there is nothing else: a folder that somebody also
 * keeps other things in is for somebody to tidy. Links are never followed: what they lead to is not below our folder.
 */
import { lstatSync, readdirSync, readlinkSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { SERVICE_NAMES } from '../../protocol/contract.ts'

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z(\.partial)?$/
const DATABASE = new RegExp(`^(${SERVICE_NAMES.join('|')})\\.db(-wal|-shm|-journal)?$`)

/** Folders by name, with what may lie in them where people may look: the others hold nothing that a person would put there. */
const FOLDERS: Readonly<Record<string, RegExp | null>> = {
  db: DATABASE,
  backups: MOMENT,
  replaced: MOMENT,
  outbox: /\.eml(\.new)?$/,
  reports: /^(cache|\d{4}-\d\d-\d\d-(cn|en)-[0-9a-f]{8}|mail-\d+\.json)$/,
  logs: /\.log(\.1)?$/,
  archives: /^((import-)?[0-9a-f-]{36}(\.partial)?|index\.json(\.new|\.partial|\.[0-9a-f-]{36}\.unreadable)?)$/,
  dumps: /\.txt$/,
  agents: /^\d+$/,
  tokens: null,
  cron: null,
  dashboard: null,
  demo: null,
  'restore.partial': null,
  'rehearsal.partial': null,
  run: null,
}

/** Files that lie beside the folders. `.env` and `global-memory.md` are the owner's words to us. */
const FILES = /^(\.env(\.partial)?|global-memory\.md|(imported|restore|logins)\.json(\.partial|\.new)?|\.DS_Store)$/

/** One thing that lies in the home. */
export interface Belonging {
  readonly name: string
  readonly bytes: number
  /** Where it leads to: then it is a link, which is deleted alone. */
  readonly link: string | null
}

export interface Belongings {
  readonly ours: readonly Belonging[]
  /** What is not ours, by its path below the home. */
  readonly strangers: readonly string[]
}

/** Bytes of a file, or of all files below a folder; a link's own. */
export const sizeOf = (path: string): number => {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there === undefined) return 0
  if (!there.isDirectory()) return there.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

/** @param folders names of folders that are ours here beside those that always are (PM2's) */
export const listBelongings = (home: string, folders: readonly string[] = []): Belongings => {
  const ours: Belonging[] = []
  const strangers: string[] = []
  for (const name of readdirSync(home).sort()) {
    const path = join(home, name)
    const there = lstatSync(path)
    const isFolder = Object.hasOwn(FOLDERS, name) || folders.includes(name)
    if (!isFolder && !FILES.test(name)) {
      strangers.push(name)
      continue
    }
    const inside = FOLDERS[name] ?? null
    if (inside !== null && there.isDirectory())
      strangers.push(...readdirSync(path).flatMap((inner) => (inside.test(inner) ? [] : join(name, inner))))
    ours.push({ name, bytes: sizeOf(path), link: there.isSymbolicLink() ? readlinkSync(path) : null })
  }
  return { ours, strangers }
}

/**
 * Deletes what is ours, the locks last, and then the folder itself, which is empty then. Cut off, it can be called again.
 * @param home the home as it was named: where that is a link it goes as well; @param real where it lies
 */
export const deleteBelongings = (home: string, real: string, { ours }: Pick<Belongings, 'ours'>): void => {
  const last = (name: string): number => (name === 'run' ? 1 : 0)
  for (const { name } of [...ours].sort((a, b) => last(a.name) - last(b.name)))
    rmSync(join(real, name), { recursive: true, force: true, maxRetries: 3 })
  rmdirSync(real)
  if (lstatSync(home, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(home)
}
