/** Pushes to the public dashboard once, or tells how that goes; a program for `switchboard push-metrics`. */
import { BaseEnv, EnvError, parseEnv } from '../../runtime/env.ts'
import { openHome } from '../../runtime/home.ts'
import { createLog } from '../../runtime/log.ts'
import { type Measured, pushOnce, tellStatus } from './once.ts'
import { DashboardEnv } from './settings.ts'

const inputOf = async (): Promise<Measured> => {
  let text = ''
  for await (const piece of process.stdin.setEncoding('utf8')) text += piece
  return JSON.parse(text) as Measured
}

try {
  const env = parseEnv(BaseEnv.extend(DashboardEnv.shape))
  const deps = { env, home: openHome(env.SWITCHBOARD_HOME), log: createLog({ service: 'push-metrics', level: 'silent' }) }
  const { ok, lines } = process.argv[2] === 'status' ? tellStatus(deps) : await pushOnce(deps, await inputOf())
  for (const line of lines) console.log(line)
  process.exitCode = ok ? 0 : 1
} catch (error) {
  if (!(error instanceof EnvError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
