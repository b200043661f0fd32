/** Puts the pushes to the public dashboard together: what the metrics service starts. */
import { join } from 'node:path'
import type { Home } from '../../runtime/home.ts'
import type { Log } from '../../runtime/log.ts'
import { Budget } from './budget.ts'
import type { Past } from './payload.ts'
import { DashboardPush, type PushStatus } from './push.ts'
import type { DashboardEnv } from './settings.ts'

/** How often the clock is looked at. No long timer: the machine may sleep, or its clock be set. */
const TICK_MS = 15_000

export interface DashboardPushDeps {
  readonly env: DashboardEnv
  readonly home: Pick<Home, 'root'>
  readonly log: Log
  /** The metrics as `GET /api/metrics` gives them; may throw, and is asked again later. */
  readonly current: () => Promise<unknown>
  /** Processor and memory of the last full hours, for a small chart; without it there is none. */
  readonly past?: () => Promise<Past | null>
  /** For tests. */
  readonly tick_ms?: number
}

/** Where the count of writes and the last push are kept. */
export const dashboardFolder = (home: Pick<Home, 'root'>): string => join(home.root, 'dashboard')

/** A push that does nothing by itself: for a service to tick, or for a command to push with once. */
export const openDashboardPush = ({ env, home, log, current, past }: DashboardPushDeps): DashboardPush => {
  const folder = dashboardFolder(home)
  return new DashboardPush({
    url: env.DASHBOARD_PUSH_URL,
    secret: env.METRICS_SECRET,
    title: env.DASHBOARD_TITLE,
    show: env.DASHBOARD_SHOW ?? [],
    budget: new Budget(folder, env.DASHBOARD_WRITES_PER_MONTH),
    ...{ folder, log, current, past },
  })
}

/** Begins to push, soon and whenever it is due. Without the settings it says so once and does nothing. */
export const startDashboardPush = (deps: DashboardPushDeps): { status(): PushStatus; close(): Promise<void> } => {
  const push = openDashboardPush(deps)
  const { state, problem } = push.status()
  if (state === 'off') {
    deps.log.info({}, `The public dashboard is off: ${problem}`)
    return { status: () => push.status(), close: async () => undefined }
  }
  const tick = (): void => void push.tick()
  // Not at once: at the very start not everything has been measured.
  const timer = setInterval(tick, deps.tick_ms ?? TICK_MS)
  return {
    status: () => push.status(),
    close: async () => {
      clearInterval(timer)
      await push.close()
    },
  }
}
