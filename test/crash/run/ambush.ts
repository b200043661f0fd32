/**
 * Inside the sessions service: waits at the named points for an order of the run, and carries it out on the spot, before the
 * service does anything more. What cannot be done yet (the turn's agent is not there) is done at the next passing.
 */
import { appendFileSync, closeSync, constants, existsSync, openSync, writeSync } from 'node:fs'
import { carriesNonce } from '../../../services/sessions/agent/process.ts'
import { messageLine } from '../../../services/sessions/agent/writer.ts'
import type { At } from '../../../services/sessions/points.ts'
import { promptOf } from '../../../services/sessions/prompt.ts'
import {
  agentFile,
  agentOfTurn,
  everybody,
  filesOf,
  type Hit,
  type KnownAgent,
  killAll,
  numberIn,
  type Order,
  type RunFiles,
  readOrder,
  servicePid,
  takeBackOrder,
} from './orders.ts'
import type { Stage } from './plan.ts'

/** How long a starting agent may take to be there, in milliseconds: the service stands still meanwhile. */
const PATIENCE_MS = 3_000
const LOOK_MS = 0.2

const cell = new Int32Array(new SharedArrayBuffer(4))

/** What `look` gives, as soon as it gives something, without letting go of the thread. */
const standUntil = <T>(look: () => T | null): T | null => {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; Atomics.wait(cell, 0, 0, LOOK_MS)) {
    const found = look()
    if (found !== null) return found
  }
  return null
}

/** Writes the first half of the turn's line, as a service that is killed in the middle of it. */
const writeHalf = (files: RunFiles, n: number, turnId: string, message: string): boolean => {
  const fd = standUntil(() => {
    try {
      return openSync(agentFile(files, n, 'in'), constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if (!['ENXIO', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      return null
    }
  })
  if (fd === null) return false
  const line = messageLine(
    turnId,
    promptOf(message, { globalMemory: null, memories: null, harness: null, background: false, autoMode: false }),
  )
  writeSync(fd, line.slice(0, Math.floor(line.length / 2)))
  closeSync(fd)
  return true
}

/** The processes that an order names, or null when they are not there. */
const victimsOf = (files: RunFiles, { target, stage }: Order, agent: KnownAgent | null): number[] | null => {
  const service = (name: string): number | null => (name === 'sessions' ? process.pid : servicePid(files, name))
  const here = (pids: (number | null)[]): number[] | null => (pids.includes(null) ? null : (pids as number[]))
  switch (target) {
    case 'agent':
    case 'keeper': {
      if (agent === null) return null
      const file = (name: Stage): string => agentFile(files, agent.n, name)
      if (target === 'keeper') standUntil(() => existsSync(file(stage)) || null)
      const pid = standUntil(() => numberIn(file(target === 'agent' ? 'pid' : 'keeper')))
      return pid !== null && carriesNonce(pid, agent.nonce) ? [pid] : null
    }
    case 'pm2':
      return here(everybody(files))
    default:
      return here([service(target)])
  }
}

/** @param root the folder of the run */
export const lieInAmbush = (root: string): At => {
  const files = filesOf(root)
  return (point, turnId) => {
    const order = readOrder(files)
    if (order?.point !== point || (order.by ?? 'sessions') !== 'sessions') return
    const needsAgent = order.half || order.target === 'agent' || order.target === 'keeper'
    const agent = needsAgent && turnId !== undefined ? agentOfTurn(files, turnId) : null
    if (needsAgent && agent === null) return
    const pids = victimsOf(files, order, agent)
    if (pids === null) return
    if (order.half && agent && turnId !== undefined && !writeHalf(files, agent.n, turnId, agent.message)) return
    const hit: Hit = { kill: order.kill, at: Date.now(), pids, chat: agent?.chat_id ?? null }
    takeBackOrder(files)
    appendFileSync(files.hits, `${JSON.stringify(hit)}\n`)
    killAll(pids)
  }
}
