/** A deployed dashboard: built, copied to a folder outside the checkout, served with a store of its own, and a push to it. */
import { cpSync } from 'node:fs'
import path from 'node:path'
import { buildDashboard } from '../../dashboard/build/build.ts'
import { Budget } from '../../services/metrics/dashboard/budget.ts'
import { DashboardPush, type PushOptions } from '../../services/metrics/dashboard/push.ts'
import { createLog } from '../../services/runtime/log.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { type EdgeConfigFake, startEdgeConfig } from '../fakes/edge-config.ts'
import { atEnd, eventually, type Scope, startModule, tempDir } from '../harness.ts'
import { measured } from '../services/metrics/dashboard/measured.ts'

export const SECRET = 'a-secret-of-the-owner'

export interface Site {
  readonly url: string
  readonly store: EdgeConfigFake
  /** Pushes once, as the metrics service does; `now` is its clock. */
  push(input?: unknown, more?: Partial<PushOptions>): ReturnType<DashboardPush['pushNow']>
}

/** Builds into a temporary folder. @returns the folder */
export const buildSite = async (t: Scope): Promise<string> => {
  const made = path.join(tempDir(t), 'output')
  await buildDashboard({ source: path.join(packageRoot(import.meta.url), 'dashboard'), output: made })
  return made
}

/** Serves a copy of what was built. */
export const openSite = async (t: Scope, built: string): Promise<Site> => {
  const store = await startEdgeConfig()
  atEnd(t, () => store.close())
  const copy = path.join(tempDir(t), 'deployed')
  cpSync(built, copy, { recursive: true })
  const env = {
    METRICS_SECRET: SECRET,
    EDGE_CONFIG: store.connection,
    VERCEL_API_TOKEN: store.api_token,
    VERCEL_API_BASE: store.url,
  }
  const child = startModule(t, 'test/dashboard/serve.ts', env, [copy])
  const port = await eventually(() => child.messages[0])
  const url = `http://127.0.0.1:${port}`
  const folder = tempDir(t)
  return {
    url,
    store,
    push: (input = measured(), more = {}) =>
      new DashboardPush({
        ...{ url: `${url}/api/push`, secret: SECRET, title: 'Switchboard', show: [], folder },
        budget: new Budget(folder, 8_640),
        log: createLog({ service: 'test', level: 'silent' }),
        current: async () => input,
        ...more,
      }).pushNow(),
  }
}
