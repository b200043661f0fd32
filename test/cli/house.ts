/** A whole Switchboard under a real PM2, in a home and on a port of its own, driven by the command as a user would. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { isAlive } from '../../services/runtime/process.ts'
import { freePort } from '../free-port.ts'
import { eventually, tempDir } from '../harness.ts'

const root = packageRoot(import.meta.url)
const main = path.join(root, 'dist/cli/main.js')
const pm2Program = path.join(root, 'node_modules/pm2/bin/pm2')

export interface Ran {
  readonly code: number
  readonly output: string
}

/** An application as `pm2 jlist` shows it. */
export interface Listed {
  readonly name: string
  readonly pid: number
  readonly monit: { readonly memory: number }
  readonly pm2_env: {
    readonly namespace: string
    readonly status: string
    readonly restart_time: number
    readonly exec_mode: string
    readonly kill_timeout: number
    readonly max_memory_restart: number
    readonly wait_ready: boolean
  }
}

export interface Journal {
  readonly uuid: string
  readonly text: string
}

const textOf = (file: string): string => {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    // Gone meanwhile, or a kernel thread.
    return ''
  }
}

/** The processes that a folder is named to, in their command line or environment. None where there is no /proc. */
export const livingIn = (folder: string): string[] => {
  const pids = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  return pids
    .filter((pid) => Number(pid) !== process.pid)
    .map((pid) => [textOf(`/proc/${pid}/cmdline`), textOf(`/proc/${pid}/environ`)].join('\0'))
    .filter((text) => text.includes(folder))
    .map((text) => text.replaceAll('\0', ' ').slice(0, 200))
}

const numberIn = (file: string): number => (existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN)

export interface House {
  readonly home: string
  readonly port: number
  readonly url: string
  /** Runs `switchboard <args>`; never on a terminal. */
  run(args: readonly string[], env?: Record<string, string>): Promise<Ran>
  /** Asks PM2 itself. */
  jlist(): Listed[]
  listed(name: string): Listed
  pm2Pid(): number
  /** What PM2's daemon wrote to its own log. */
  pm2Log(): string
  /** Processes of the agents that live. */
  agents(): number[]
  /** What the demo agent was asked to run. */
  journal(): Journal[]
  send(message: string, chat?: string): Promise<string>
  /** The messages of a chat as history tells them. */
  history(chat?: string): Promise<{ role: string; content: string }[]>
}

/** Prepares a house; nothing runs yet. At the end of the test everything of it is ended, however the test went. */
export const openHouse = async (t: TestContext): Promise<House> => {
  const undo: (() => unknown)[] = []
  const folder = tempDir({ after: (done) => void undo.push(done as () => unknown) })
  const home = path.join(folder, 'home')
  const journalFile = path.join(folder, 'journal')
  const port = await freePort()
  const { PATH = '', HOME = '', TMPDIR } = process.env
  const base: Record<string, string> = {
    PATH,
    HOME,
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    SWITCHBOARD_HOME: home,
    GATEWAY_PORT: String(port),
    GATEWAY_SESSION_DIR: path.join(folder, 'chats'),
    GATEWAY_MAX_CLAUDE_PROCESSES: '20',
    GATEWAY_MIN_FREE_MB: '0',
    GATEWAY_MIN_FREE_DISK_MB: '0',
    CLAUDE_BIN: 'demo',
    DEMO_AGENT_SCRIPT: '1',
    DEMO_AGENT_JOURNAL: journalFile,
    AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT,DEMO_AGENT_JOURNAL',
  }
  const url = `http://127.0.0.1:${port}`

  const run: House['run'] = (args, env = {}) =>
    new Promise((resolve, reject) => {
      const call = `const { main } = await import(${JSON.stringify(main)}); process.exitCode = await main(process.argv.slice(1), process.env)`
      const child = spawn(process.execPath, ['--input-type=module', '-e', call, '--', ...args], {
        cwd: root,
        env: { ...base, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
      child.once('error', reject)
      child.once('close', (code) => resolve({ code: code ?? 1, output }))
    })

  const pm2Pid = (): number => numberIn(path.join(home, 'pm2/pm2.pid'))

  const jlist = (): Listed[] => {
    if (!isAlive(pm2Pid())) return []
    const env = { ...base, PM2_HOME: path.join(home, 'pm2'), PM2_DISCRETE_MODE: 'true' }
    const { stdout } = spawnSync(process.execPath, [pm2Program, 'jlist'], { env, encoding: 'utf8' })
    return JSON.parse(stdout.split('\n').find((line) => line.startsWith('[{') || line === '[]') ?? '[]') as Listed[]
  }

  const agents = (): number[] => {
    const folders = existsSync(path.join(home, 'agents')) ? readdirSync(path.join(home, 'agents')) : []
    const pids = folders
      .filter((name) => !existsSync(path.join(home, 'agents', name, 'exit')))
      .flatMap((name) => ['keeper', 'pid'].map((file) => numberIn(path.join(home, 'agents', name, file))))
    return pids.filter((pid) => pid > 0 && isAlive(pid))
  }

  const endEverything = async (): Promise<void> => {
    const services = jlist().map((app) => app.pid)
    const daemon = pm2Pid()
    if (isAlive(daemon)) await run(['down'])
    for (const pid of [daemon, ...services, ...agents()]) if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL')
    await eventually(() => ![daemon, ...services].some((pid) => pid > 0 && isAlive(pid)))
  }
  t.after(async () => {
    await endEverything()
    for (const done of undo) await done()
  })

  return {
    home,
    port,
    url,
    run,
    jlist,
    listed: (name) => {
      const app = jlist().find((each) => each.name === name)
      if (!app) throw new Error(`PM2 does not list ${name}`)
      return app
    },
    pm2Pid,
    pm2Log: () => readFileSync(path.join(home, 'pm2/pm2.log'), 'utf8'),
    agents,
    journal: () =>
      existsSync(journalFile)
        ? readFileSync(journalFile, 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as Journal)
        : [],
    send: async (message, chat = '1') => {
      const response = await fetch(`${url}/api/gateway/send`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ chat_id: chat, message }),
      })
      return ((await response.json()) as { response: string }).response
    },
    history: async (chat = '1') => {
      const response = await fetch(`${url}/api/chat/sessions/gw-default-${chat}`)
      return response.ok ? ((await response.json()) as { role: string; content: string }[]) : []
    },
  }
}
