/** A whole Switchboard under a real PM2 in a folder of its own, so that whatever is killed is started again by PM2. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { readHealth, unreachable } from '../../../cli/edge.ts'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { isAlive } from '../../../services/runtime/process.ts'
import { freePort } from '../../free-port.ts'
import { everybody, filesOf, killAll, type RunFiles, SERVICES, servicePid } from './orders.ts'
import { processesOfRun, type RunProcess } from './processes.ts'

/** The sessions service that runs: as it is, or broken on purpose. */
export const BREAKS = ['ack-before-commit', 'resend-without-looking'] as const
export type Break = (typeof BREAKS)[number]

const UP_MS = 60_000
const LOOK_MS = 50

const root = packageRoot(import.meta.url)

export interface House {
  readonly files: RunFiles
  readonly url: string
  /** Starts PM2 and all services, also when something of them runs. Resolves when all answer. */
  start(): Promise<void>
  /** Resolves when all services answer. Rejects when they do not come. */
  up(): Promise<void>
  /** `switchboard down`; then all processes of the run that have not left after `settle_ms`, each by pid and command. */
  down(settle_ms: number): Promise<string[]>
  /** The last lines that a service wrote. */
  log(name: string): string
  /** Ends whatever runs and removes the folder, unless it is to be kept. */
  close(keep: boolean): Promise<void>
}

/** What runs in place of a service's own program, and with which settings beside everybody's. */
interface Program {
  /** Below `dist`. */
  readonly script?: string
  readonly env?: Readonly<Record<string, string>>
}

/** What differs from an ordinary house. */
export interface Equipment {
  readonly apps?: Readonly<Record<string, Program>>
  readonly env?: Readonly<Record<string, string>>
}

const programOf = ({ script, env }: Program = {}): object => ({
  ...(script === undefined ? {} : { script: join(root, 'dist', script) }),
  ...(env === undefined ? {} : { env }),
})

interface Ran {
  readonly code: number
  readonly output: string
}

const runNode = (args: readonly string[], env: Record<string, string>): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })

/**
 * The apps of `ecosystem.config.js`, but for three things: sessions lets the run lie in ambush, what is killed comes back at
 * once (PM2's growing delay would make a run of many kills one of waiting), and pids and logs lie in the run's folder.
 */
const writeEcosystem = async (files: RunFiles, programs: Equipment['apps'] = {}): Promise<void> => {
  const url = pathToFileURL(join(root, 'ecosystem.config.js')).href
  const { apps } = (await import(url)) as { apps: readonly Record<string, unknown>[] }
  const changed = apps.map(({ exp_backoff_restart_delay: _, ...app }) => ({
    ...app,
    ...programOf(programs[String(app.name)]),
    pid_file: join(files.pids, `${app.name}.pid`),
    out_file: join(files.logs, `${app.name}.log`),
    error_file: join(files.logs, `${app.name}.log`),
  }))
  writeFileSync(files.ecosystem, JSON.stringify({ apps: changed }))
}

/** Agents and commands of this run, with all that they have started. */
const workers = (files: RunFiles): RunProcess[] => processesOfRun(files).filter(({ isOurs }) => !isOurs)

const commandOf = (pid: number): string =>
  spawnSync('ps', ['-p', String(pid), '-o', 'stat=,args='], { encoding: 'utf8' })
    .stdout.trim()
    .slice(0, 120)

const waitUntil = async (condition: () => boolean | Promise<boolean>, ms: number): Promise<boolean> => {
  for (const until = performance.now() + ms; performance.now() < until; await sleep(LOOK_MS)) if (await condition()) return true
  return false
}

export interface HouseOptions {
  readonly broken: Break | null
  /** Agents are as the CLI was before it told of the life of a message, and runs again what it is sent again. */
  readonly legacy: boolean
  /** Settings of the services beside those of every run. */
  readonly env?: Readonly<Record<string, string>>
  /** What depends on where the run lies. */
  readonly equip?: (files: RunFiles) => Equipment
}

export const openHouse = async ({ broken, legacy, env: extra = {}, equip }: HouseOptions): Promise<House> => {
  // As the system names it: processes at work in it are found by that.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'crash-')))
  const files = filesOf(folder)
  for (const path of [files.home, files.pm2_home, files.pids, files.logs]) mkdirSync(path, { mode: 0o700 })
  const equipment = equip?.(files) ?? {}
  const sessions = { script: `test/crash/run/${broken === null ? 'sessions' : broken}-main.js` }
  await writeEcosystem(files, { sessions, ...equipment.apps })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { PATH = '', TMPDIR } = process.env
  const env: Record<string, string> = {
    PATH,
    // The user's own memory file would stand in front of every message.
    HOME: folder,
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    PM2_HOME: files.pm2_home,
    PM2_DISCRETE_MODE: 'true',
    PM2_DISABLE_VERSION_CHECK: 'true',
    PM2_NO_INTERACTION: 'true',
    SWITCHBOARD_HOME: files.home,
    GATEWAY_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    GATEWAY_SESSION_DIR: join(folder, 'work'),
    GATEWAY_MAX_CLAUDE_PROCESSES: '100',
    GATEWAY_MAX_WARM_AGENTS: '100',
    GATEWAY_MIN_FREE_MB: '0',
    GATEWAY_MIN_FREE_DISK_MB: '0',
    CLAUDE_BIN: 'demo',
    AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT,DEMO_AGENT_JOURNAL,DEMO_AGENT_LEGACY',
    DEMO_AGENT_SCRIPT: '1',
    DEMO_AGENT_JOURNAL: files.journal,
    ...(legacy ? { DEMO_AGENT_LEGACY: '1' } : {}),
    CRASH_RUN: folder,
    ...extra,
    ...equipment.env,
  }
  writeFileSync(join(files.pm2_home, 'module_conf.json'), JSON.stringify({ pm2: { sysmonit: 'false' } }))
  const pids = (): number[] => everybody(files).filter((pid) => pid !== null && isAlive(pid)) as number[]

  const log: House['log'] = (name) =>
    readFileSync(join(files.logs, `${name}.log`), 'utf8')
      .split('\n')
      .slice(-30)
      .join('\n')

  const up: House['up'] = async () => {
    const isUp = await waitUntil(async () => {
      if (SERVICES.some((name) => servicePid(files, name) === null)) return false
      const health = await readHealth(url)
      return health !== null && unreachable(health).length === 0
    }, UP_MS)
    if (!isUp) throw new Error(`the services did not come up within ${UP_MS / 1_000} s\n${log('sessions')}`)
  }

  return {
    files,
    url,
    up,
    log,
    start: async () => {
      const { code, output } = await runNode([join(root, 'node_modules/pm2/bin/pm2'), 'start', files.ecosystem], env)
      if (code !== 0) throw new Error(`PM2 did not start: ${output}`)
      await up()
    },
    down: async (settle_ms) => {
      const program = `const { main } = await import(${JSON.stringify(join(root, 'dist/cli/main.js'))}); process.exitCode = await main(['down'], process.env)`
      const { code, output } = await runNode(['--input-type=module', '-e', program], env)
      if (code !== 0) throw new Error(`switchboard down failed: ${output}\n${pids().map(commandOf).join('\n')}`)
      await waitUntil(() => processesOfRun(files).length === 0, settle_ms)
      return processesOfRun(files).map(({ pid, command }) => `${pid} ${command}`)
    },
    close: async (keep) => {
      // Once more after it: the daemon may have been starting one.
      for (let round = 0; round < 2; round += 1) {
        killAll([...pids(), ...workers(files).map(({ pid }) => pid)])
        await waitUntil(() => pids().length === 0 && workers(files).length === 0, 2_000)
      }
      if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
