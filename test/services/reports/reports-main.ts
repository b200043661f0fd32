/** The reports, which can be made to kill themselves at their named points. */
import { openReports } from '../../../services/reports/open.ts'
import { Settings } from '../../../services/reports/settings.ts'
import { run } from '../../../services/runtime/run.ts'
import { armedBy } from '../../armed-point.ts'

const at = armedBy(process.env.ARM_FILE ?? '')

await run({
  name: 'reports',
  env: Settings,
  open: ({ env, environment, home, log, publish, defer }) =>
    openReports({ env, environment, home, log, publish, defer, at, retry_ms: [200, 200, 200] }),
})
