import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { eventually, type Scope, tempDir } from '../harness.ts'

/** A line of an agent, as far as tests look at it. */
export type Line = {
  type?: string
  subtype?: string
  state?: string
  command_uuid?: string
  uuid?: string
  event?: { type: string; delta?: { text?: string } }
  result?: string
  is_error?: boolean
  terminal_reason?: string
  origin?: { kind: string }
  user_message_uuids?: string[]
  [field: string]: unknown
}

/** An agent program (the real CLI or the demo agent) with a host that speaks to it by pipes. */
export type Host = {
  process: ChildProcess
  lines: Line[]
  stderr(): string
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Writes as it is. */
  write(text: string): void
  /** Sends a message, by default to be answered later; returns its uuid. */
  message(text: string, options?: { uuid?: string; priority?: string }): string
  control(request: object): string
  /** Waits for a line; `from` leaves out earlier ones. */
  line(is: (line: Line) => boolean, from?: number): Promise<Line>
  /** Waits for the end of a message's life. */
  ended(uuid: string): Promise<Line>
  /** Closes standard input and waits for the exit. */
  close(): Host['exit']
}

/** A place for agents: a working directory and a configuration folder of their own. */
export type Place = { cwd: string; config_dir: string }

const MODE = ['-p', '--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose']
const WISHES = ['--include-partial-messages', '--replay-user-messages']

export function makePlace(t: Scope): Place {
  const folder = tempDir(t)
  const place = { cwd: join(folder, 'cwd'), config_dir: join(folder, 'config') }
  for (const path of Object.values(place)) mkdirSync(path)
  return place
}

/** The demo agent as compiled. */
export function demoAgentPath(): string {
  return join(packageRoot(import.meta.url), 'dist', 'services', 'sessions', 'demo-agent.js')
}

/** Starts a program with the CLI's arguments for a conversation that is held by lines. Killed at the end of the test. */
export function startHost(
  t: Scope,
  program: string[],
  options: { place: Place; args: string[]; env: Record<string, string> },
): Host {
  const [bin = '', ...before] = program
  const child = spawn(bin, [...before, ...MODE, ...WISHES, ...options.args], {
    cwd: options.place.cwd,
    env: { PATH: process.env.PATH, CLAUDE_CONFIG_DIR: options.place.config_dir, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: Line[] = []
  let rest = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) lines.push(toLine(part))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // A program that has died refuses what is still written to it; its exit tells of that.
  child.stdin.on('error', () => undefined)
  const exit: Host['exit'] = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exit
  })
  const send = (value: object) => child.stdin.write(`${JSON.stringify(value)}\n`)
  const host: Host = {
    process: child,
    lines,
    stderr: () => stderr,
    exit,
    write: (text) => void child.stdin.write(text),
    message: (text, { uuid = randomUUID(), priority = 'later' } = {}) => {
      send({ type: 'user', message: { role: 'user', content: text }, uuid, priority })
      return uuid
    },
    control: (request) => {
      const request_id = randomUUID()
      send({ type: 'control_request', request_id, request })
      return request_id
    },
    line: async (is, from = 0) => await eventually(() => lines.slice(from).find(is), { timeout_ms: 30_000, every_ms: 3 }),
    ended: async (uuid) =>
      await host.line((line) => line.command_uuid === uuid && (line.state === 'completed' || line.state === 'cancelled')),
    close: async () => {
      child.stdin.end()
      return await exit
    },
  }
  return host
}

/** What kind of line it is, in a word: to compare the order of two programs' lines. */
export function kindOf(line: Line): string {
  if (line.type === 'stream_event') return `event ${line.event?.type}`
  if (line.type === 'command_lifecycle') return `lifecycle ${line.state}`
  if (line.type === 'user') return line.isReplay ? 'replay' : 'user'
  return [line.type, line.subtype].filter((word) => word !== undefined).join(' ')
}

function toLine(text: string): Line {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Line) : { type: 'no object' }
  } catch {
    return { type: 'no json' }
  }
}
