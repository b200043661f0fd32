import { BaseEnv } from '../runtime/env.ts'
import { run } from '../runtime/run.ts'
import { embedWith } from './embedding.ts'
import { openHistory } from './open.ts'

await run({
  name: 'history',
  env: BaseEnv,
  open: ({ home, log, publish, defer, client }) =>
    openHistory({ folder: home.db, embed: embedWith(client('memory')), log, publish, defer }),
})
