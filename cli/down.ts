/** `switchboard down`: agents finish what they are saying, services leave in order, nothing of ours listens afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../protocol/client.ts'
import { openLink } from '../protocol/wire/link.ts'
import { isAlive } from '../services/runtime/process.ts'
import type { Command, Context } from './command.ts'
import { isListening } from './edge.ts'
import type { App } from './pm2.ts'
import { installedManager } from './service/choice.ts'
import { heldBack, type Manager } from './service/manager.ts'
import { oursOf } from './up.ts'

/** Above PM2's `kill_timeout`, after which nothing is waited for any more. */
const DEADLINE_MS = 20_000
const RETIRE_MS = 3_000
const LOOK_MS = 50

/** Asks sessions to hand over no more and to let its agents leave. Resolves with how many answers are being written. */
const retire = async ({ settings, print }: Context): Promise<number> => {
  const link = openLink({ run_dir: settings.run_dir, service: 'sessions' })
  try {
    const { running } = await createClient('sessions', link.call).retire({}, { timeout_ms: RETIRE_MS })
    return running
  } catch (error) {
    print(`Sessions could not be asked to let its agents leave (${(error as Error).message}); they leave by themselves later.`)
    return 0
  } finally {
    await link.close()
  }
}

/** Waits until the given processes are gone. Resolves with those that are not. */
const waitForDeath = async (pids: readonly number[]): Promise<number[]> => {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const left = pids.filter(isAlive)
    if (left.length === 0 || Date.now() > deadline) return left
    await sleep(LOOK_MS)
  }
}

const endAll = async (
  context: Context,
  manager: Manager | null,
  apps: readonly App[],
  ours: readonly App[],
): Promise<number[]> => {
  const { pm2 } = context
  const daemon = pm2.daemonPid()
  const pids = ours.map((app) => app.pid).filter((pid) => pid > 0)
  // Ended behind its back, the service manager would start it again.
  if (manager !== null && (await manager.isActive())) {
    await manager.stop()
    return await waitForDeath(daemon === null ? pids : [...pids, daemon])
  }
  // A PM2 that looks after other applications as well stays.
  if (apps.length > ours.length) {
    await pm2.remove(ours.map((app) => app.id))
    return await waitForDeath(pids)
  }
  await pm2.kill()
  return await waitForDeath(daemon === null ? pids : [...pids, daemon])
}

export const down: Command = {
  summary: 'Stop everything; agents finish the answer they are writing',
  opensHome: false,
  run: async (context) => {
    const { settings, pm2, print } = context
    const apps = await pm2.list()
    const ours = oursOf(apps)
    if (apps.length > 0 && ours.length === 0) {
      print('Switchboard is not running.')
      return 0
    }
    if (ours.length === 0 && pm2.daemonPid() === null) {
      print('Switchboard is not running.')
      return 0
    }
    const manager = installedManager(context, process.env)
    const fault = await heldBack(manager, pm2.daemonPid())
    if (fault !== null) {
      print(fault)
      return 1
    }
    const running = ours.some((app) => app.name === 'sessions' && app.status === 'online') ? await retire(context) : 0
    const left = await endAll(context, manager, apps, ours)
    if (left.length > 0) {
      print(`These processes did not end within ${DEADLINE_MS / 1_000} s: ${left.join(', ')}`)
      return 1
    }
    if (ours.some((app) => app.name === 'edge') && (await isListening(settings.host, settings.port))) {
      print(`Switchboard has stopped, yet something else listens on ${settings.url}.`)
      return 0
    }
    print('Switchboard has stopped.')
    if (running > 0)
      print(
        `${running === 1 ? 'One answer is' : `${running} answers are`} still being written; after the next start the end is in history.`,
      )
    return 0
  },
}
