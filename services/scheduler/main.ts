/** The scheduler: jobs at cron times and the ledger of their runs. Asks sessions to answer prompts and to deliver to Telegram. */
import { run } from '../runtime/run.ts'
import { openScheduler } from './open.ts'
import { Settings } from './settings.ts'

await run({
  name: 'scheduler',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) =>
    openScheduler({ env, environment, home, log, sessions: client('sessions'), publish, defer }),
})
