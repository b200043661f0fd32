/** The commands by name. */
import { bench, build, check, conformance, crash, test } from './checks.ts'
import type { Command } from './command.ts'
import { down } from './down.ts'
import { logs, monit } from './logs.ts'
import { mcp } from './mcp.ts'
import { restart } from './restart.ts'
import { status } from './status.ts'
import { up } from './up.ts'

export const commands: Readonly<Record<string, Command>> = {
  up,
  down,
  restart,
  status,
  logs,
  monit,
  build,
  test,
  check,
  conformance,
  crash,
  bench,
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
