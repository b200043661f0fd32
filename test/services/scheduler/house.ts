/** The scheduler as a process of its own, beside sessions and history where a test wants prompts answered. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createClient } from '../../../protocol/client.ts'
import type { Client } from '../../../protocol/method.ts'
import type { scheduler } from '../../../protocol/scheduler.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import type { Point } from '../../../services/scheduler/points.ts'
import { processesOf } from '../../../services/scheduler/shell/processes.ts'
import { processesOf as agentsOf } from '../../../services/sessions/agent/process.ts'
import { atEnd, type Child, eventually, type Scope, startModule, tempDir } from '../../harness.ts'

const MODULES = {
  scheduler: 'test/services/scheduler/scheduler-main.ts',
  sessions: 'services/sessions/main.ts',
  history: 'services/history/main.ts',
} as const

type Name = keyof typeof MODULES

export interface House {
  readonly home: string
  readonly scheduler: Client<typeof scheduler>
  start(name: Name): Promise<Child>
  kill(name: Name): Promise<void>
  output(name: Name): string
  /** The scheduler kills itself when it passes this point. */
  arm(point: Point): void
  /** Waits until it did. */
  died(): Promise<void>
  query<R>(sql: string, ...values: unknown[]): R[]
  /** How often the demo agent was asked with exactly this message. */
  prompts(message: string): number
}

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

const withDb = <R>(file: string, use: (db: Database.Database) => R, otherwise: R): R => {
  if (!existsSync(file)) return otherwise
  const db = new Database(file, { readonly: true })
  try {
    return use(db)
  } finally {
    db.close()
  }
}

export const openHouse = async (
  t: Scope,
  names: readonly Name[] = ['scheduler'],
  extra: Record<string, string> = {},
): Promise<House> => {
  const home = tempDir(t)
  const armFile = join(home, 'arm')
  const journal = join(home, 'journal.jsonl')
  const env: Record<string, string> = {
    SWITCHBOARD_HOME: home,
    GATEWAY_SESSION_DIR: join(home, 'work'),
    GATEWAY_MIN_FREE_MB: '0',
    GATEWAY_MIN_FREE_DISK_MB: '0',
    CRON_WEBHOOK_PRIVATE: 'on',
    ARM_FILE: armFile,
    CLAUDE_BIN: 'demo',
    AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT,DEMO_AGENT_JOURNAL',
    DEMO_AGENT_SCRIPT: '1',
    DEMO_AGENT_JOURNAL: journal,
    ...extra,
  }
  const children = new Map<Name, Child>()
  const query = <R>(sql: string, ...values: unknown[]): R[] =>
    withDb(join(home, 'db', 'scheduler.db'), (db) => db.prepare(sql).all(...values) as R[], [])
  atEnd(t, () => {
    const kill = (pid: number): void => {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    for (const { folder } of query<{ folder: string }>('SELECT folder FROM runs WHERE folder IS NOT NULL'))
      for (const pid of [...processesOf(folder, null), ...processesOf(`runner:${folder}`, null)]) kill(pid)
    const agents = withDb(
      join(home, 'db', 'sessions.db'),
      (db) => db.prepare('SELECT nonce, pid FROM agents').all() as { nonce: string; pid: number | null }[],
      [],
    )
    for (const { nonce, pid } of agents) for (const agent of agentsOf(nonce, pid)) kill(agent.pid)
  })
  const start: House['start'] = async (name) => {
    const child = startModule(t, MODULES[name], env)
    children.set(name, child)
    await eventually(
      () => child.messages.includes('ready') || child.process.exitCode !== null || child.process.signalCode !== null,
      {
        timeout_ms: 30_000,
      },
    )
    return child
  }
  const childOf = (name: Name): Child => {
    const child = children.get(name)
    if (child === undefined) throw new Error(`${name} was never started`)
    return child
  }
  const link = openLink({ run_dir: join(home, 'run'), service: 'scheduler' })
  atEnd(t, () => link.close())
  const house: House = {
    home,
    scheduler: createClient('scheduler', link.call),
    start,
    async kill(name) {
      childOf(name).process.kill('SIGKILL')
      await childOf(name).exit
    },
    output: (name) => childOf(name).output(),
    arm: (point) => writeFileSync(armFile, point),
    async died() {
      await childOf('scheduler').exit
      if (existsSync(armFile)) throw new Error(`it ended before it passed ${read(armFile)}: ${childOf('scheduler').output()}`)
    },
    query,
    prompts: (message) =>
      read(journal)
        .split('\n')
        .filter(Boolean)
        .filter((line) => (JSON.parse(line) as { text: string }).text === message).length,
  }
  for (const name of names) await start(name)
  return house
}
