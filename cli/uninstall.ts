/**
 * `switchboard uninstall`: nothing of ours is left. It says first what goes and what stays, asks, stops everything, makes a last
 * backup where one is wanted, and only then deletes. Whatever fails on the way, what was not deleted yet is still whole, and
 * the same command goes on with it.
 */
import { cpSync, mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { EnvFolder } from '../services/runtime/env.ts'
import { takeLock } from '../services/runtime/lock.ts'
import { readArguments } from './arguments.ts'
import { faultsOf } from './backup/inspection.ts'
import { makeBackup } from './backup/making.ts'
import { holdStill } from './backup/restoring.ts'
import type { Command, Context } from './command.ts'
import { down } from './down.ts'
import { NAMESPACE } from './pm2.ts'
import { installedManager } from './service/choice.ts'
import { removeUnit } from './service.ts'
import { shellWord } from './shell-word.ts'
import { deleteBelongings, listBelongings } from './uninstall/belongings.ts'
import { deleteChats, othersIn, releaseBase } from './uninstall/chats.ts'
import { type Plan, planOf, tell } from './uninstall/plan.ts'
import { endProcesses } from './uninstall/processes.ts'
import { readChats } from './uninstall/store.ts'
import { oursOf } from './up.ts'

/** What idle agents get to leave by themselves. An answer that is being written would be deleted anyway. */
const PATIENCE_MS = 2_000
/** What a backup that is being made may take. */
const BACKUP_MS = 60_000
const WORD = 'delete'
/** Of what stays so much is named. */
const SHOWN = 20

/** Asks the person at the terminal. */
export type AskPerson = (question: string) => Promise<string>

/** Where the last backup goes, made absolute; null: none. Throws for a folder that is about to be deleted. */
const targetOf = (settings: Context['settings'], folder: string): string | null => {
  if (folder.trim() === '') return null
  const target = EnvFolder.parse(folder.trim())
  if (!relative(settings.home, target).startsWith('..'))
    throw new Error(`${target} lies in ${settings.home}, which is deleted. Name another folder for the last backup.`)
  return target
}

/** Makes the last backup and puts it there, looked through once more. Returns its folder. */
const backUpTo = async ({ settings }: Context, target: string): Promise<string> => {
  const lock = await takeLock({ run_dir: settings.run_dir, name: 'backup', wait_ms: 0 })
  try {
    const made = await makeBackup(settings)
    const folder = join(target, made.name)
    mkdirSync(target, { recursive: true, mode: 0o700 })
    cpSync(made.folder, folder, { recursive: true, errorOnExist: true, force: false })
    const faults = await faultsOf({ ...made, folder })
    if (faults.length > 0)
      throw new Error(`The backup in ${folder} is not as it should be: ${faults.join('; ')}. Nothing was deleted.`)
    return folder
  } finally {
    lock.release()
  }
}

/** Stops services, PM2 and the unit, and ends what outlives them. False where something of it goes on. */
const stopAll = async (context: Context): Promise<boolean> => {
  const { settings, pm2, print } = context
  const manager = installedManager(context, process.env)
  if (manager !== null && (await removeUnit(context, manager)) !== 0) return false
  // Beside a unit that does not run it may have been started by hand.
  const isOver = manager !== null && oursOf(await pm2.list()).length === 0
  if (!isOver && (await down.run(context)) !== 0) return false
  const left = await endProcesses(settings.home, PATIENCE_MS)
  if (left.length > 0) print(`These processes do not end: ${left.join(', ')}. End them and call this again; nothing was deleted.`)
  return left.length === 0
}

const remove = async ({ settings, print }: Context, plan: Plan): Promise<void> => {
  const { real, folders, base, withChats, config_dir } = plan
  const still = await holdStill(settings.run_dir)
  // One that was begun by itself goes on when the services have left.
  const backups = await takeLock({ run_dir: settings.run_dir, name: 'backup', wait_ms: BACKUP_MS })
  try {
    if (base !== null) {
      if (withChats) {
        const left = deleteChats(base, config_dir, readChats(settings.home))
        for (const line of left) print(`Not deleted: ${line}`)
        const others = othersIn(base)
        if (others.length > 0)
          print(`In ${base} stays what is none of the chats that this Switchboard knows: ${others.slice(0, SHOWN).join(', ')}`)
      }
      releaseBase(base, settings.home)
    }
    // Looked at anew: stopping has changed it, and files of chats that nobody knows may be left.
    const { ours, strangers } = listBelongings(real, folders)
    if (strangers.length > 0)
      throw new Error(
        `In ${real} is left what is none of Switchboard's: ${strangers.join(', ')}. Move it away and call this again.`,
      )
    deleteBelongings(settings.home, real, { ours })
  } finally {
    backups.release()
    still.release()
  }
}

const TERMINAL_ONLY = 'There is no terminal to ask at. To go on without being asked: npx switchboard uninstall --yes'

/** @param asker gives whom to ask; null where nobody is there */
export const uninstallBy = (asker: () => { ask: AskPerson; close(): void } | null): Command => ({
  summary: 'Delete Switchboard from this machine: processes, the unit, and all data; says what goes and asks first',
  usage: '[--chats] [--backup FOLDER] [--yes]',
  run: async (context) => {
    const { settings, print } = context
    const flag = { type: 'boolean' } as const
    const { values } = readArguments(context.args, { yes: flag, chats: flag, backup: { type: 'string' } })
    const { SWITCHBOARD_TURN_FILE: turn = '', SWITCHBOARD_RUN: run } = process.env
    if (turn.startsWith(join(settings.home, 'agents')) || run !== undefined) {
      print('An agent or a job of Switchboard cannot delete what it runs in. Call it from a terminal of your own.')
      return 1
    }
    const plan = planOf(context, values.chats === true)
    const strangers = plan.belongings.strangers.filter((name) => !plan.withChats || name !== plan.inside)
    if (strangers.length > 0) {
      print(`These lie in ${plan.real} and are none of Switchboard's. Move them away first; nothing was changed:`)
      for (const name of strangers)
        print(`  ${name}${name === plan.inside ? ' (the files of the chats: --chats deletes them)' : ''}`)
      return 1
    }
    const others = plan.folders.length === 0 ? [] : (await context.pm2.list()).filter(({ namespace }) => namespace !== NAMESPACE)
    if (others.length > 0) {
      print(
        `The PM2 of Switchboard looks after others, too: ${others.map(({ name }) => name).join(', ')}. Move them to a PM2 of their own first.`,
      )
      return 1
    }
    tell(context, plan)
    let folder = values.backup ?? ''
    if (values.yes !== true) {
      const person = asker()
      if (person === null) {
        print(TERMINAL_ONLY)
        return 2
      }
      try {
        if (values.backup === undefined) folder = await person.ask('A last backup into which folder? (Enter: none) ')
        if ((await person.ask(`Type "${WORD}" to go on: `)).trim() !== WORD) {
          print('Nothing was changed.')
          return 1
        }
      } finally {
        person.close()
      }
    }
    const target = targetOf(settings, folder)
    if (!(await stopAll(context))) return 1
    if (target !== null) {
      const made = await backUpTo(context, target)
      print(`The last backup: ${made}. To come back: npx switchboard restore ${shellWord(made)}, then npm start`)
    }
    await remove(context, plan)
    print(`Switchboard is gone: ${settings.home} is deleted, and nothing of it runs. The checkout stays: ${settings.root}`)
    return 0
  },
})

const atTerminal = (): { ask: AskPerson; close(): void } | null => {
  if (!process.stdin.isTTY) return null
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  return { ask: (question) => lines.question(question), close: () => lines.close() }
}

export const uninstall = uninstallBy(atTerminal)
