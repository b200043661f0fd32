/**
 * PM2, always as a program of its own in a process of its own (its licence is not ours) and always in our own PM2 home,
 * apart from whatever else the user runs under PM2.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '../services/runtime/process.ts'

/** The namespace that `ecosystem.config.js` gives every service of ours. */
export const NAMESPACE = 'switchboard'

/** A process that PM2 looks after. `started_at`: milliseconds since 1970; sizes in bytes. */
export interface App {
  readonly id: number
  readonly name: string
  readonly namespace: string
  readonly pid: number
  readonly status: string
  readonly restarts: number
  readonly started_at: number
  readonly memory_bytes: number
  readonly memory_limit_bytes: number | null
  readonly cwd: string
}

/** How a program ended and what it printed. */
export interface Outcome {
  readonly code: number
  readonly output: string
}

export interface Pm2 {
  /** The daemon's pid, or null when it does not run. */
  daemonPid(): number | null
  /** What PM2 looks after; empty when its daemon does not run (asking does not start it). */
  list(): Promise<App[]>
  /** Starts what does not run and restarts what does, from `ecosystem.config.js`. With a name only that one. */
  startOrRestart(name?: string): Promise<Outcome>
  /** Ends services by id, each by SIGINT and, after its `kill_timeout`, by SIGKILL. */
  remove(ids: readonly number[]): Promise<Outcome>
  /** Ends every service and PM2's daemon. */
  kill(): Promise<Outcome>
  /** Runs a PM2 command for a person, on this terminal; resolves with its exit code. */
  show(args: readonly string[]): Promise<number>
}

/**
 * What PM2 and, through it, the services inherit. PM2 mixes the environment into its own record of a process, where
 * lower-case names are settings of PM2 (`name`, `status`, `watch` ...), so just proxies keep theirs; what npm, or another
 * PM2 above us, has put there is left out; so is what marks the processes of an agent or a job, one of which may call us.
 */
const inherited = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        /^([A-Z_][A-Z0-9_]*|(https?|all|no)_proxy)$/.test(name) &&
        !/^(PM2_|NODE_APP_INSTANCE|SWITCHBOARD_(AGENT|CHAT|TURN_FILE|RUN|REPORT)$)/.test(name),
    ),
  )

interface Listed {
  readonly pm_id: number
  readonly name: string
  readonly pid: number
  readonly monit?: { readonly memory?: number }
  readonly pm2_env: {
    readonly namespace: string
    readonly status: string
    readonly restart_time: number
    readonly pm_uptime: number
    readonly max_memory_restart?: number
    readonly pm_cwd: string
  }
}

const toApp = ({ pm_id, name, pid, monit, pm2_env }: Listed): App => ({
  id: pm_id,
  name,
  namespace: pm2_env.namespace,
  pid,
  status: pm2_env.status,
  restarts: pm2_env.restart_time,
  started_at: pm2_env.pm_uptime,
  memory_bytes: monit?.memory ?? 0,
  memory_limit_bytes: pm2_env.max_memory_restart ?? null,
  cwd: pm2_env.pm_cwd,
})

/**
 * PM2 in the given home. `env` is what the services get; `extra` is added for `ecosystem.config.js` alone to read (it
 * reaches the services, too, and must hold nothing secret: PM2 keeps it).
 */
export const openPm2 = (options: { home: string; root: string; env: NodeJS.ProcessEnv; extra: Record<string, string> }): Pm2 => {
  const { home, root } = options
  const program = join(root, 'node_modules', 'pm2', 'bin', 'pm2')
  const config = join(root, 'ecosystem.config.js')
  const env: NodeJS.ProcessEnv = {
    ...inherited(options.env),
    ...options.extra,
    PM2_HOME: home,
    PM2_CONCURRENT_ACTIONS: '16',
    // No banner, no call home.
    PM2_DISCRETE_MODE: 'true',
    PM2_DISABLE_VERSION_CHECK: 'true',
    PM2_NO_INTERACTION: 'true',
  }

  const daemonPid = (): number | null => {
    const path = join(home, 'pm2.pid')
    const pid = existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : Number.NaN
    return pid > 0 && existsSync(join(home, 'rpc.sock')) && isAlive(pid) ? pid : null
  }

  const prepare = (): void => {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    const settings = join(home, 'module_conf.json')
    // PM2's own measuring of the machine would start programs every second and is shown nowhere of ours.
    if (!existsSync(settings)) writeFileSync(settings, JSON.stringify({ pm2: { sysmonit: 'false' } }))
  }

  const runQuietly = (args: readonly string[]): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      prepare()
      // Ctrl-C is for us: in the middle of a start PM2 would leave a service out.
      const child = spawn(process.execPath, [program, ...args], {
        cwd: root,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const chunks: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.once('error', reject)
      child.once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }))
    })

  return {
    daemonPid,
    list: async () => {
      if (daemonPid() === null) return []
      const { output } = await runQuietly(['jlist'])
      const json = output.split('\n').find((line) => line.startsWith('[{') || line === '[]')
      if (json === undefined) throw new Error(`PM2 did not list its processes: ${output.trim()}`)
      return (JSON.parse(json) as Listed[]).map(toApp)
    },
    startOrRestart: (name) =>
      runQuietly(['startOrRestart', config, '--update-env', ...(name === undefined ? [] : ['--only', name])]),
    remove: (ids) => runQuietly(['delete', ...ids.map(String)]),
    kill: () => runQuietly(['kill']),
    show: (args) =>
      new Promise((resolve, reject) => {
        prepare()
        const child = spawn(process.execPath, [program, ...args], { cwd: root, env, stdio: 'inherit' })
        // Ctrl-C reaches both; the child decides when it is done.
        const wait = (): void => undefined
        process.on('SIGINT', wait)
        child.once('error', reject)
        child.once('exit', (code) => {
          process.off('SIGINT', wait)
          resolve(code ?? 0)
        })
      }),
  }
}
