/** `switchboard restore`: a backup in the place of what is there, which is kept aside. */
import { EnvFolder } from '../services/runtime/env.ts'
import { takeLock } from '../services/runtime/lock.ts'
import { readArguments, UsageError } from './arguments.ts'
import { isRestoreUnfinished } from './backup/journal.ts'
import { finishRestore, holdStill, restore as putBack, restoreTo } from './backup/restoring.ts'
import { findBackup, listBackups } from './backup/shelf.ts'
import type { Command, Context } from './command.ts'
import { shellWord } from './shell-word.ts'
import { oursOf } from './up.ts'

const finish = async ({ settings, print }: Context): Promise<number> => {
  if (!isRestoreUnfinished(settings.home)) {
    print('No restore was cut off: there is nothing to finish.')
    return 0
  }
  const still = await holdStill(settings.run_dir)
  try {
    print(`Finished. What was there before lies in ${finishRestore(settings.home)}. Start: npm start`)
    return 0
  } finally {
    still.release()
  }
}

const choose = ({ settings, print }: Context): number => {
  print('Name the backup to put back (npx switchboard restore NAME), newest last:')
  for (const { name } of listBackups(settings.home)) print(`  ${name}`)
  return 2
}

const put = async ({ settings, pm2, print }: Context, name: string, to: string | undefined): Promise<number> => {
  const backup = findBackup(settings.home, name)
  if (to !== undefined) {
    const target = EnvFolder.parse(to)
    await restoreTo(backup, target, settings.root)
    print(`${backup.name} lies in ${target}, verified. To look at it (its prompts run at their times, too, so not for long):`)
    const [home, chats] = [shellWord(target), shellWord(`${target}-chats`)]
    print(`  SWITCHBOARD_HOME=${home} GATEWAY_SESSION_DIR=${chats} GATEWAY_PORT=8100 CRON_SHELL=off npm start`)
    return 0
  }
  if (oursOf(await pm2.list()).length > 0) {
    print('Switchboard is running. Stop it first: npm stop')
    return 1
  }
  const replaced = await putBack(settings, backup)
  print(
    `${backup.name} was put back, verified. What was there before lies in ${replaced}, for REPLACED_KEEP_DAYS (90 days where that is not set), and is yours to delete before.`,
  )
  print('Start: npm start')
  return 0
}

export const restore: Command = {
  summary: 'Put a backup in the place of what is there, which is kept aside; or into a new folder',
  usage: '[backup] [--to FOLDER] [--finish]',
  run: async (context) => {
    const { values, words } = readArguments(context.args, { to: { type: 'string' }, finish: { type: 'boolean' } }, 1)
    const [name] = words
    if (values.finish === true && (name !== undefined || values.to !== undefined))
      throw new UsageError('--finish goes on with the backup that was begun with, and takes no other')
    const lock = await takeLock({ run_dir: context.settings.run_dir, name: 'backup', wait_ms: 0 })
    try {
      if (values.finish === true) return await finish(context)
      return name === undefined ? choose(context) : await put(context, name, values.to)
    } finally {
      lock.release()
    }
  },
}
