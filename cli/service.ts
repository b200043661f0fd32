/** `switchboard service`: started by the system itself, at each start of the machine. */
import { existsSync } from 'node:fs'
import { readEnvironment } from '../services/runtime/env.ts'
import { readArguments } from './arguments.ts'
import { unfinishedRestore } from './backup/journal.ts'
import type { Command, Context } from './command.ts'
import { down } from './down.ts'
import { exportLines, hasDaemon, preparePm2Home } from './service/beginning.ts'
import { managerFor } from './service/choice.ts'
import { heldBack, installedNode, isInstalled, type Manager } from './service/manager.ts'
import { planOf } from './service/plan.ts'
import { bringUp, lengthFault, oursOf } from './up.ts'

/** Settings of the services that are given in this shell and in no file: the service will not have them. */
const onlyInShell = (): string[] => {
  const inFiles = readEnvironment({ environment: { HOME: process.env.HOME, SWITCHBOARD_HOME: process.env.SWITCHBOARD_HOME } })
  return Object.keys(process.env).filter(
    (name) => /^(GATEWAY|CLAUDE|CRON|TELEGRAM|AGENT|REPORT|BACKUP|OLLAMA|ANTHROPIC)_/.test(name) && inFiles[name] === undefined,
  )
}

const install = async (context: Context, manager: Manager): Promise<number> => {
  const { settings, pm2, print } = context
  const tooLong = lengthFault(settings.home)
  if (tooLong !== null) {
    print(tooLong)
    return 1
  }
  if (!isInstalled(manager) && oursOf(await pm2.list()).length > 0) {
    print('Switchboard was started by hand and still runs. Stop it first: npm stop')
    return 1
  }
  if (existsSync(manager.file) && !isInstalled(manager)) {
    print(`${manager.file} is that of another Switchboard. Uninstall that one first, from its own checkout.`)
    return 1
  }
  const shell = onlyInShell()
  if (shell.length > 0)
    print(
      `These are set in this shell only, and the service will not have them; write them into ${settings.home}/.env: ${shell.join(', ')}`,
    )
  for (const line of await manager.install()) print(line)
  print(`Installed: ${manager.file}`)
  if (!(await manager.isActive())) {
    print('It was installed and does not run. See why: npx switchboard service status, npm run logs')
    return 1
  }
  return await bringUp(context, [], undefined, manager)
}

/** Stops everything and takes the unit away. Resolves with the exit code of the stop; with 1, and nothing done, where it is held back. */
export const removeUnit = async (context: Context, manager: Manager): Promise<number> => {
  const fault = await heldBack(manager, context.pm2.daemonPid())
  if (fault !== null) {
    context.print(fault)
    return 1
  }
  const code = (await manager.isActive()) ? await down.run(context) : 0
  for (const line of await manager.uninstall()) context.print(line)
  context.print(`Uninstalled; ${manager.file} is gone.`)
  return code
}

const uninstall = async (context: Context, manager: Manager): Promise<number> => {
  if (!isInstalled(manager)) {
    context.print('It is not installed as a service.')
    return 0
  }
  await removeUnit(context, manager)
  if (isInstalled(manager)) return 1
  context.print(`Your data stays in ${context.settings.home}.`)
  return 0
}

const status = async ({ print }: Context, manager: Manager): Promise<number> => {
  if (!isInstalled(manager)) {
    print('It is not installed as a service. Install it: npx switchboard service install')
    return 1
  }
  const isActive = await manager.isActive()
  print(`${manager.file}: installed with ${manager.name}, ${isActive ? 'running' : 'not running'}`)
  const node = installedNode(manager)
  if (node !== null && !existsSync(node))
    print(`${node}, with which it was installed, is gone: it takes another one. For good: npx switchboard service install`)
  return isActive ? 0 : 1
}

/** For `start.sh`: what it is to export, or why it may not begin. */
const environment = async ({ settings, print }: Context): Promise<number> => {
  if (await hasDaemon(settings.pm2_home)) {
    print('Switchboard: it was started by hand (npm start) and still runs; the service begins when that has ended (npm stop).')
    return 1
  }
  preparePm2Home(settings.pm2_home)
  for (const line of exportLines(settings)) print(line)
  return 0
}

/** What has the services begin; the first is asked by `start.sh`. */
const BEGINNING: readonly string[] = ['environment', 'install', 'start']

export const service: Command = {
  summary: 'Have the system start it at each start of the machine (systemd or launchd), or no longer',
  usage: 'install | uninstall | status | start | stop',
  run: async (context) => {
    const [verb] = readArguments(context.args, {}, 1).words
    const unfinished = BEGINNING.includes(verb ?? '') ? unfinishedRestore(context.settings.home) : null
    if (unfinished !== null) {
      context.print(unfinished)
      return 1
    }
    if (verb === 'environment') return await environment(context)
    const manager = managerFor(process.platform, planOf(context.settings, process.env))
    if (manager === null) {
      context.print(`There is no service for ${process.platform} here. Start it by hand: npm start`)
      return 1
    }
    if (verb === 'install') return await install(context, manager)
    if (verb === 'uninstall') return await uninstall(context, manager)
    if (verb === 'status') return await status(context, manager)
    if (verb === 'stop') return await down.run(context)
    if (verb === 'start' && isInstalled(manager)) return await bringUp(context, [], undefined, manager)
    context.print('Say: npx switchboard service install | uninstall | status | start | stop')
    return 2
  },
}
