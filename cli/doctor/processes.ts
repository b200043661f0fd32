/** What runs: the services, the port they listen on, and agents that nobody looks after. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../protocol/errors.ts'
import { takeLock } from '../../services/runtime/lock.ts'
import { processesOf } from '../uninstall/processes.ts'
import { oursOf } from '../up.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Surroundings } from './surroundings.ts'

export const checkPort = async (around: Surroundings): Promise<Finding> => {
  const { ok, fail } = findingsOf('port')
  const { host, port, url } = around.settings
  if (await around.answers()) return ok(`the edge answers on ${url}`)
  if (!(await around.isListening(host, port))) return ok(`${port} on ${host} is free`)
  const isOurs = oursOf(await around.pm2.list()).some(({ name, status }) => name === 'edge' && status === 'online')
  if (isOurs) return fail(`the edge listens on ${url} and does not answer as it should`, 'See why: npm run logs -- edge')
  return fail(
    `port ${port} on ${host} is taken by another program`,
    `See which one: lsof -i :${port}. Stop it, or choose another: GATEWAY_PORT=${port + 1}`,
  )
}

/** Restarts of one life of PM2 from which on a service is called unsteady. */
const MANY_RESTARTS = 20

export const checkServices = async ({ settings, pm2 }: Pick<Surroundings, 'settings' | 'pm2'>): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('services')
  const apps = oursOf(await pm2.list())
  if (apps.length === 0) return warn('Switchboard is not running', 'Start it: npm start')
  const absent = settings.services.filter((name) => !apps.some((app) => app.name === name && app.status === 'online'))
  if (absent.length > 0) return fail(`these do not run: ${absent.join(', ')}`, `See why: npm run logs -- ${absent[0]}`)
  const unsteady = apps.filter(({ restarts }) => restarts >= MANY_RESTARTS)
  if (unsteady.length > 0)
    return warn(
      `restarted again and again: ${unsteady.map(({ name, restarts }) => `${name} (${restarts} times)`).join(', ')}`,
      `See why: npm run logs -- ${unsteady[0]?.name}`,
    )
  return ok(`all ${apps.length} run`)
}

/** Whether a service lives: whoever lives has its lock. */
export const isRunning = async (run_dir: string, name: string): Promise<boolean> => {
  if (!existsSync(join(run_dir, `${name}.lock`))) return false
  try {
    const lock = await takeLock({ run_dir, name, wait_ms: 0 })
    lock.release()
    return false
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'conflict') return true
    throw error
  }
}

/**
 * The agents that live, by the folders they have; one that has ended wrote its `exit`. One that the machine took with it has not, and
 * its number may be a stranger's by now: so a process counts only when it is one of this home.
 */
export const livingAgents = (home: string): { readonly n: string; readonly pid: number }[] => {
  const folder = join(home, 'agents')
  const names = existsSync(folder) ? readdirSync(folder) : []
  const noted = names.flatMap((n) => {
    if (existsSync(join(folder, n, 'exit'))) return []
    const file = join(folder, n, 'pid')
    const pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN
    return pid > 0 ? [{ n, pid }] : []
  })
  const ours = new Set(noted.length === 0 ? [] : processesOf(home))
  return noted.filter(({ pid }) => ours.has(pid))
}

/** Agents outlive the services on purpose; without one they finish and leave by themselves. */
export const checkAgents = async ({ settings }: Pick<Surroundings, 'settings'>): Promise<Finding> => {
  const { ok, warn } = findingsOf('agents')
  const alive = livingAgents(settings.home)
  if (await isRunning(settings.run_dir, 'sessions')) return ok(`${alive.length} live`)
  if (alive.length === 0) return ok('none is left over')
  return warn(
    `${alive.length} still live, though sessions does not run (processes ${alive.map(({ pid }) => pid).join(', ')})`,
    'They finish their answer and leave by themselves (AGENT_ORPHAN_TIMEOUT); the next start takes them up again: npm start',
  )
}
