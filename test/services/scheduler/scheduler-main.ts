/** The scheduler, which can be made to kill itself at its named points. Its jobs may call this machine. */
import { run } from '../../../services/runtime/run.ts'
import { openScheduler } from '../../../services/scheduler/open.ts'
import { Settings } from '../../../services/scheduler/settings.ts'
import { armedBy } from '../../armed-point.ts'

const at = armedBy(process.env.ARM_FILE ?? '')

await run({
  name: 'scheduler',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) =>
    openScheduler({ env, environment, home, log, sessions: client('sessions'), publish, defer, at }),
})
