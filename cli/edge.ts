/** The edge as seen from outside: whether it answers, and what it says about itself. */
import { connect } from 'node:net'
import { z } from 'zod'
import { AgentProgram } from '../protocol/sessions.ts'

/** The part of `GET /health` that a person at the terminal wants to know. */
const Health = z.object({
  status: z.string(),
  active_sessions: z.number(),
  agent: AgentProgram,
  /** `up` or `down`, by the name of the service. */
  services: z.record(z.string(), z.string()),
})
export type Health = z.output<typeof Health>

/** The services behind the edge that it cannot reach. */
export const unreachable = (health: Health): string[] =>
  Object.entries(health.services).flatMap(([name, state]) => (state === 'up' ? [] : [name]))

/** A machine that is busy may take so long. */
const PATIENCE_MS = 3_000

const fetchJson = async (url: string, token: string | undefined, signal: AbortSignal): Promise<unknown> => {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(url, { headers, signal })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return await response.json()
}

/** What `/health` says, or null when the edge does not answer, or something else does in its place. Both questions together may take `patience_ms`. */
export const readHealth = async (url: string, token?: string, patience_ms = PATIENCE_MS): Promise<Health | null> => {
  const signal = AbortSignal.timeout(patience_ms)
  try {
    const alive = z.object({ status: z.literal('ok') }).safeParse(await fetchJson(`${url}/api/health`, undefined, signal))
    const health = Health.safeParse(await fetchJson(`${url}/health`, token, signal))
    return alive.success && health.success ? health.data : null
  } catch {
    return null
  }
}

/** Whether anything at all accepts connections there. */
export const isListening = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PATIENCE_MS })
    const settle = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    socket.once('error', () => settle(false))
  })
