/** The sessions service, which can be made to kill itself at its named points. */
import { run } from '../../services/runtime/run.ts'
import { openSessions } from '../../services/sessions/open.ts'
import { Settings } from '../../services/sessions/settings.ts'
import { armedBy } from '../armed-point.ts'

const at = armedBy(process.env.ARM_FILE ?? '')

await run({
  name: 'sessions',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) =>
    openSessions({ env, environment, home, log, history: client('history'), memory: client('memory'), publish, defer, at }),
})
