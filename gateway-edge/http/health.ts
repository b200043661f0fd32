/** How the edge and what stands behind it are doing. */
import type { Client } from '../../protocol/method.ts'
import type { AgentProgram, sessions } from '../../protocol/sessions.ts'
import type { OwnAnswers, OwnReply } from './own-routes.ts'

/** Longer than this nobody who asks for health wants to wait. */
const PATIENCE_MS = 1_000

const ALIVE: OwnReply = { body: '{"status":"ok"}' }

const UNKNOWN: AgentProgram = { kind: 'claude', version: null, problem: 'The sessions service does not answer' }

export interface HealthDeps {
  readonly sessions: Pick<Client<typeof sessions>, 'status'>
  /** Whether history answers within so many milliseconds. */
  readonly isHistoryUp: (patience_ms: number) => Promise<boolean>
  /** The HTTP server in use. */
  readonly adapter: () => string
}

type HealthRoute = 'GET /api/health' | 'GET /healthz' | 'GET /readyz' | 'GET /health'

/** Builds the answers of the four routes that tell of health. */
export const createHealth = ({ sessions: source, isHistoryUp, adapter }: HealthDeps): Pick<OwnAnswers, HealthRoute> => {
  const began = performance.now()

  /** What sessions tells of itself, undefined where it is down. Asks both at once, so that it takes one patience. */
  const look = async (): Promise<{ status: Awaited<ReturnType<typeof source.status>> | undefined; historyUp: boolean }> => {
    const [status, historyUp] = await Promise.all([
      source.status({}, { timeout_ms: PATIENCE_MS }).catch(() => undefined),
      isHistoryUp(PATIENCE_MS),
    ])
    return { status, historyUp }
  }

  return {
    'GET /api/health': () => ALIVE,
    'GET /healthz': () => ALIVE,
    'GET /readyz': async () => {
      const { status, historyUp } = await look()
      const silent = [...(status === undefined ? ['sessions'] : []), ...(historyUp ? [] : ['history'])]
      if (silent.length === 0) return ALIVE
      const detail = `${silent.join(' and ')} ${silent.length === 1 ? 'does' : 'do'} not answer`
      return { status: 503, headers: { 'retry-after': '1' }, body: JSON.stringify({ status: 'unavailable', detail }) }
    },
    'GET /health': async () => {
      const { status, historyUp } = await look()
      const uptime = ((performance.now() - began) / 1_000).toFixed(1)
      const rest = JSON.stringify({
        active_sessions: status?.active_sessions ?? 0,
        agent: status?.agent ?? UNKNOWN,
        services: { sessions: status === undefined ? 'down' : 'up', history: historyUp ? 'up' : 'down' },
        adapter: adapter(),
      })
      // One decimal always, also for a whole number: some clients read the type off the text.
      return { body: `{"status":"ok","uptime_seconds":${uptime},${rest.slice(1)}` }
    },
  }
}
