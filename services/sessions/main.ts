/** The sessions service: chats, their turns and their agents. Asks history to keep what was said. */
import { run } from '../runtime/run.ts'
import { openSessions } from './open.ts'
import { Settings } from './settings.ts'

await run({
  name: 'sessions',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) =>
    openSessions({ env, environment, home, log, history: client('history'), memory: client('memory'), publish, defer }),
})
