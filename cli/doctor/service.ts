/** The service of the system: whether it runs, and whether the Node.js that it was installed with is still there. */
import { existsSync } from 'node:fs'
import { managerFor } from '../service/choice.ts'
import { installedNode, isInstalled, type Manager } from '../service/manager.ts'
import { planOf } from '../service/plan.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Surroundings } from './surroundings.ts'

/** @param manager that of this system; null where there is none */
export const findingOf = async (
  manager: Pick<Manager, 'file' | 'marker' | 'nodeIn' | 'isActive' | 'unreachable'> | null,
): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('service')
  const install = 'npx switchboard service install'
  if (manager === null || !isInstalled(manager)) return ok('not installed', `To have it start with the machine: ${install}`)
  const node = installedNode(manager)
  if (node !== null && !existsSync(node))
    return warn(`${node}, with which it was installed, is gone: another one takes its place`, `For good: ${install}`)
  if (await manager.isActive()) return ok(`installed and running (${manager.file})`)
  const fault = await manager.unreachable()
  if (fault !== null) return warn('installed; whether it runs cannot be seen from here', fault)
  return fail('installed, and not running', 'Start it: npm start. See why it stopped: npm run logs')
}

export const checkService = async ({ platform, settings, environment, run }: Surroundings): Promise<Finding> =>
  await findingOf(
    managerFor(platform, planOf(settings, environment), async (command, args) => {
      const ended = await run(command, args)
      return ended === null ? { code: null, output: '' } : { code: ended.code ?? 1, output: ended.output }
    }),
  )
