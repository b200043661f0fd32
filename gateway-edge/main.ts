/** The edge: HTTP for whoever is not one of us. Asks sessions and history. */
import { createClient } from '../protocol/client.ts'
import { openLink } from '../protocol/wire/link.ts'
import { run } from '../services/runtime/run.ts'
import { openEdge } from './edge.ts'
import { openUwsServer } from './server/uws.ts'
import { Settings } from './settings.ts'

await run({
  name: 'edge',
  env: Settings,
  open: async ({ env, log, home, instance, client, defer }) => {
    const historyLink = openLink({ run_dir: home.run, service: 'history', instance, log })
    defer('history link', () => historyLink.close())
    const edge = await openEdge({
      // By its number: a name may lead to the other kind of loopback than the one people try.
      host: env.GATEWAY_HOST === 'localhost' ? '127.0.0.1' : env.GATEWAY_HOST,
      port: env.GATEWAY_PORT,
      openServer: openUwsServer,
      clients: { sessions: client('sessions'), history: createClient('history', historyLink.call) },
      isHistoryUp: (patience_ms) =>
        historyLink.ping(patience_ms).then(
          () => true,
          () => false,
        ),
      log,
      instance,
    })
    defer('edge', () => edge.close())
    return { drain: () => edge.drain() }
  },
})
