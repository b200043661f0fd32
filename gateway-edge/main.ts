/** The edge: HTTP for whoever is not one of us. Asks sessions and history. */
import { createClient } from '../protocol/client.ts'
import { openSubscriber } from '../protocol/wire/bus.ts'
import { openLink } from '../protocol/wire/link.ts'
import { run } from '../services/runtime/run.ts'
import { openEdge } from './edge.ts'
import { chooseServer } from './server/open.ts'
import { Settings, toEdgeOptions } from './settings.ts'

await run({
  name: 'edge',
  env: Settings,
  open: async ({ env, log, home, instance, client, defer }) => {
    const historyLink = openLink({ run_dir: home.run, service: 'history', instance, log })
    defer('history link', () => historyLink.close())
    const edge = await openEdge({
      ...toEdgeOptions(env),
      openServer: chooseServer(env.GATEWAY_ADAPTER),
      clients: { sessions: client('sessions'), history: createClient('history', historyLink.call) },
      isHistoryUp: (patience_ms) =>
        historyLink.ping(patience_ms).then(
          () => true,
          () => false,
        ),
      listen: (options) => openSubscriber({ run_dir: home.run, log, ...options }),
      log,
      instance,
    })
    defer('edge', () => edge.close())
    return { drain: () => edge.drain() }
  },
})
