/** The sessions service as it is, with the run lying in ambush at its named points. */
import { run } from '../../../services/runtime/run.ts'
import { openSessions } from '../../../services/sessions/open.ts'
import { Settings } from '../../../services/sessions/settings.ts'
import { lieInAmbush } from './ambush.ts'

await run({
  name: 'sessions',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) =>
    openSessions({
      env,
      environment,
      home,
      log,
      history: client('history'),
      memory: client('memory'),
      publish,
      defer,
      at: lieInAmbush(process.env.CRASH_RUN ?? ''),
    }),
})
