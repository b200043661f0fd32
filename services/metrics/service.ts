/** Metrics: one handler for each method of its contract. */
import type { Handlers } from '../../protocol/method.ts'
import { MAX_POINTS, type Metrics, type metrics } from '../../protocol/metrics.ts'
import type { Log } from '../runtime/log.ts'
import type { AgentSeries } from './agent-series.ts'
import type { Doctor } from './doctor.ts'
import { renderExposition } from './prometheus/exposition.ts'
import { type MetricsStore, STEPS } from './store.ts'

export interface MetricsDeps {
  readonly store: Pick<MetricsStore, 'points' | 'listSeries' | 'openAlerts' | 'pastAlerts'>
  readonly agents: Pick<AgentSeries, 'list' | 'points'>
  /** Everything as it is known; with `anew` everything is looked at first, which fails only when nothing can be read. */
  readonly current: (anew: boolean) => Promise<Metrics>
  /** Everything as the last look saw it, without asking anybody. */
  readonly known: () => Metrics
  readonly doctor: Pick<Doctor, 'examine'>
  readonly log: Log
  readonly now?: () => number
}

/** Composes metrics. */
export const createMetrics = ({
  store,
  agents,
  current,
  known,
  doctor,
  log,
  now = Date.now,
}: MetricsDeps): Handlers<typeof metrics> => ({
  current: async () => await current(false),

  refresh: async () => {
    try {
      const { timestamp } = await current(true)
      return { status: 'ok', timestamp }
    } catch (error) {
      log.error({ err: error }, 'The metrics could not be refreshed')
      return { status: 'error', message: 'Not everything could be looked at; the log of metrics says why' }
    }
  },

  series: async ({ names, from, to, step, limit }) => {
    const asked = [...new Set(names.split(',').map((name) => name.trim()))].filter((name) => name !== '')
    const share = Math.max(1, Math.min(limit, Math.floor(MAX_POINTS / Math.max(1, asked.length))))
    const until = to ?? now()
    // Samples do not come at even distances: all that are kept.
    const since = from ?? (step === 'sample' ? 0 : until - share * STEPS[step].width_ms)
    const series = asked.map((name) => {
      const query = { name, step, from: since, to: until, limit: share }
      const found = agents.points(query) ?? store.points(query)
      return { name, unit: found?.unit ?? null, points: found?.points ?? [] }
    })
    return { step, series }
  },

  list_series: async () => [...store.listSeries(), ...agents.list()],

  processes: async () => known().processes,

  alerts: async ({ past }) => ({ alerts: [...store.openAlerts(), ...(past === 0 ? [] : store.pastAlerts(past))] }),

  doctor: async ({ anew }) => await doctor.examine({ anew }),

  exposition: async () => await renderExposition(known()),
})
