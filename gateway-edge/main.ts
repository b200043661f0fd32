/** The edge: HTTP for whoever is not one of us. It may ask every service. */
import { clientsOf } from '../protocol/contract.ts'
import { openSubscriber } from '../protocol/wire/bus.ts'
import { run } from '../services/runtime/run.ts'
import { openEdge } from './edge.ts'
import { chooseServer } from './server/open.ts'
import { Settings, toEdgeOptions } from './settings.ts'

await run({
  name: 'edge',
  env: Settings,
  open: async ({ env, log, home, instance, client, isUp, defer }) => {
    const edge = await openEdge({
      ...toEdgeOptions(env),
      openServer: chooseServer(env.GATEWAY_ADAPTER),
      clients: clientsOf(client),
      isUp,
      listen: (options) => openSubscriber({ run_dir: home.run, log, ...options }),
      log,
      instance,
    })
    defer('edge', () => edge.close())
    return { drain: () => edge.drain() }
  },
})
