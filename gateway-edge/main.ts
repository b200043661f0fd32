import { z } from 'zod'
import { createClient } from '../protocol/client.ts'
import { openLink } from '../protocol/wire/link.ts'
import { BaseEnv, envInteger } from '../services/runtime/env.ts'
import { run } from '../services/runtime/run.ts'
import { openEdge } from './edge.ts'
import { isLoopback } from './http/guard.ts'
import { openUwsServer } from './server/uws.ts'

const Env = BaseEnv.extend({
  GATEWAY_HOST: z
    .string()
    .default('127.0.0.1')
    .refine(isLoopback, 'must be 127.0.0.1, ::1 or localhost: without a token nobody else may be let in'),
  GATEWAY_PORT: envInteger(1, 65_535).default(8_000),
})

await run({
  name: 'edge',
  env: Env,
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
    })
    defer('edge', () => edge.close())
    return { drain: () => edge.drain() }
  },
})
