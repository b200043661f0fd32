/** `switchboard backup`: all databases, consistent and looked through, while everything runs. */

import { parseEnv } from '../services/runtime/env.ts'
import { takeLock } from '../services/runtime/lock.ts'
import { makeBackup } from './backup/making.ts'
import { BackupEnv, limitsOf } from './backup/settings.ts'
import { rotate } from './backup/shelf.ts'
import type { Command } from './command.ts'
import { formatSize } from './table.ts'

export const backup: Command = {
  summary: 'Copy all databases, look the copies through, and let go of old ones; works while everything runs',
  run: async ({ settings, print }) => {
    const limits = limitsOf(parseEnv(BackupEnv, { environment: process.env }), Date.now())
    const lock = await takeLock({ run_dir: settings.run_dir, name: 'backup', wait_ms: 0 })
    try {
      const made = await makeBackup(settings)
      const bytes = made.manifest.files.reduce((sum, file) => sum + file.bytes, 0)
      const what = made.manifest.files.map(({ service, file }) => service ?? file).join(', ')
      print(`${made.folder}: ${formatSize(bytes)}, sound (${what})`)
      const gone = rotate(settings.home, limits)
      if (gone.length > 0) print(`Let go of ${gone.length} older: ${gone.join(', ')}`)
      return 0
    } finally {
      lock.release()
    }
  },
}
