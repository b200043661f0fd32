/** `switchboard upgrade`: after new code was fetched. A backup, a rehearsal of the migrations on it, then the restart. */
import { join } from 'node:path'
import { takeLock } from '../services/runtime/lock.ts'
import { makeBackup } from './backup/making.ts'
import { rehearse } from './backup/rehearsal.ts'
import type { Command } from './command.ts'
import { bringUp, oursOf } from './up.ts'

export const upgrade: Command = {
  summary: 'After new code was fetched: back up, rehearse its migrations on the copy, and only then restart',
  run: async (context) => {
    const { settings, pm2, print } = context
    const lock = await takeLock({ run_dir: settings.run_dir, name: 'backup', wait_ms: 0 })
    try {
      const backup = await makeBackup(settings)
      print(`Backed up to ${backup.folder}`)
      const rehearsed = await rehearse(backup, join(settings.home, 'rehearsal.partial'), settings.root)
      const changed = rehearsed.filter(({ from, to }) => from !== to)
      for (const { service, from, to } of changed) print(`  ${service}: schema ${from} becomes ${to}, tried on the copy`)
      if (changed.length === 0) print('  No database changes its schema.')
    } catch (error) {
      print(`Nothing was restarted: ${(error as Error).message}`)
      return 1
    } finally {
      lock.release()
    }
    const ours = oursOf(await pm2.list())
    if (ours.length > 0) return await bringUp(context, ours)
    print('Switchboard is not running. Start it: npm start')
    return 0
  },
}
