/** What everything stands on: Node.js and what is installed beside us. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, findingsOf } from './finding.ts'
import { type Surroundings, textOf } from './surroundings.ts'

const MIN_NODE = [20, 18] as const

/** Whether a version such as `20.18.1` is at least `wanted`; what is no version is not. */
export const isAtLeast = (version: string, wanted: readonly number[]): boolean => {
  const parts = version.replace(/^v/, '').split('.').map(Number)
  for (const [index, want] of wanted.entries()) {
    const part = parts[index] ?? 0
    if (Number.isNaN(part)) return false
    if (part !== want) return part > want
  }
  return true
}

export const checkNode = async ({ node_version }: Pick<Surroundings, 'node_version'>): Promise<Finding> => {
  const { ok, fail } = findingsOf('node')
  if (isAtLeast(node_version, MIN_NODE)) return ok(`Node.js ${node_version}`)
  return fail(
    `Node.js ${node_version} is older than ${MIN_NODE.join('.')}`,
    'Install a newer one (https://nodejs.org or your package manager), then npm start again.',
  )
}

/** PM2 is what starts everything; its own version is told, and a daemon that is a ghost. */
export const checkPm2 = async ({ settings, pm2 }: Pick<Surroundings, 'settings' | 'pm2'>): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('pm2')
  const about = textOf(join(settings.root, 'node_modules', 'pm2', 'package.json'))
  if (about === null) return fail('PM2 is not installed', 'Install what the lock file names: npm ci')
  const { version } = JSON.parse(about) as { version: string }
  const daemon = pm2.daemonPid()
  if (daemon !== null) return ok(`PM2 ${version}, its daemon is process ${daemon}`)
  const pidFile = join(settings.pm2_home, 'pm2.pid')
  if (statSync(pidFile, { throwIfNoEntry: false }) !== undefined)
    return warn(`PM2 ${version}; its daemon has died without taking leave`, 'Nothing is lost by it. Start again: npm start')
  return ok(`PM2 ${version}, not running`)
}
