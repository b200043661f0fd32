/**
 * What a service may ask of PM2, always through its command line: PM2 is a program beside us (its licence is not ours). Where
 * no daemon runs nothing is asked, since its command line would start one.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../../protocol/errors.ts'
import { packageRoot } from '../package-root.ts'
import { isAlive } from '../process.ts'

const NAMESPACE = 'switchboard'

/** A question that takes longer is given up; PM2 itself may hang. */
const PATIENCE_MS = 10_000

/** A process of ours as PM2 lists it. `started_at`: milliseconds since 1970. */
export interface Pm2App {
  readonly id: number
  readonly name: string
  readonly pid: number
  /** `online`, `launching`, `waiting restart`, `stopped`, `errored`. */
  readonly status: string
  readonly restarts: number
  readonly started_at: number
}

export interface Pm2 {
  /** Whether its daemon runs. */
  readonly isThere: boolean
  /** Ours among what it looks after; empty where its daemon does not run. */
  list(): Promise<Pm2App[]>
  /** Ends a process at once; PM2 then starts it anew, as it does after each crash. */
  kill(id: number): Promise<void>
}

interface Listed {
  readonly pm_id: number
  readonly name: string
  readonly pid: number
  readonly pm2_env: {
    readonly namespace: string
    readonly status: string
    readonly restart_time: number
    readonly pm_uptime: number
  }
}

export interface Pm2Options {
  /** PM2_HOME. */
  readonly home: string
  /** Of which PATH and HOME are passed on, and nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What is being asked is given up when it is aborted: whoever ends does not wait for PM2. */
  readonly signal?: AbortSignal | undefined
}

export const openPm2 = ({ home, environment, signal }: Pm2Options): Pm2 => {
  const program = join(packageRoot(import.meta.url), 'node_modules', 'pm2', 'bin', 'pm2')
  const { PATH, HOME } = environment
  const env = {
    PATH,
    HOME,
    PM2_HOME: home,
    PM2_DISCRETE_MODE: 'true',
    PM2_DISABLE_VERSION_CHECK: 'true',
    PM2_NO_INTERACTION: 'true',
    // Where no daemon answers, the command line starts one: between our look and its own the daemon may have ended, and one that
    // nobody wants would stay. So what it starts only says its version and ends.
    PM2_NODE_OPTIONS: '--version',
  }

  const isThere = (): boolean => {
    try {
      const pid = Number.parseInt(readFileSync(join(home, 'pm2.pid'), 'utf8'), 10)
      return pid > 0 && isAlive(pid)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  /** What it prints is not for a log: a list of processes holds their environments. */
  const ask = (...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, ...args], {
        env,
        signal,
        killSignal: 'SIGKILL',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const chunks: Buffer[] = []
      const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.once('error', (error) => {
        clearTimeout(late)
        reject(new ServiceError('unavailable', 'PM2 could not be asked', { cause: error }))
      })
      child.once('close', (code, killed_by) => {
        clearTimeout(late)
        if (code === 0) resolve(Buffer.concat(chunks).toString())
        else reject(new ServiceError('unavailable', `PM2 did not do "${args.join(' ')}" (${killed_by ?? `exit status ${code}`})`))
      })
    })

  return {
    get isThere() {
      return isThere()
    },
    list: async () => {
      if (!isThere()) return []
      const output = await ask('jlist')
      const json = output.split('\n').find((line) => line.startsWith('[{') || line === '[]')
      if (json === undefined) throw new ServiceError('unavailable', 'PM2 did not list its processes')
      return (JSON.parse(json) as Listed[])
        .filter(({ pm2_env }) => pm2_env.namespace === NAMESPACE)
        .map(({ pm_id, name, pid, pm2_env: { status, restart_time, pm_uptime } }) => ({
          ...{ id: pm_id, name, pid, status },
          restarts: restart_time,
          started_at: pm_uptime,
        }))
    },
    kill: async (id) => void (await ask('sendSignal', 'SIGKILL', String(id))),
  }
}
