/** Memory: what bots keep in mind, and the one process that turns texts into vectors. Asks nobody. */
import { run } from '../runtime/run.ts'
import { openMemory } from './open.ts'
import { Settings } from './settings.ts'

await run({
  name: 'memory',
  env: Settings,
  open: ({ env, home, log, publish, defer }) => openMemory({ env, home, log, publish, defer }),
})
