/** The reports: the process that makes and mails the morning paper (`reports/` holds what a person edits). Asks nobody. */
import { run } from '../runtime/run.ts'
import { openReports } from './open.ts'
import { Settings } from './settings.ts'

await run({
  name: 'reports',
  env: Settings,
  open: ({ env, environment, home, log, publish, defer }) => openReports({ env, environment, home, log, publish, defer }),
})
