/** How the edge and what stands behind it are doing. */
import { SERVICE_NAMES, type ServiceName } from '../../protocol/contract.ts'
import type { Client } from '../../protocol/method.ts'
import type { metrics } from '../../protocol/metrics.ts'
import type { AgentProgram, sessions } from '../../protocol/sessions.ts'
import type { OwnAnswers, OwnReply } from './own-routes.ts'

/** Longer than this nobody who asks for health wants to wait. */
const PATIENCE_MS = 1_000

/** Without these no message can be taken, or nobody notices what hangs. */
const NEEDED: readonly ServiceName[] = ['sessions', 'history', 'metrics']

const ALIVE: OwnReply = { body: '{"status":"ok"}' }

const UNKNOWN: AgentProgram = { kind: 'claude', version: null, problem: 'The sessions service does not answer' }

export interface HealthDeps {
  readonly sessions: Pick<Client<typeof sessions>, 'status'>
  readonly metrics: Pick<Client<typeof metrics>, 'alerts'>
  /** Whether a service answers within so many milliseconds. */
  readonly isUp: (service: ServiceName, patience_ms: number) => Promise<boolean>
  /** The HTTP server in use. */
  readonly adapter: () => string
}

type HealthRoute = 'GET /api/health' | 'GET /healthz' | 'GET /readyz' | 'GET /health'

/** Builds the answers of the four routes that tell of health. */
export const createHealth = ({
  sessions: source,
  metrics: watcher,
  isUp,
  adapter,
}: HealthDeps): Pick<OwnAnswers, HealthRoute> => {
  const began = performance.now()

  /** Sessions is asked something that it has to look at: one that hangs may still answer a ping. */
  const isAtWork = (): Promise<boolean> =>
    source.status({}, { timeout_ms: PATIENCE_MS }).then(
      () => true,
      () => false,
    )

  /** Which of these are down. Asks all at once, so that it takes one patience. */
  const down = async (services: readonly ServiceName[]): Promise<ServiceName[]> => {
    const up = await Promise.all(services.map((service) => (service === 'sessions' ? isAtWork() : isUp(service, PATIENCE_MS))))
    return services.filter((_, index) => !up[index])
  }

  /**
   * What is critical at this moment: the kind and whom it is about, since anybody may ask. Nothing where metrics does not
   * answer, which is told by itself.
   */
  const critical = async (): Promise<string[]> => {
    try {
      const { alerts } = await watcher.alerts({}, { timeout_ms: PATIENCE_MS })
      return alerts
        .filter(({ level }) => level === 'critical')
        .map(({ kind, subject }) => `${kind.replaceAll('_', ' ')}: ${subject}`)
    } catch {
      return []
    }
  }

  return {
    'GET /api/health': () => ALIVE,
    'GET /healthz': () => ALIVE,
    'GET /readyz': async () => {
      const [silent, wrong] = await Promise.all([down(NEEDED), critical()])
      if (silent.length === 0 && wrong.length === 0) return ALIVE
      const lacking = silent.length === 0 ? [] : [`${silent.join(' and ')} ${silent.length === 1 ? 'does' : 'do'} not answer`]
      const detail = [...lacking, ...wrong].join('; ')
      return { status: 503, headers: { 'retry-after': '1' }, body: JSON.stringify({ status: 'unavailable', detail }) }
    },
    'GET /health': async () => {
      const [status, silent] = await Promise.all([
        source.status({}, { timeout_ms: PATIENCE_MS }).catch(() => undefined),
        down(SERVICE_NAMES.filter((service) => service !== 'sessions')),
      ])
      const states = SERVICE_NAMES.map((service) => {
        const isDown = service === 'sessions' ? status === undefined : silent.includes(service)
        return [service, isDown ? 'down' : 'up']
      })
      const uptime = ((performance.now() - began) / 1_000).toFixed(1)
      const rest = JSON.stringify({
        active_sessions: status?.active_sessions ?? 0,
        agent: status?.agent ?? UNKNOWN,
        services: Object.fromEntries(states),
        adapter: adapter(),
      })
      // One decimal always, also for a whole number: some clients read the type off the text.
      return { body: `{"status":"ok","uptime_seconds":${uptime},${rest.slice(1)}` }
    },
  }
}
