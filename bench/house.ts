/** A whole Switchboard as users run it, under a PM2 of its own, in a temporary home and on a port of its own. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../cli/command.ts'
import { down } from '../cli/down.ts'
import { openPm2 } from '../cli/pm2.ts'
import { readSettings } from '../cli/settings.ts'
import { bringUp } from '../cli/up.ts'
import { isAlive } from '../services/runtime/process.ts'
import { freePort } from '../test/free-port.ts'
import type { Scope } from './scope.ts'

export interface House {
  readonly home: string
  readonly port: number
  /** The whole environment that the services were given. */
  readonly env: Readonly<Record<string, string>>
  readonly context: Context
  /** The process that now runs a service. */
  pidOf(service: string): Promise<number>
  /** The processes of the agents that live, and of their keepers. */
  agents(): number[]
}

const numberIn = (file: string): number => (existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN)

/** Processes of the agents in this home that have not ended. */
const agentPids = (home: string): number[] => {
  const folder = join(home, 'agents')
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names
    .filter((name) => !existsSync(join(folder, name, 'exit')))
    .flatMap((name) => ['pid', 'keeper'].map((file) => numberIn(join(folder, name, file))))
    .filter((pid) => pid > 0 && isAlive(pid))
}

/** What the demo agent is given so that it obeys directives. */
const SCRIPTED = { CLAUDE_BIN: 'demo', AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT', DEMO_AGENT_SCRIPT: '1' }

/** Starts everything and waits until it answers; it is ended with the scope. `env` is added to what the services get. */
export const openHouse = async (scope: Scope, env: Record<string, string> = SCRIPTED): Promise<House> => {
  const folder = scope.folder()
  const { PATH = '', HOME = '', TMPDIR, NODE_OPTIONS } = process.env
  const port = await freePort()
  const whole = {
    PATH,
    HOME,
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    // For `--cpu-prof`; agents do not get it.
    ...(NODE_OPTIONS === undefined ? {} : { NODE_OPTIONS }),
    SWITCHBOARD_HOME: join(folder, 'home'),
    GATEWAY_PORT: String(port),
    GATEWAY_SESSION_DIR: join(folder, 'chats'),
    GATEWAY_MAX_CLAUDE_PROCESSES: '64',
    GATEWAY_MAX_WARM_AGENTS: '64',
    // What else runs on this machine shall not make turns wait.
    GATEWAY_MIN_FREE_MB: '0',
    GATEWAY_MIN_FREE_DISK_MB: '0',
    ...env,
  }
  const settings = readSettings(whole)
  const said: string[] = []
  const pm2 = openPm2({ home: settings.pm2_home, root: settings.root, env: whole, extra: settings.ecosystem })
  const context: Context = { args: [], settings, pm2, print: (line) => void said.push(line) }
  scope.after(async () => {
    if (pm2.daemonPid() !== null) await down.run(context)
    for (const pid of agentPids(settings.home)) process.kill(pid, 'SIGKILL')
    while (agentPids(settings.home).length > 0) await sleep(10)
  })
  if ((await bringUp(context, [])) !== 0) throw new Error(`Switchboard did not start:\n${said.join('\n')}`)
  return {
    home: settings.home,
    port,
    env: whole,
    context,
    agents: () => agentPids(settings.home),
    pidOf: async (service) => {
      const app = (await pm2.list()).find(({ name }) => name === service)
      if (!app || app.pid === 0) throw new Error(`${service} does not run`)
      return app.pid
    },
  }
}
