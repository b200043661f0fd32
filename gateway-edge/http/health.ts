/** How the edge and what stands behind it are doing. */
import type { Client } from '../../protocol/method.ts'
import type { AgentProgram, sessions } from '../../protocol/sessions.ts'

/** Longer than this nobody who asks for health wants to wait. */
const PATIENCE_MS = 1_000

export interface HealthDeps {
  readonly sessions: Pick<Client<typeof sessions>, 'status'>
  /** Whether history answers within so many milliseconds. */
  readonly isHistoryUp: (patience_ms: number) => Promise<boolean>
  /** The HTTP server in use. */
  readonly adapter: () => string
}

const UNKNOWN: AgentProgram = { kind: 'claude', version: null, problem: 'The sessions service does not answer' }

/** Builds the answer of `GET /health`; it is 200 as long as the edge itself answers, and says what does not. */
export const createHealth = ({ sessions: source, isHistoryUp, adapter }: HealthDeps): (() => Promise<string>) => {
  const began = performance.now()
  return async () => {
    const [status, historyUp] = await Promise.all([
      source.status({}, { timeout_ms: PATIENCE_MS }).catch(() => undefined),
      isHistoryUp(PATIENCE_MS),
    ])
    const uptime = ((performance.now() - began) / 1_000).toFixed(1)
    const rest = JSON.stringify({
      active_sessions: status?.active_sessions ?? 0,
      agent: status?.agent ?? UNKNOWN,
      services: { sessions: status === undefined ? 'down' : 'up', history: historyUp ? 'up' : 'down' },
      adapter: adapter(),
    })
    // One decimal always, also for a whole number: some clients read the type off the text.
    return `{"status":"ok","uptime_seconds":${uptime},${rest.slice(1)}`
  }
}
