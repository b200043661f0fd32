/** Which service manager this system has. */
import type { Context } from '../command.ts'
import { createLaunchd } from './launchd.ts'
import { type Ask, ask, isInstalled, type Manager } from './manager.ts'
import { type Plan, planOf } from './plan.ts'
import { createSystemd } from './systemd.ts'

/** The manager of a platform; null where we know none. */
export const managerFor = (platform: NodeJS.Platform, plan: Plan, run: Ask = ask): Manager | null => {
  if (platform === 'linux') return createSystemd(plan, run)
  return platform === 'darwin' ? createLaunchd(plan, run) : null
}

/** The manager that has Switchboard installed for this home, or null. */
export const installedManager = (
  { settings }: Pick<Context, 'settings'>,
  environment: Readonly<Record<string, string | undefined>>,
): Manager | null => {
  const manager = managerFor(process.platform, planOf(settings, environment))
  return manager !== null && isInstalled(manager) ? manager : null
}
