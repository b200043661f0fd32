/** Real services on a home of their own, with an agent program of choice, to be killed and started again by a test. */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createClient } from '../../protocol/client.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { history } from '../../protocol/history.ts'
import type { Client } from '../../protocol/method.ts'
import type { sessions, Turn, TurnEvent } from '../../protocol/sessions.ts'
import { openLink } from '../../protocol/wire/link.ts'
import { processesOf } from '../../services/sessions/agent/process.ts'
import type { Point } from '../../services/sessions/points.ts'
import { realClaudeOrSkip } from '../fakes/claude-cli.ts'
import { startMessagesApi } from '../fakes/messages-api.ts'
import { atEnd, type Child, eventually, type Scope, startModule, tempDir } from '../harness.ts'

export type AgentKind = 'demo' | 'legacy' | 'real'

export interface Rig {
  readonly home: string
  readonly env: Record<string, string>
  readonly sessions: Client<typeof sessions>
  readonly history: Client<typeof history>
  /** The process that runs now. */
  service(name: 'sessions' | 'history'): Child
  start(name: 'sessions' | 'history'): Promise<Child>
  kill(name: 'sessions' | 'history'): Promise<void>
  /** The service kills itself when it passes this point. */
  arm(point: Point): void
  /** Waits until it did. */
  died(): Promise<void>
  /** How often a model was asked with exactly this message. */
  runs(message: string): number
  /** A message that makes the model answer with `label t0 … t<n-1>`. */
  answerOf(label: string, tokens: number): string
  ask(message: string, chat?: string): Promise<string>
  /** All events of a turn, following it to its end across restarts. */
  follow(turnId: string, options?: { after?: string; until?: (event: TurnEvent) => boolean }): Promise<TurnEvent[]>
  /** The turn once it has ended. */
  ended(turnId: string): Promise<Turn>
  /** The sessions' rows, while the service is down. */
  change(sql: string, ...values: unknown[]): void
  query<R>(sql: string, ...values: unknown[]): R[]
  /** The folder of the newest agent. */
  agentFolder(): string
  /** What the newest agent has said so far. */
  agentLog(): string
  agentPid(): number
}

const isPassing = (error: unknown): boolean =>
  error instanceof ServiceError && ['unavailable', 'timeout', 'closing'].includes(error.code)

/** Ends whatever the agents of this home have left running. */
export const sweep = (home: string): void => {
  const path = join(home, 'db', 'sessions.db')
  if (!existsSync(path)) return
  const db = new Database(path)
  const rows = db.prepare('SELECT nonce, pid FROM agents').all() as { nonce: string; pid: number | null }[]
  db.close()
  for (const { nonce, pid } of rows) {
    for (const { pid: found } of processesOf(nonce, pid)) {
      try {
        process.kill(found, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }
}

/** @param home a folder of its own where none is given. Null when the kind of agent cannot be had here (and the test was skipped by name). */
export const openRig = async (
  t: Scope & { skip(message?: string): void },
  kind: AgentKind = 'demo',
  extra: Record<string, string> = {},
  home = tempDir(t),
): Promise<Rig | null> => {
  const journal = join(home, 'journal.jsonl')
  const armFile = join(home, 'arm')
  let agentEnv: Record<string, string>
  let runs: Rig['runs']
  if (kind === 'real') {
    const claude = await realClaudeOrSkip(t)
    if (claude === null) return null
    const api = await startMessagesApi()
    atEnd(t, () => api.close())
    agentEnv = { ...claude.env({ api_url: api.url, config_dir: join(home, 'claude') }), CLAUDE_BIN: claude.bin }
    runs = (message) => api.prompts().filter((prompt) => prompt.trim() === message.trim()).length
  } else {
    agentEnv = {
      CLAUDE_BIN: 'demo',
      AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT,DEMO_AGENT_JOURNAL,DEMO_AGENT_LEGACY',
      DEMO_AGENT_SCRIPT: '1',
      DEMO_AGENT_JOURNAL: journal,
      ...(kind === 'legacy' ? { DEMO_AGENT_LEGACY: '1' } : {}),
    }
    runs = (message) => {
      if (!existsSync(journal)) return 0
      const lines = readFileSync(journal, 'utf8').trim().split('\n')
      return lines.filter((line) => (JSON.parse(line) as { text: string }).text === message).length
    }
  }
  const env: Record<string, string> = {
    SWITCHBOARD_HOME: home,
    GATEWAY_SESSION_DIR: join(home, 'work'),
    GATEWAY_MAX_CLAUDE_PROCESSES: '64',
    LOG_LEVEL: 'info',
    ARM_FILE: armFile,
    ...agentEnv,
    ...extra,
  }
  const modules = { sessions: 'test/crash/sessions-main.ts', history: 'services/history/main.ts' }
  const running = new Map<string, Child>()
  atEnd(t, () => sweep(home))

  const start: Rig['start'] = async (name) => {
    const child = startModule(t, modules[name], env)
    running.set(name, child)
    await eventually(
      () => child.messages.includes('ready') || child.process.exitCode !== null || child.process.signalCode !== null,
      { timeout_ms: 30_000 },
    )
    return child
  }
  const service = (name: 'sessions' | 'history'): Child => {
    const child = running.get(name)
    if (!child) throw new Error(`${name} was never started`)
    return child
  }
  const open = (name: 'sessions' | 'history') => {
    const link = openLink({ run_dir: join(home, 'run'), service: name })
    atEnd(t, () => link.close())
    return link.call
  }
  const sessionsClient = createClient('sessions', open('sessions'))
  const historyClient = createClient('history', open('history'))
  const withDb = <R>(use: (db: Database.Database) => R): R => {
    const db = new Database(join(home, 'db', 'sessions.db'))
    try {
      return use(db)
    } finally {
      db.close()
    }
  }
  const rig: Rig = {
    home,
    env,
    sessions: sessionsClient,
    history: historyClient,
    service,
    start,
    async kill(name) {
      service(name).process.kill('SIGKILL')
      await service(name).exit
    },
    arm: (point) => writeFileSync(armFile, point),
    async died() {
      await service('sessions').exit
      if (existsSync(armFile))
        throw new Error(`the service ended before it passed ${readFileSync(armFile, 'utf8')}: ${service('sessions').output()}`)
    },
    runs,
    answerOf: (label, tokens) => [label, ...Array.from({ length: tokens }, (_, index) => `t${index}`)].join(' '),
    async ask(message, chat = 'c1') {
      const { turn_id } = await sessionsClient.send(
        { chat_id: chat, message, idempotency_key: randomUUID() },
        { timeout_ms: 30_000 },
      )
      return turn_id
    },
    async follow(turnId, { after, until } = {}) {
      const all: TurnEvent[] = []
      const deadline = Date.now() + 60_000
      for (;;) {
        if (Date.now() > deadline)
          throw new Error(`turn ${turnId} did not end: ${JSON.stringify(all.slice(-3))}\n${service('sessions').output()}`)
        try {
          const batch = await sessionsClient.events(
            { turn_id: turnId, after: all.at(-1)?.id ?? after ?? null, wait_ms: 1_000 },
            { timeout_ms: 5_000 },
          )
          all.push(...batch.events)
          if (batch.ended || (until && batch.events.some(until))) return all
        } catch (error) {
          if (!isPassing(error)) throw error
        }
      }
    },
    async ended(turnId) {
      await rig.follow(turnId)
      return await sessionsClient.turn({ turn_id: turnId })
    },
    change: (sql, ...values) => withDb((db) => void db.prepare(sql).run(...values)),
    query: <R>(sql: string, ...values: unknown[]) => withDb((db) => db.prepare(sql).all(...values) as R[]),
    agentFolder: () => join(home, 'agents', String(rig.query<{ n: number }>('SELECT max(n) AS n FROM agents')[0]?.n)),
    agentLog: () => readFileSync(join(rig.agentFolder(), 'out'), 'utf8'),
    agentPid: () => Number(readFileSync(join(rig.agentFolder(), 'pid'), 'utf8')),
  }
  await Promise.all([start('history'), start('sessions')])
  return rig
}

/** A rig with the scripted agent, which can always be had. */
export const openScriptedRig = async (
  t: Scope & { skip(message?: string): void },
  extra: Record<string, string> = {},
  home?: string,
): Promise<Rig> => {
  const rig = await openRig(t, 'demo', extra, home)
  if (!rig) throw new Error('the scripted agent is part of the checkout')
  return rig
}

/** The text of a turn's events. */
export const textOf = (events: readonly TurnEvent[]): string =>
  events.reduce(
    (text, event) => (event.type === 'text' ? text + event.content : event.type === 'replaced' ? event.content : text),
    '',
  )
