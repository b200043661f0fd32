/** How the run tells a service at which point to kill whom: a file with one order, and a file of what was hit. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { startOf } from '../../../services/sessions/agent/process.ts'
import type { Stage, Target } from './plan.ts'
import { processesOfRun } from './processes.ts'

export interface Order {
  /** The number of the kill. */
  readonly kill: number
  /** The service that passes the point; where points are those of sessions alone it is not named. */
  readonly by?: 'sessions' | 'scheduler' | 'reports'
  readonly point: string
  readonly target: Target
  /** Half of the message's line is written into the FIFO first. */
  readonly half: boolean
  /** A keeper that is just starting is killed as soon as it has made this file. */
  readonly stage: Stage
}

/** A kill that was carried out. */
export interface Hit {
  readonly kill: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly pids: readonly number[]
  /** The chat whose agent or keeper it was. */
  readonly chat: string | null
}

/** Where the run keeps its own things: a folder beside SWITCHBOARD_HOME. */
export const filesOf = (root: string) => ({
  home: join(root, 'home'),
  pm2_home: join(root, 'pm2'),
  pids: join(root, 'pids'),
  logs: join(root, 'logs'),
  journal: join(root, 'journal.jsonl'),
  order: join(root, 'order.json'),
  hits: join(root, 'hits.jsonl'),
  ecosystem: join(root, 'ecosystem.json'),
})
export type RunFiles = ReturnType<typeof filesOf>

export const readOrder = (files: RunFiles): Order | null => {
  try {
    return JSON.parse(readFileSync(files.order, 'utf8')) as Order
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

export const giveOrder = (files: RunFiles, order: Order): void => {
  writeFileSync(`${files.order}.new`, JSON.stringify(order))
  renameSync(`${files.order}.new`, files.order)
}

export const takeBackOrder = (files: RunFiles): void => rmSync(files.order, { force: true })

export const linesOf = <T>(path: string): T[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as T)
    : []

/** The number in a file, or null where there is none. */
export const numberIn = (path: string): number | null => {
  if (!existsSync(path)) return null
  const number = Number.parseInt(readFileSync(path, 'utf8'), 10)
  return number > 0 ? number : null
}

/** The process that runs a service now, as PM2 wrote it down; null between two lives. */
export const servicePid = (files: RunFiles, name: string): number | null => {
  if (!existsSync(files.pids)) return null
  const file = readdirSync(files.pids).find((each) => each.startsWith(`${name}-`) && each.endsWith('.pid'))
  return file === undefined ? null : numberIn(join(files.pids, file))
}

export const daemonPid = (files: RunFiles): number | null => numberIn(join(files.pm2_home, 'pm2.pid'))

/** Everybody that PM2 runs. */
export const SERVICES = ['edge', 'history', 'scheduler', 'memory', 'metrics', 'reports', 'sessions'] as const

/**
 * All of PM2: its daemon first, or it would start the others anew; its command lines that a service has just started, which would
 * start a daemon of their own where they find none; the services; the one that asks last.
 */
export const everybody = (files: RunFiles): (number | null)[] => {
  const daemon = daemonPid(files)
  const services = SERVICES.map((name) => servicePid(files, name))
  const known = new Set([daemon, ...services])
  const lines = processesOfRun(files).flatMap(({ pid, isOurs }) => (isOurs && !known.has(pid) ? [pid] : []))
  return [daemon, ...lines, ...services].sort((a, b) => Number(a === process.pid) - Number(b === process.pid))
}

/** An agent by its row: only who it is, never what it has done. */
export interface KnownAgent {
  readonly n: number
  readonly chat_id: string
  readonly nonce: string
}

const query = <R>(files: RunFiles, sql: string, ...values: unknown[]): R[] => {
  const path = join(files.home, 'db', 'sessions.db')
  if (!existsSync(path)) return []
  const db = new Database(path, { readonly: true })
  try {
    return db.prepare(sql).all(...values) as R[]
  } finally {
    db.close()
  }
}

export const agentsOf = (files: RunFiles): KnownAgent[] => query(files, 'SELECT n, chat_id, nonce FROM agents ORDER BY n')

/** The agent that a turn was handed to. */
export const agentOfTurn = (files: RunFiles, turnId: string): (KnownAgent & { readonly message: string }) | null =>
  query<KnownAgent & { message: string }>(
    files,
    'SELECT a.n, a.chat_id, a.nonce, t.message FROM turns t JOIN agents a ON a.n = t.agent WHERE t.turn_id = ?',
    turnId,
  )[0] ?? null

export const agentFile = (files: RunFiles, n: number, name: Stage | 'exit'): string => join(files.home, 'agents', String(n), name)

/** Kills processes at once; one that has gone by itself is none of our business. */
export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

const GONE_MS = 10_000
const LOOK_MS = 5

/**
 * Waits until killed processes are no more: a hit is written down before its signals are sent, and a PM2 that is started beside a
 * daemon that is about to die is given half an answer. A zombie is no more.
 */
export const untilGone = async (pids: readonly number[]): Promise<void> => {
  for (const until = performance.now() + GONE_MS; pids.some((pid) => startOf(pid) !== null); await sleep(LOOK_MS))
    if (performance.now() > until) throw new Error(`these were killed and live: ${pids.join(', ')}`)
}
