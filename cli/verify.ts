/** `switchboard verify`: whether backups are as they were made, and can be put back by this version. */
import { readArguments, UsageError } from './arguments.ts'
import { faultsOf, fromTheFuture } from './backup/inspection.ts'
import { type Backup, findBackup, newestOf, readShelf, shelfOf } from './backup/shelf.ts'
import type { Command } from './command.ts'
import { formatSize, formatSpan } from './table.ts'

const describe = ({ name, manifest }: Backup): string => {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  return `${name}  ${formatSize(bytes)}, ${formatSpan(Date.now() - manifest.made_at)} old`
}

export const verify: Command = {
  summary: 'Look through the newest backup, a given one, or all; exit code 1 when one is not sound or cannot be read',
  usage: '[backup | --all]',
  run: async ({ args, settings, print }) => {
    const { values, words } = readArguments(args, { all: { type: 'boolean' } }, 1)
    const [named] = words
    if (named !== undefined && values.all === true) throw new UsageError('Name one, or say --all')
    const { backups: shelf, unreadable } = readShelf(settings.home)
    const newest = newestOf(shelf, Date.now())
    // Only by its name is one looked at alone.
    const unread = named === undefined ? unreadable : []
    const chosen =
      named !== undefined
        ? [findBackup(settings.home, named)]
        : values.all === true
          ? shelf
          : shelf.filter((backup) => backup === newest)
    if (chosen.length === 0 && unread.length === 0) {
      print(`There is no backup in ${shelfOf(settings.home)}. Make one: npx switchboard backup`)
      return 1
    }
    let isSound = unread.length === 0
    for (const { name, fault } of unread) for (const line of [`${name}  DAMAGED`, `  ${fault}`]) print(line)
    for (const backup of chosen) {
      const future = fromTheFuture(backup, settings.root)
      const faults = await faultsOf(backup)
      if (faults.length > 0) isSound = false
      print(`${describe(backup)}  ${faults.length === 0 ? 'sound' : 'DAMAGED'}`)
      for (const fault of faults) print(`  ${fault}`)
      if (future.length > 0)
        print(`  It needs the Switchboard that made it (${backup.manifest.switchboard}): ${future.join('; ')}`)
    }
    return isSound ? 0 : 1
  },
}
