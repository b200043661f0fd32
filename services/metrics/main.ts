/** Metrics: watches everybody and asks everybody; nobody waits for it. */
import { clientsOf, SERVICE_NAMES } from '../../protocol/contract.ts'
import { run } from '../runtime/run.ts'
import { openMetrics } from './open.ts'
import { Settings } from './settings.ts'

await run({
  name: 'metrics',
  env: Settings,
  open: ({ env, environment, home, log, client, ping, publish, defer, ending }) =>
    openMetrics({
      ...{ env, environment, home, log, publish, defer, ending },
      neighbours: clientsOf(client),
      watched: ['edge', ...SERVICE_NAMES],
      ping: (name, patience_ms) => ping(name as (typeof SERVICE_NAMES)[number], patience_ms),
    }),
})
