/** The scheduler as it is, with the run lying in ambush at its named points. */
import { run } from '../../../services/runtime/run.ts'
import { openScheduler } from '../../../services/scheduler/open.ts'
import { Settings } from '../../../services/scheduler/settings.ts'
import { lieInAmbush } from './ambush.ts'

await run({
  name: 'scheduler',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) => {
    const at = lieInAmbush(process.env.CRASH_RUN ?? '', 'scheduler')
    return openScheduler({ env, environment, home, log, sessions: client('sessions'), publish, defer, at })
  },
})
