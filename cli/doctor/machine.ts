/** The machine: room on the disk, a clock that goes forward, folders that only their owner can read. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { shellWord } from '../shell-word.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Surroundings } from './surroundings.ts'

/** Below so many times the limit it is said that there will be trouble. */
const SOON = 4

/** The nearest folder that is there, for one that is yet to be made. */
const existing = (folder: string): string => (existsSync(folder) ? folder : existing(dirname(folder)))

export const checkDisk = async (around: Surroundings): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('disk')
  const limit = around.env.GATEWAY_MIN_FREE_DISK_MB
  const places = [around.settings.home, around.env.GATEWAY_SESSION_DIR].map(existing)
  const free = places.map((folder) => ({ folder, mb: around.freeDiskMb(folder) })).sort((a, b) => a.mb - b.mb)[0]
  if (free === undefined) return ok('nothing to look at')
  const room = `${free.mb} MB are free where ${free.folder} lies`
  if (free.mb < limit)
    return fail(
      `${room}; below ${limit} no message is taken`,
      'Make room. Old backups, agents/ and logs/ in SWITCHBOARD_HOME are the largest of ours; or lower GATEWAY_MIN_FREE_DISK_MB.',
    )
  if (free.mb < limit * SOON) return warn(`${room}; below ${limit} no message is taken`, 'Make room before it is needed.')
  return ok(room)
}

/** Older than this code can be: the machine does not know what time it is. */
const EARLIEST = Date.UTC(2026, 0, 1)
/** What a file's moment may lie ahead before somebody set the clock back. */
const AHEAD_MS = 120_000

export const checkClock = async (around: Surroundings): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('clock')
  const now = around.now()
  const shown = new Date(now).toISOString()
  const mend = 'Set it, and have it kept right (timedatectl set-ntp true; macOS: sntp -sS time.apple.com). Jobs come due by it.'
  if (now < EARLIEST) return fail(`the clock says ${shown}, which cannot be`, mend)
  const newest = around.databases
    .map(({ file }) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    .reduce((last, at) => Math.max(last, at), 0)
  if (newest > now + AHEAD_MS)
    return fail(`the clock says ${shown}, and a database was written at ${new Date(newest).toISOString()}`, mend)
  if (around.platform === 'linux') {
    const answer = await around.run('timedatectl', ['show', '--property=NTPSynchronized', '--value'])
    if (answer?.code === 0 && answer.output.trim() === 'no')
      return warn(`the clock says ${shown}; nobody keeps it right`, 'timedatectl set-ntp true')
  }
  return ok(shown)
}

const isOpenToOthers = (path: string): boolean => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0

/** The home's folders are made 0700 at each start; what else holds secrets is looked at here. */
export const checkPermissions = async ({ settings, uid }: Pick<Surroundings, 'settings' | 'uid'>): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('permissions')
  const below = [settings.home, ...['run', 'db', 'logs', 'agents'].map((name) => join(settings.home, name))]
  const foreign = below.find((path) => uid !== undefined && (statSync(path, { throwIfNoEntry: false })?.uid ?? uid) !== uid)
  if (foreign !== undefined)
    return fail(
      `${foreign} belongs to another user`,
      `Give it to the user that runs Switchboard: chown -R "$USER" ${shellWord(settings.home)}`,
    )
  const databases = join(settings.home, 'db')
  const files = existsSync(databases) ? readdirSync(databases).map((name) => join(databases, name)) : []
  const secrets = [settings.home, join(settings.home, '.env'), join(settings.root, '.env'), ...files]
  const open = secrets.filter(isOpenToOthers)
  if (open.length === 0) return ok(`${settings.home} is its owner's alone`)
  return warn(`others may read ${open.join(', ')}`, `Close it to them: chmod go-rwx ${open.map(shellWord).join(' ')}`)
}

/** The file in the session folder that says whose it is. */
const OWNER_FILE = '.switchboard-owner'

export const checkSessionFolder = async ({ env, settings }: Pick<Surroundings, 'env' | 'settings'>): Promise<Finding> => {
  const { ok, fail } = findingsOf('sessions')
  const base = env.GATEWAY_SESSION_DIR
  const file = join(base, OWNER_FILE)
  const owner = existsSync(file) ? readFileSync(file, 'utf8').trim() : null
  if (owner === null || owner === settings.home) return ok(`working directories in ${base}`)
  return fail(
    `${base} belongs to the Switchboard in ${owner}`,
    `Set GATEWAY_SESSION_DIR to another folder, or, if that installation is gone for good, delete ${file}.`,
  )
}
