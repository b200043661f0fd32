/** `switchboard up`: everything under PM2, and back with the prompt once it answers. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { unfinishedRestore } from './backup/journal.ts'
import type { Command, Context } from './command.ts'
import { type Health, isListening, readHealth, unreachable } from './edge.ts'
import { type App, NAMESPACE } from './pm2.ts'
import { installedManager } from './service/choice.ts'
import type { Manager } from './service/manager.ts'
import { runningLines } from './summary.ts'

const DEADLINE_MS = 60_000
const LOOK_MS = 100
/** PM2 is asked less often than the edge: each question starts a program. */
const LIST_MS = 1_500
/** A service that was started this often and is not up does not come up by itself. */
const HOPELESS_RESTARTS = 2
/** A socket's path may have 107 bytes on Linux and 103 on macOS; the longest name below the home has 30. */
const HOME_MAX_BYTES = 70

/** Our own services among what PM2 looks after. */
export const oursOf = (apps: readonly App[]): App[] => apps.filter((app) => app.namespace === NAMESPACE)

const isUp = (app: App): boolean => app.status === 'online'

const areAllUp = (names: readonly string[], apps: readonly App[]): boolean =>
  names.every((name) => apps.some((app) => app.name === name && isUp(app)))

const lastLines = (path: string, count: number): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count) : []

/** How a start went: it answers, a service of it dies again and again, or neither within the deadline. */
type Result = { readonly health: Health } | { readonly crashing: App } | null

/** Waits until the edge answers and PM2 lists every service as ready. */
const waitUntilUp = async ({ settings, pm2 }: Context, before: readonly App[]): Promise<Result> => {
  const deadline = Date.now() + DEADLINE_MS
  // Being restarted by us is one restart more.
  const expected = new Map(before.map((app) => [app.id, app.restarts + 1]))
  let listed_at = 0
  while (Date.now() < deadline) {
    const health = await readHealth(settings.url, settings.token)
    if (health || Date.now() - listed_at > LIST_MS) {
      const apps = oursOf(await pm2.list())
      listed_at = Date.now()
      const crashing = apps.find(
        (app) => app.status === 'errored' || app.restarts - (expected.get(app.id) ?? 0) >= HOPELESS_RESTARTS,
      )
      if (crashing) return { crashing }
      if (health && unreachable(health).length === 0 && areAllUp(settings.services, apps)) return { health }
    }
    await sleep(LOOK_MS)
  }
  return null
}

const explainCrash = ({ settings, print }: Context, app: App): void => {
  print(`The service "${app.name}" does not start. Its last words:`)
  for (const line of lastLines(join(settings.logs_dir, `${app.name}.log`), 12)) print(`  ${line}`)
}

const explainSilence = async ({ settings, pm2, print }: Context, output: string): Promise<void> => {
  print(`Switchboard did not answer on ${settings.url} within ${DEADLINE_MS / 1_000} s.`)
  for (const app of oursOf(await pm2.list()))
    print(`  ${app.name}: ${app.status}, log in ${join(settings.logs_dir, `${app.name}.log`)}`)
  if (output.trim() !== '') print(output.trim())
}

/** Has the service manager start what it has installed; PM2 is then its child. */
const startService = async (manager: Manager): Promise<string> => {
  await manager.start()
  return ''
}

/**
 * Starts (or restarts, with a name just that one), waits and tells. Resolves with the exit code.
 * @param manager begins in PM2's stead, where nothing runs yet and it has Switchboard installed as a service
 */
export const bringUp = async (
  context: Context,
  before: readonly App[],
  name?: string,
  manager: Manager | null = null,
): Promise<number> => {
  const { settings, pm2, print } = context
  const output = manager === null ? (await pm2.startOrRestart(name)).output : await startService(manager)
  const result = await waitUntilUp(context, before)
  if (result && 'health' in result) {
    for (const line of runningLines(settings, result.health)) print(line)
    return 0
  }
  if (result) explainCrash(context, result.crashing)
  else await explainSilence(context, output)
  if (before.length === 0) {
    await (manager ?? { stop: pm2.kill }).stop()
    print('Nothing was left running. Mend the cause and start again.')
  } else {
    print('PM2 keeps trying. Mend the cause, or stop everything with: npm stop')
  }
  return 1
}

/** Why nothing can start in this home, whoever starts it, in words; null where it can. */
export const lengthFault = (home: string): string | null =>
  Buffer.byteLength(home) > HOME_MAX_BYTES
    ? `SWITCHBOARD_HOME is too long for sockets (${home}): choose a folder of at most ${HOME_MAX_BYTES} characters.`
    : null

/** Why it cannot start here, in words, or null. */
const obstacle = async ({ settings }: Context, ours: readonly App[]): Promise<string | null> => {
  const fault = lengthFault(settings.home) ?? unfinishedRestore(settings.home)
  if (fault !== null) return fault
  const elsewhere = ours.find((app) => app.cwd !== settings.root)
  if (elsewhere) {
    return `Switchboard is already running from another checkout, ${elsewhere.cwd}. Stop it there first: npm stop`
  }
  const edgeRuns = ours.some((app) => app.name === 'edge' && isUp(app))
  if (!edgeRuns && (await isListening(settings.host, settings.port))) {
    return [
      `Port ${settings.port} on ${settings.host} is taken by another program. See which one: lsof -i :${settings.port}`,
      `Stop that one, or choose another port: GATEWAY_PORT=${settings.port + 1} npm start`,
    ].join('\n')
  }
  return null
}

export const up: Command = {
  summary: 'Start everything and say where it listens',
  run: async (context) => {
    const { settings, pm2, print } = context
    const ours = oursOf(await pm2.list())
    const reason = await obstacle(context, ours)
    if (reason !== null) {
      print(reason)
      return 1
    }
    if (areAllUp(settings.services, ours)) {
      const health = await readHealth(settings.url, settings.token)
      if (health) {
        print('Switchboard is already running. After a change of code or settings: npm run restart')
        for (const line of runningLines(settings, health)) print(line)
        return 0
      }
    }
    return await bringUp(context, ours, undefined, ours.length === 0 ? installedManager(context, process.env) : null)
  },
}
