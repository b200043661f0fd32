/** The commands by name. */
import { backup } from './backup.ts'
import { bench, build, check, conformance, crash, docs, security, soak, test } from './checks.ts'
import type { Command } from './command.ts'
import { doctor } from './doctor.ts'
import { down } from './down.ts'
import { importFrom } from './import.ts'
import { logs, monit } from './logs.ts'
import { mcp } from './mcp.ts'
import { pushMetrics } from './push-metrics.ts'
import { refreshVercelToken } from './refresh-vercel-token.ts'
import { report } from './report.ts'
import { restart } from './restart.ts'
import { restore } from './restore.ts'
import { service } from './service.ts'
import { status } from './status.ts'
import { uninstall } from './uninstall.ts'
import { up } from './up.ts'
import { upgrade } from './upgrade.ts'
import { verify } from './verify.ts'

export const commands: Readonly<Record<string, Command>> = {
  up,
  down,
  restart,
  status,
  doctor,
  backup,
  verify,
  restore,
  upgrade,
  import: importFrom,
  service,
  uninstall,
  report,
  'push-metrics': pushMetrics,
  'refresh-vercel-token': refreshVercelToken,
  logs,
  monit,
  build,
  test,
  check,
  conformance,
  crash,
  security,
  soak,
  bench,
  docs,
  mcp,
}

/** What `switchboard help` prints. */
export const helpLines = (): string[] => {
  const entries = Object.entries(commands).map(
    ([name, { usage, summary }]) => [`${name} ${usage ?? ''}`.trimEnd(), summary] as const,
  )
  const width = Math.max(...entries.map(([call]) => call.length))
  return ['Usage: npx switchboard <command>', '', ...entries.map(([call, summary]) => `  ${call.padEnd(width)}  ${summary}`)]
}
