/** The edge: HTTP for whoever is not one of us. It may ask every service. */
import { join } from 'node:path'
import { clientsOf } from '../protocol/contract.ts'
import { openSubscriber } from '../protocol/wire/bus.ts'
import { packageRoot } from '../services/runtime/package-root.ts'
import { run } from '../services/runtime/run.ts'
import { createWatchdog } from '../services/runtime/watch/settings.ts'
import { openEdge } from './edge.ts'
import { openLoginFile } from './http/login-file.ts'
import { readPanel } from './http/panel.ts'
import { chooseServer } from './server/open.ts'
import { Settings, toEdgeOptions } from './settings.ts'

await run({
  name: 'edge',
  env: Settings,
  open: async ({ env, environment, log, home, instance, client, isUp, ping, defer, ending }) => {
    const options = toEdgeOptions(env)
    const { token } = options.access
    const logins = token === undefined ? undefined : openLoginFile(join(home.root, 'logins.json'), token, log)
    const edge = await openEdge({
      ...options,
      access: { ...options.access, logins },
      openServer: chooseServer(env.GATEWAY_ADAPTER),
      clients: clientsOf(client),
      isUp,
      listen: (options) => openSubscriber({ run_dir: home.run, log, ...options }),
      log,
      instance,
      panel: readPanel(join(packageRoot(import.meta.url), 'dist', 'web')),
    })
    defer('edge', () => edge.close())
    // Metrics watches all others; it is we who watch metrics.
    const metrics = { names: ['metrics'], ping: (_: string, patience_ms: number) => ping('metrics', patience_ms) }
    const watchdog = createWatchdog({ env, environment, home, log, ending, ...metrics })
    defer('watchdog', () => watchdog.close())
    return { start: () => watchdog.start(), drain: () => edge.drain() }
  },
})
