/** The reports as they are, with the run lying in ambush at their named points. */
import { openReports } from '../../../services/reports/open.ts'
import { Settings } from '../../../services/reports/settings.ts'
import { run } from '../../../services/runtime/run.ts'
import { lieInAmbush } from './ambush.ts'

await run({
  name: 'reports',
  env: Settings,
  open: ({ env, environment, home, log, publish, defer }) => {
    const at = lieInAmbush(process.env.CRASH_RUN ?? '', 'reports')
    return openReports({ env, environment, home, log, publish, defer, at, retry_ms: [200, 200, 200] })
  },
})
