/** The folders that chats worked in, and the Claude CLI's records of what was said there. They are the owner's work: they go only when told to. */
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { recordsOf } from '../import/conversation.ts'
import type { KnownChat } from './store.ts'

/** As sessions leaves it in the base (`places.ts`): the home that the base belongs to. */
const OWNER_FILE = '.switchboard-owner'

/** Whether the folder of sessions belongs to this home. */
export const isOwner = (base: string, home: string): boolean => {
  const file = join(base, OWNER_FILE)
  return existsSync(file) && readFileSync(file, 'utf8').trim() === home
}

const removeIfEmpty = (folder: string): void => {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() && readdirSync(folder).length === 0) rmdirSync(folder)
}

/** Whether this is `<base>/<bot>/<chat>` in truth: no link leads out of it. */
const isPlace = (base: string, cwd: string): boolean => {
  const inside = relative(base, realpathSync(cwd))
  return inside !== '' && !inside.startsWith('..') && inside.split(sep).length === 2
}

/** Deletes the CLI's records of these conversations and of no other; a project folder that is empty then goes as well. */
const deleteRecords = (config_dir: string, { cwd, conversations }: KnownChat): void => {
  const ids = new Set(conversations)
  for (const record of recordsOf(config_dir, cwd).filter((file) => ids.has(basename(file, '.jsonl')))) {
    rmSync(record, { force: true })
    // What the CLI keeps of it beside: results of tools, work of helpers.
    rmSync(record.slice(0, -'.jsonl'.length), { recursive: true, force: true })
    removeIfEmpty(dirname(record))
  }
}

/** Deletes the folders of these chats below the base, and their records. Returns the paths that were left, with the reason. */
export const deleteChats = (base: string, config_dir: string, chats: readonly KnownChat[]): string[] => {
  const left: string[] = []
  for (const chat of chats) {
    deleteRecords(config_dir, chat)
    if (!existsSync(chat.cwd)) continue
    if (!isPlace(realpathSync(base), chat.cwd)) {
      left.push(`${chat.cwd} leads out of ${base}`)
      continue
    }
    rmSync(realpathSync(chat.cwd), { recursive: true, force: true })
    removeIfEmpty(dirname(chat.cwd))
  }
  return left
}

/** What lies in the base and is no chat of ours, as `<bot>/<chat>`. */
export const othersIn = (base: string): string[] =>
  readdirSync(base, { withFileTypes: true })
    .filter(({ name }) => name !== OWNER_FILE)
    .flatMap((entry) =>
      entry.isDirectory() ? readdirSync(join(base, entry.name)).map((name) => join(entry.name, name)) : entry.name,
    )

/** Gives the base back: another installation may take it. What is empty goes. */
export const releaseBase = (base: string, home: string): void => {
  if (!isOwner(base, home)) return
  rmSync(join(base, OWNER_FILE))
  removeIfEmpty(base)
}
