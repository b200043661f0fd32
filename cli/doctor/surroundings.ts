/** Everything that a check may look at, in one place, so that a test can put something else there. */
import { execFile } from 'node:child_process'
import { accessSync, constants, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseEnv, readEnvironment } from '../../services/runtime/env.ts'
import { takeLogin } from '../../services/runtime/login-url.ts'
import type { Context } from '../command.ts'
import { isListening, readHealth } from '../edge.ts'
import type { App, Pm2 } from '../pm2.ts'
import type { Settings } from '../settings.ts'
import { DoctorEnv } from './settings.ts'

/** How a program ended; `code` null: killed, since it took too long. */
export interface Ended {
  readonly code: number | null
  readonly output: string
}

/** One service's database: where it lies and where its migrations are. */
export interface DatabasePlace {
  readonly service: string
  readonly file: string
  readonly migrations_dir: string
}

export interface Surroundings {
  readonly settings: Settings
  readonly env: DoctorEnv
  /** Every variable that is set; values may be secret. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  readonly node_version: string
  /** 0 is root; undefined where there are no users. */
  readonly uid: number | undefined
  /** The user's own folder. */
  readonly user_home: string
  readonly pm2: Pick<Pm2, 'daemonPid' | 'list'>
  readonly databases: readonly DatabasePlace[]
  /** Milliseconds since 1970. */
  now(): number
  /** Where a program lies, or null where it is on no folder of the PATH. */
  onPath(name: string): string | null
  /** Runs a program to its end. Null: it is not there or cannot be run. */
  run(command: string, args: readonly string[], timeout_ms?: number): Promise<Ended | null>
  /** The body of a GET as JSON. Throws where nobody answers in time, or not with 200. */
  fetchJson(url: string, timeout_ms?: number): Promise<unknown>
  isListening(host: string, port: number): Promise<boolean>
  /** Whether our edge answers there. */
  answers(): Promise<boolean>
  /** Free space where a folder lies, in MB. */
  freeDiskMb(folder: string): number
}

const PROGRAM_MS = 2_000
const FETCH_MS = 1_000
/** Of our own edge: what hangs is still told of as that within the time of a check. */
const EDGE_MS = 1_000

/** Where a program lies on a PATH, or null. */
export const findOnPath = (path: string, name: string): string | null => {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // Not in this folder.
    }
  }
  return null
}

const runProgram = (command: string, args: readonly string[], timeout_ms: number): Promise<Ended | null> =>
  new Promise((resolve) => {
    execFile(command, [...args], { timeout: timeout_ms, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const { code } = (error ?? {}) as { code?: number | string | null }
      if (typeof code === 'string') return resolve(null)
      resolve({ code: error === null ? 0 : (code ?? null), output: `${stdout}${stderr}` })
    })
  })

/** Where the databases of the services lie; a service without migrations has none. */
export const databasesOf = (root: string, home: string): DatabasePlace[] =>
  readdirSync(join(root, 'services'))
    .map((service) => ({
      service,
      file: join(home, 'db', `${service}.db`),
      migrations_dir: join(root, 'services', service, 'migrations'),
    }))
    .filter(({ migrations_dir }) => statSync(migrations_dir, { throwIfNoEntry: false })?.isDirectory())

/** This machine. */
export const surroundingsOf = ({ settings, pm2 }: Context, source: NodeJS.ProcessEnv): Surroundings => {
  // Asked by several checks, and each question starts a program.
  let listed: Promise<App[]> | undefined
  const list = (): Promise<App[]> => (listed ??= pm2.list())
  const environment = readEnvironment({ environment: source })
  return {
    settings,
    env: parseEnv(DoctorEnv, { environment: source }),
    environment,
    platform: process.platform,
    node_version: process.versions.node,
    uid: process.getuid?.(),
    user_home: environment.HOME ?? '',
    pm2: { daemonPid: pm2.daemonPid, list },
    databases: databasesOf(settings.root, settings.home),
    now: Date.now,
    onPath: (name) => findOnPath(environment.PATH ?? '', name),
    run: (command, args, timeout_ms = PROGRAM_MS) => runProgram(command, args, timeout_ms),
    fetchJson: async (url, timeout_ms = FETCH_MS) => {
      const { address, headers } = takeLogin(url)
      const response = await fetch(address, { headers, signal: AbortSignal.timeout(timeout_ms) })
      if (!response.ok) throw new Error(`it answered ${response.status}`)
      return await response.json()
    },
    isListening,
    answers: async () => (await readHealth(settings.url, settings.token, EDGE_MS)) !== null,
    freeDiskMb: (folder) => {
      const { bavail, bsize } = statfsSync(folder)
      return Math.floor((bavail * bsize) / 1_048_576)
    },
  }
}

/** A file's text, or null where it is not there or not ours to read. */
export const textOf = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Not there, or not ours to read: the check that asks says what that means.
    return null
  }
}
