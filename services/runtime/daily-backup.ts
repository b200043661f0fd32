/**
 * A backup a day, by itself. The service that watches over the others (metrics) calls this; the work is done by the command
 * `switchboard backup` in a process of its own, so that looking through a large copy holds up nobody.
 *
 * What decides is the age of the newest backup on the shelf, and no clock time: a machine that slept, or a service that was
 * restarted, makes up for what was missed soon after, once.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { envInteger } from './env.ts'
import type { Log } from './log.ts'
import { packageRoot } from './package-root.ts'

export const DailyBackupEnv = z.object({
  /** 0: none are made by themselves. */
  BACKUP_EVERY_HOURS: envInteger(0, 8_760).default(24),
})

const HOUR_MS = 3_600_000
/** After a start the machine has other things to do. */
const FIRST_LOOK_MS = 10 * 60_000
const LOOK_MS = HOUR_MS / 2

type Environment = Readonly<Record<string, string | undefined>>

/** How a run of the command ended, with its last words. */
export interface BackupRun {
  readonly code: number | null
  readonly output: string
}

const NAME = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d)-(\d{3})Z$/

/** The moment that names a backup's folder, in milliseconds since 1970; null for a name that is none. */
export const momentOf = (name: string): number | null => (NAME.test(name) ? Date.parse(name.replace(NAME, '$1:$2:$3.$4Z')) : null)

/** What else is wrong with one only `switchboard verify` looks for; without this it cannot be put back. */
const hasManifest = (folder: string): boolean => {
  try {
    JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
    return true
  } catch {
    // Not there, not to be read, or damaged: it counts as none.
    return false
  }
}

/**
 * When the newest backup was made, in milliseconds since 1970; 0 where there is none. Half made ones have other names. One that is dated
 * behind `now` was made while the clock was wrong: there would be none until that day. One without a readable manifest does not count.
 */
export const newestBackupAt = (backups: string, now: number): number => {
  const names = existsSync(backups) ? readdirSync(backups) : []
  const newestFirst = names.filter((name) => (momentOf(name) ?? now + 1) <= now).sort((a, b) => (a < b ? 1 : -1))
  const newest = newestFirst.find((name) => hasManifest(join(backups, name)))
  return newest === undefined ? 0 : (momentOf(newest) ?? 0)
}

/** Runs `switchboard backup` as a program. It goes on to its end when this process leaves. */
const runCommand = (environment: Environment, home: string): Promise<BackupRun> =>
  new Promise((resolve) => {
    const command = join(packageRoot(import.meta.url), 'cli', 'switchboard.mjs')
    const env = { ...environment, SWITCHBOARD_HOME: home }
    const child = spawn(process.execPath, [command, 'backup'], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', (error) => resolve({ code: null, output: error.message }))
    child.once('close', (code) => resolve({ code, output: output.trim() }))
  })

export interface DailyBackupOptions {
  /** SWITCHBOARD_HOME, and its folder of backups. */
  readonly home: { readonly root: string; readonly backups: string }
  /** 0: never. */
  readonly every_hours: number
  readonly log: Log
  /** Every variable that is set: the command reads the same settings as the services. */
  readonly environment: Environment
  readonly run?: (home: string) => Promise<BackupRun>
  readonly now?: () => number
  readonly first_look_ms?: number
  readonly look_ms?: number
}

/** Begins to look. `stop` ends the looking; a backup that is being made goes on. */
export const startDailyBackup = (options: DailyBackupOptions): { stop(): void } => {
  const { home, every_hours, log, environment, now = Date.now } = options
  const { run = (root: string) => runCommand(environment, root) } = options
  const { first_look_ms = FIRST_LOOK_MS, look_ms = LOOK_MS } = options
  if (every_hours === 0) return { stop: () => undefined }
  let timer: NodeJS.Timeout
  let isStopped = false

  const look = async (): Promise<void> => {
    const at = now()
    if (at - newestBackupAt(home.backups, at) >= every_hours * HOUR_MS) {
      const { code, output } = await run(home.root)
      if (code === 0) log.info({ output }, 'The daily backup was made')
      else log.error({ code, output }, 'The daily backup failed; it is tried again at the next look')
    }
  }
  const lookOn = (): void => {
    void look()
      .catch((error: unknown) => log.error({ err: error }, 'The backups could not be looked at'))
      .finally(() => {
        if (!isStopped) timer = setTimeout(lookOn, look_ms)
      })
  }
  timer = setTimeout(lookOn, first_look_ms)
  return {
    stop: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
